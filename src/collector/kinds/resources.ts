import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../files/attempt';
import { holdsFiles, type Mount } from '../live/mounts';
import { createScope, type Scope } from '../scope';
import { filesFor, noteNotLive, type Live, type Machine } from '../machine';
import { nameOrNull, nameText, pathText } from '../text';
import { BOUNDS } from '../../contracts/schemas/fingerprint-fields';

/** Sectors are counted in 512 bytes whatever the disk's own are. */
const SECTOR_BYTES = 512;

const PROC_MAX = 4 * 1024 * 1024;
const DISKS_MAX = 1024;

/**
 * Processors, memory, file systems, disks and network cards, and one record of how much of them is in
 * use at the moment. @source DC-1
 */
export function collectResources(machine: Machine): void {
  noteNotLive(machine, 'resource-monitoring');
  if (machine.live === null) return;
  const proc = createScope(machine.findings, machine.live.proc, 'resource-monitoring');
  const memory = readMemory(proc);
  if (proc.isMissing('/meminfo')) proc.trouble('missing', '/proc/meminfo');
  addProcessors(machine, proc);
  machine.findings.add({
    kind: 'resource-monitoring',
    item: 'memory',
    totalBytes: memory.get('MemTotal') ?? 0,
    swapTotalBytes: memory.get('SwapTotal') ?? 0,
  });
  const sizes = addFilesystems(machine, machine.live);
  addDisks(machine);
  addNetworkInterfaces(machine);
  addUsage(machine, proc, { memory, sizes });
}

function addProcessors(machine: Machine, proc: Scope): void {
  const text = proc.text('/cpuinfo', PROC_MAX) ?? '';
  const model = /^(?:model name|Model|cpu model|uarch)\s*:\s*(.+)$/m.exec(text)?.[1];
  machine.findings.add({
    kind: 'resource-monitoring',
    item: 'processor',
    model: nameOrNull(model?.replace(/\s+/g, ' ')),
    logicalProcessors: text.match(/^processor\s*:/gm)?.length ?? 0,
  });
}

/** Amounts of memory in bytes by the kernel's names. */
function readMemory(proc: Scope): ReadonlyMap<string, number> {
  const amounts = new Map<string, number>();
  for (const line of proc.lines('/meminfo', PROC_MAX)) {
    const [, name = '', kibibytes = ''] = /^(\w+):\s+(\d{1,12}) kB$/.exec(line) ?? [];
    if (name !== '') amounts.set(name, Number(kibibytes) * 1024);
  }
  return amounts;
}

interface Size {
  readonly mountPoint: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
}

function addFilesystems(machine: Machine, { mounts }: Live): readonly Size[] {
  const sizes: Size[] = [];
  for (const mount of mounts.filter(holdsFiles)) {
    const size = sizeOf(machine, mount);
    if (size !== null) sizes.push(size);
    machine.findings.add({
      kind: 'resource-monitoring',
      item: 'filesystem',
      mountPoint: pathText(mount.mountPoint),
      device: pathText(mount.device || 'none'),
      filesystem: nameText(mount.filesystem),
      readOnly: mount.readOnly,
      totalBytes: size?.totalBytes ?? null,
    });
  }
  return sizes;
}

/** Sizes of what lies on another machine are not asked for: the question could wait for ever. */
function sizeOf({ files }: Machine, { mountPoint, remote }: Mount): Size | null {
  if (remote) return null;
  const found = files.resolve(mountPoint);
  if (!found.ok) return null;
  const size = attempt(() => statfsSync(join(found.value, '/')));
  if (!size.ok || !Number.isSafeInteger(size.value.blocks * size.value.bsize)) return null;
  const { blocks, bavail, bsize } = size.value;
  return {
    mountPoint: pathText(mountPoint),
    totalBytes: blocks * bsize,
    freeBytes: Math.min(bavail, blocks) * bsize,
  };
}

/** Memory disks and loops come and go with what uses them; they are no hardware. */
const NO_DISK = /^(ram|loop|zram|dm-|fd|sr)\d/;

function addDisks(machine: Machine): void {
  const scope = filesFor(machine, 'resource-monitoring');
  for (const { name } of scope.list('/sys/block').slice(0, DISKS_MAX)) {
    if (NO_DISK.test(name)) continue;
    const value = (file: string): string => scope.text(`/sys/block/${name}/${file}`)?.trim() ?? '';
    const sectors = value('size');
    const rotational = value('queue/rotational');
    machine.findings.add({
      kind: 'resource-monitoring',
      item: 'disk',
      name: nameText(name),
      model: nameOrNull(value('device/model')),
      sizeBytes: /^\d{1,13}$/.test(sectors) ? Number(sectors) * SECTOR_BYTES : 0,
      rotational: rotational === '' ? null : rotational === '1',
    });
  }
}

/** Only cards: the kernel's own interfaces come and go with containers. */
function addNetworkInterfaces(machine: Machine): void {
  const scope = filesFor(machine, 'resource-monitoring');
  for (const { name } of scope.list('/sys/class/net').slice(0, DISKS_MAX)) {
    const folder = `/sys/class/net/${name}`;
    if (!machine.files.resolve(`${folder}/device`).ok || !isThere(machine, `${folder}/device`)) {
      continue;
    }
    const mtu = scope.text(`${folder}/mtu`)?.trim() ?? '';
    machine.findings.add({
      kind: 'resource-monitoring',
      item: 'network-interface',
      name: nameText(name),
      address: nameOrNull(scope.text(`${folder}/address`)),
      mtuBytes: /^\d{1,7}$/.test(mtu) ? Number(mtu) : null,
    });
  }
}

const isThere = ({ files }: Machine, path: string): boolean => files.stat(path).ok;

function addUsage(
  machine: Machine,
  proc: Scope,
  { memory, sizes }: { memory: ReadonlyMap<string, number>; sizes: readonly Size[] },
): void {
  const loads = (proc.text('/loadavg') ?? '').split(' ').slice(0, 3).map(hundredths);
  const [load1Hundredths = 0, load5Hundredths = 0, load15Hundredths = 0] = loads;
  machine.findings.add({
    kind: 'resource-monitoring',
    item: 'usage',
    load1Hundredths,
    load5Hundredths,
    load15Hundredths,
    memoryAvailableBytes: memory.get('MemAvailable') ?? memory.get('MemFree') ?? 0,
    swapFreeBytes: memory.get('SwapFree') ?? 0,
    uptimeSeconds: Math.floor(hundredths((proc.text('/uptime') ?? '').split(' ')[0] ?? '') / 100),
    filesystems: sizes.slice(0, BOUNDS.list).map((size) => ({ ...size })),
  });
}

/** `1.25` as 125; anything that is no such number as 0. */
const hundredths = (text: string): number =>
  /^\d{1,10}(\.\d{1,6})?$/.test(text) ? Math.round(Number(text) * 100) : 0;
