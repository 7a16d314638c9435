import { basename } from 'node:path';
import type { Root } from '../files/root';
import { filesFor, type Machine } from '../machine';
import type { Scope } from '../scope';
import { listText, nameText, pathText } from '../text';

const TABLE_MAX = 16 * 1024 * 1024;
const KERNELS_MAX = 64;

/** Exists in every kernel that can load modules. */
const SWITCH = '/sys/kernel/modules_disabled';

/**
 * Loaded modules of a running kernel; the modules that are there to be loaded of an unpacked root.
 * @source DC-1
 */
export function collectKernelModules(machine: Machine): void {
  const scope = filesFor(machine, 'kernel-module');
  if (machine.live === null) collectInstalled(machine, scope);
  else collectLoaded(machine, scope, machine.live.proc);
}

function collectLoaded(machine: Machine, scope: Scope, proc: Root): void {
  const table = proc.read('/modules', TABLE_MAX);
  if (!table.ok) {
    // A kernel that cannot load modules has neither the table nor the switch: none is the full answer.
    const builtIn = table.reason === 'missing' && proc.list('/sys/kernel', 10_000).ok;
    if (!builtIn || proc.stat(SWITCH).ok) scope.trouble(table.reason, '/proc/modules');
    return;
  }
  for (const line of table.value.toString('utf8').split('\n')) addLoaded(machine, line);
}

/** Name, size, number of users, users, state, address. */
function addLoaded({ findings }: Machine, line: string): void {
  const [name = '', size = '', , users = ''] = line.split(' ');
  if (!/^\d{1,15}$/.test(size)) return;
  findings.add({
    kind: 'kernel-module',
    name: nameText(name),
    loaded: true,
    sizeBytes: Number(size),
    usedBy: listText(users.split(',').filter((user) => /^[^[-]/.test(user))),
    kernel: null,
    file: null,
  });
}

function collectInstalled(machine: Machine, scope: Scope): void {
  const kernels = scope.list('/lib/modules');
  if (kernels.length > KERNELS_MAX) scope.trouble('too-many', '/lib/modules');
  for (const { name: kernel, type } of kernels.slice(0, KERNELS_MAX)) {
    const folder = `/lib/modules/${kernel}`;
    if (type === 'directory' && scope.isMissing(`${folder}/modules.dep`)) {
      scope.trouble('missing', `${folder}/modules.dep`);
    }
    for (const line of scope.lines(`${folder}/modules.dep`, TABLE_MAX)) {
      const file = line.slice(0, Math.max(0, line.indexOf(':')));
      if (file === '') continue;
      machine.findings.add({
        kind: 'kernel-module',
        name: nameText(moduleName(file)),
        loaded: null,
        sizeBytes: null,
        usedBy: [],
        kernel: nameText(kernel),
        file: pathText(file.startsWith('/') ? file : `${folder}/${file}`),
      });
    }
  }
}

/** The kernel writes `_` where file names have `-`. */
const moduleName = (file: string): string =>
  basename(file)
    .replace(/\.ko(\.(gz|xz|zst))?$/, '')
    .replaceAll('-', '_');
