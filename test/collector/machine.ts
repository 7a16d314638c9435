import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { collectHost } from '../../src/collector';
import type { FingerprintKind } from '../../src/contracts/observations';
import type { Fingerprint, FingerprintOf } from '../../src/contracts/schemas/fingerprints';
import type { HostReport, Unread } from '../../src/contracts/schemas/host-report';

/** What stands at a path: a text, bytes, a link, or a file that may be run. */
type Content = string | Uint8Array | { readonly link: string } | { readonly script: string };

/** Files by their paths below the root, without a slash in front. */
export type Files = Readonly<Record<string, Content>>;

export const ASSET_ID = 'as_0123456789abcdef';
export const COLLECTED_AT = '2026-03-01T08:00:00Z';
export const CONTAINER_ID = 'c0ffee'.padEnd(64, '0');

/** Below here everything is made by the tests of one file; `removeFolders` takes it away. */
const folders: string[] = [];

/** An empty folder. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-collector-'));
  folders.push(folder);
  return folder;
}

/** Removes every folder that was made. */
export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** Writes files below a folder and returns the folder. */
export function write(folder: string, files: Files): string {
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    if (typeof content === 'string' || content instanceof Uint8Array) writeFileSync(file, content);
    else if ('link' in content) symlinkSync(content.link, file);
    else writeFileSync(file, content.script, { mode: 0o755 });
  }
  return folder;
}

/** A root with these files. */
export const rootWith = (files: Files): string => write(newFolder(), files);

/** Collects the files of a machine that does not run. */
export const collectFiles = (files: Files): HostReport => collect(rootWith(files), null);

/** Collects a machine that runs, from made files and made processes. */
export const collectLive = (files: Files, proc: Files): HostReport =>
  collect(rootWith(files), rootWith({ ...BARE_PROC, ...proc }));

/** Collects a root and what the kernel shows. */
export const collect = (root: string, proc: string | null): HostReport =>
  collectHost({ root, proc, assetId: ASSET_ID, collectedAt: COLLECTED_AT });

/** Records of one kind. */
export const ofKind = <Kind extends FingerprintKind>(
  { fingerprints }: HostReport,
  kind: Kind,
): readonly FingerprintOf<Kind>[] =>
  fingerprints.filter((record: Fingerprint): record is FingerprintOf<Kind> => record.kind === kind);

/** What is unread of one kind, as `reason place place`. */
export const unreadOf = ({ unread }: HostReport, kind: Unread['kind']): readonly string[] =>
  unread
    .filter((trouble) => trouble.kind === kind)
    .map(({ reason, places }) => [reason, ...places].join(' '));

/** What every kernel shows. */
const BARE_PROC: Files = {
  cpuinfo:
    'processor\t: 0\nmodel name\t: Example  CPU\n\nprocessor\t: 1\nmodel name\t: Example  CPU\n',
  meminfo:
    'MemTotal:        8000 kB\nMemAvailable:    6000 kB\nSwapTotal:       1000 kB\nSwapFree:  500 kB\n',
  loadavg: '0.50 1.25 2.00 1/100 4242\n',
  uptime: '1000.55 900.00\n',
  stat: 'cpu 1 2 3\nbtime 1767225600\n',
  mounts:
    '/dev/vda1 / ext4 rw,relatime 0 0\nproc /proc proc rw 0 0\nserver:/x /mnt\\040x nfs4 ro 0 0\n',
  modules: 'nf_tables 311296 2 nft_compat,nft_chain_nat, Live 0x0\nvirtio_net 65536 0 - Live 0x0\n',
  'sys/kernel/osrelease': '6.1.0-example\n',
  'sys/kernel/hostname': 'shop-1\n',
  'sys/kernel/random/boot_id': '11111111-2222-3333-4444-555555555555\n',
  'net/if_inet6':
    'fe800000000000000000000000000001 02 40 20 80     eth0\n' +
    '20010db8000000000000000000000007 02 40 00 80     eth0\n',
  'net/fib_trie':
    '     |-- 10.0.0.7\n        /32 host LOCAL\n     |-- 127.0.0.1\n        /32 host LOCAL\n',
};

/** A process to be shown. */
export interface ShownProcess {
  readonly name: string;
  readonly exe?: string;
  readonly args?: readonly string[];
  readonly uid?: number;
  readonly parent?: number;
  readonly cgroup?: string;
  readonly environment?: readonly string[];
  /** Inodes of the sockets it holds. */
  readonly sockets?: readonly number[];
  readonly kernelThread?: boolean;
  readonly ticks?: number;
}

/** Files that the kernel shows of one process. */
export function processFiles(pid: number, shown: ShownProcess): Files {
  const flags = shown.kernelThread === true ? 0x0020_0000 : 0x0040_0000;
  const before = `S ${shown.parent ?? 1} 1 1 0 -1 ${flags} 0 0 0 0 0 0 0 0 20 0 1 0`;
  const sockets = (shown.sockets ?? []).map((inode, index): [string, Content] => [
    `${pid}/fd/${index}`,
    { link: `socket:[${inode}]` },
  ]);
  return {
    [`${pid}/stat`]: `${pid} (${shown.name}) ${before} ${shown.ticks ?? 5000} 1 1\n`,
    [`${pid}/status`]: `Name:\t${shown.name}\nUid:\t0\t${shown.uid ?? 0}\t0\t0\n`,
    [`${pid}/cmdline`]: (shown.args ?? []).map((word) => `${word}\0`).join(''),
    [`${pid}/environ`]: (shown.environment ?? []).map((word) => `${word}\0`).join(''),
    [`${pid}/cgroup`]: `0::${shown.cgroup ?? '/init.scope'}\n`,
    [`${pid}/fd/none`]: { link: '/dev/null' },
    ...(shown.exe === undefined ? {} : { [`${pid}/exe`]: { link: shown.exe } }),
    ...Object.fromEntries(sockets),
  };
}
