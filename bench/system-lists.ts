import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Facts, PeerList } from './compare';
import { processKey } from './own-lists';

/** The system's own tools, each asked for one kind. */
const run = (command: string, args: readonly string[]): readonly string[] =>
  execFileSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1 << 28,
  })
    .split('\n')
    .filter((line) => line !== '');

function listed(
  command: string,
  args: readonly string[],
  read: (line: string) => readonly [string, Facts] | null,
): PeerList {
  try {
    return new Map(run(command, args).flatMap((line) => [read(line)].filter((it) => it !== null)));
  } catch (error) {
    const { code } = error as { code?: unknown };
    return { missing: code === 'ENOENT' ? `${command} is not here` : `${command} failed` };
  }
}

const words = (line: string): readonly string[] => line.trim().split(/\s+/);

export const getentUsers = (): PeerList =>
  listed('getent', ['passwd'], (line) => {
    const [name, , uid, gid, , home, shell] = line.split(':');
    return [[name, uid, gid, home, shell].join(':'), {}];
  });

export const getentGroups = (): PeerList =>
  listed('getent', ['group'], (line) => {
    const [name, , gid] = line.split(':');
    return [`${name ?? ''}:${gid ?? ''}`, {}];
  });

/** A star stands for every address of both families. */
function socketOf(line: string): readonly [string, Facts] | null {
  const [protocol = '', , , , local = ''] = words(line);
  const colon = local.lastIndexOf(':');
  const address = local
    .slice(0, colon)
    .replace(/%.*$/, '')
    .replace(/^\[(.*)\]$/, '$1');
  const six = address.includes(':') || address === '*' ? '6' : '';
  return [`${protocol}${six} ${address === '*' ? '::' : address} ${local.slice(colon + 1)}`, {}];
}

export const listeningSockets = (): PeerList => listed('ss', ['-lntuH'], socketOf);

export const psProcesses = (): PeerList =>
  listed('ps', ['-e', '-o', 'pid=,ppid=,comm='], (line) => {
    const [, pid = '', parent = '', name = ''] = /^\s*(\d+)\s+(\d+)\s(.*)$/.exec(line) ?? [];
    return [processKey(Number(pid), name, parent === '2' || pid === '2'), {}];
  });

export const dpkgPackages = (root: string): PeerList =>
  listed(
    'dpkg-query',
    [
      ...['--admindir', join(root, 'var/lib/dpkg'), '-W'],
      ...['-f', '${Package} ${Version} ${Architecture} ${db:Status-Status}\n'],
    ],
    (line) => {
      const [name = '', version = '', architecture = '', status = ''] = line.split(' ');
      return [`${name} ${version} ${architecture}`, { status: `install ok ${status}` }];
    },
  );

export const systemdUnits = (root: string): PeerList =>
  listed(
    'systemctl',
    [`--root=${root}`, 'list-unit-files', '--type=service', '--no-legend', '--no-pager'],
    (line) => {
      const [name = '', state = ''] = words(line);
      return [name, { state }];
    },
  );

export const loadedModules = (): PeerList =>
  listed('lsmod', [], (line) => {
    const [name = ''] = words(line);
    return name === 'Module' ? null : [name, {}];
  });
