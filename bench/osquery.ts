import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Facts, PeerList } from './compare';
import { processKey, pythonName, type ListedKind } from './own-lists';

type Row = Readonly<Record<string, string>>;

/** How osquery is asked for one kind and how its answer is read. */
interface Question {
  readonly sql: string;
  readonly read: (row: Row) => readonly [string, Facts] | null;
}

const of = (row: Row, ...columns: readonly string[]): string =>
  columns.map((column) => row[column] ?? '').join(' ');

const named =
  (...columns: readonly string[]) =>
  (row: Row): readonly [string, Facts] => [of(row, ...columns), row];

const TCP = '6';
const IPV6 = '10';
/** The thread that all threads of the kernel come from. */
const KERNEL_PARENT = '2';

function portOf(row: Row): readonly [string, Facts] {
  const protocol = `${row['protocol'] === TCP ? 'tcp' : 'udp'}${row['family'] === IPV6 ? '6' : ''}`;
  return [`${protocol} ${of(row, 'address', 'port')}`, row];
}

function processOf(row: Row): readonly [string, Facts] {
  const ofKernel = row['parent'] === KERNEL_PARENT || row['pid'] === KERNEL_PARENT;
  return [processKey(Number(row['pid']), row['name'] ?? '', ofKernel), row];
}

function taskOf(row: Row): readonly [string, Facts] {
  const fields = of(row, 'minute', 'hour', 'day_of_month', 'month', 'day_of_week');
  const schedule = row['event'] === '' ? fields : (row['event'] ?? '');
  return [[row['path'], schedule, row['command']].join(' '), row];
}

/** Kinds of which osquery has a table. */
export type OsqueryKind = Exclude<ListedKind, 'units'>;

/** One table for each kind. Values of variables are not asked for. */
export const QUESTIONS: Readonly<Record<OsqueryKind, Question>> = {
  users: {
    sql: 'select username, uid, gid, directory, shell from users',
    read: (row) => [
      of(row, 'username', 'uid', 'gid', 'directory', 'shell').replaceAll(' ', ':'),
      row,
    ],
  },
  groups: {
    sql: 'select groupname, gid from groups',
    read: (row) => [of(row, 'groupname', 'gid').replace(' ', ':'), row],
  },
  ports: {
    sql: 'select protocol, family, address, port, pid from listening_ports where family in (2, 10)',
    read: portOf,
  },
  processes: { sql: 'select pid, name, parent from processes', read: processOf },
  debs: {
    sql: 'select name, version, arch, status from deb_packages',
    read: named('name', 'version', 'arch'),
  },
  crontab: { sql: 'select * from crontab', read: taskOf },
  startScripts: {
    sql: "select name, source from startup_items where source <> 'systemd'",
    read: named('name'),
  },
  modules: { sql: 'select name from kernel_modules', read: named('name') },
  environment: { sql: 'select distinct key from process_envs', read: named('key') },
  python: {
    sql: 'select name, version, path from python_packages',
    read: (row) => [`pypi ${pythonName(row['name'] ?? '')} ${row['version'] ?? ''}`, row],
  },
  npm: {
    sql: 'select name, version, path from npm_packages',
    read: (row) => [`npm ${of(row, 'name', 'version')}`, row],
  },
};

/** How osquery is called: on this machine, or with a folder for its root. */
export interface Osquery {
  readonly command: readonly string[];
  close(): void;
}

export const onThisMachine = (program: string): Osquery => ({
  command: [program],
  close: () => undefined,
});

/** osquery has no option for another root: it is put into it for as long as it is asked. */
export function insideRoot(program: string, root: string): Osquery {
  const folder = join(root, '.bench-osquery');
  mkdirSync(folder, { recursive: true });
  copyFileSync(program, join(folder, 'osqueryi'));
  return {
    command: ['chroot', root, '/.bench-osquery/osqueryi'],
    close: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks for one kind. */
export function ask({ command: [program = '', ...before] }: Osquery, kind: OsqueryKind): PeerList {
  const { sql, read } = QUESTIONS[kind];
  try {
    const answer = execFileSync(program, [...before, '--json', sql], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 28,
    });
    const rows = JSON.parse(answer) as readonly Row[];
    return new Map(rows.flatMap((row) => [read(row)].filter((entry) => entry !== null)));
  } catch (error) {
    return { missing: error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'it failed' };
  }
}
