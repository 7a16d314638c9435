import type { HostBasics } from '../contracts/schemas/host-report';
import { addressText } from './live/sockets';
import { filesFor, type Machine } from './machine';
import { createScope, type Scope } from './scope';
import { listText, nameOrNull, sha256 } from './text';

/** Keeps the hash of a machine id apart from hashes that others make of it. */
const MACHINE_KEY_PREFIX = 'lethe-machine-key:';

/** Basics of the host: names, versions, addresses. @source DC-1 */
export function readHostBasics(machine: Machine): HostBasics {
  const files = filesFor(machine, 'host');
  const release = releaseOf(files);
  const kernel = live(machine)?.text('/sys/kernel/osrelease')?.trim();
  const dmi = (name: string): string | null =>
    machine.live === null ? null : nameOrNull(files.text(`/sys/class/dmi/id/${name}`));
  return {
    hostname: nameOrNull(
      live(machine)?.text('/sys/kernel/hostname') ?? firstLine(files.text('/etc/hostname')),
    ),
    osId: nameOrNull(release.get('ID')),
    osName: nameOrNull(release.get('PRETTY_NAME') ?? release.get('NAME')),
    osVersion: nameOrNull(release.get('VERSION_ID')),
    kernel: nameOrNull(kernel),
    architecture: nameOrNull(architectureOf(machine)),
    machineKey: machineKeyOf(files),
    bootId: nameOrNull(live(machine)?.text('/sys/kernel/random/boot_id')),
    bootedAt: bootedAt(live(machine)?.text('/stat', 16 * 1024 * 1024)),
    timeZone: nameOrNull(timeZoneOf(machine, files)),
    vendor: dmi('sys_vendor'),
    product: dmi('product_name'),
    addresses: addressesOf(live(machine)),
  };
}

const live = (machine: Machine): Scope | undefined =>
  machine.live === null ? undefined : createScope(machine.findings, machine.live.proc, 'host');

const firstLine = (text: string | undefined): string | undefined => text?.split('\n')[0];

/**
 * Hash of the machine id, or null. The id itself is confidential: whoever knows it can recognise the
 * machine wherever it is used.
 */
export function machineKeyOf(files: Scope): string | null {
  for (const file of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    const id = files.text(file)?.trim().toLowerCase() ?? '';
    if (/^[0-9a-f]{32}$/.test(id)) return sha256(`${MACHINE_KEY_PREFIX}${id}`);
  }
  return null;
}

function releaseOf(files: Scope): ReadonlyMap<string, string> {
  const text = files.text('/etc/os-release') ?? files.text('/usr/lib/os-release') ?? '';
  const release = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key = '', value = ''] = /^([A-Z_]+)=(.*)$/.exec(line.trim()) ?? [];
    if (key !== '') release.set(key, value.replace(/^(["'])(.*)\1$/, '$2'));
  }
  return release;
}

/** The kernel names its architecture nowhere in its files but in the header of a program. */
const MACHINES: Readonly<Record<number, string>> = Object.freeze({
  3: 'i386',
  40: 'arm',
  62: 'x86_64',
  183: 'aarch64',
  21: 'ppc64',
  22: 's390x',
  243: 'riscv64',
  258: 'loongarch64',
});

const PROGRAMS = ['/bin/sh', '/usr/bin/env', '/sbin/init', '/bin/busybox'];

function architectureOf({ files }: Machine): string | null {
  for (const program of PROGRAMS) {
    const opened = files.open(program);
    if (!opened.ok) continue;
    const header = opened.value.read(0, 20);
    opened.value.close();
    if (header.length < 20 || header.toString('latin1', 1, 4) !== 'ELF') continue;
    const machine = header.readUInt8(5) === 2 ? header.readUInt16BE(18) : header.readUInt16LE(18);
    return MACHINES[machine] ?? null;
  }
  return null;
}

function bootedAt(stat: string | undefined): string | null {
  const seconds = /^btime (\d{1,12})$/m.exec(stat ?? '')?.[1];
  if (seconds === undefined || Number(seconds) > 7_000_000_000) return null;
  return new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');
}

function timeZoneOf({ files }: Machine, scope: Scope): string | undefined {
  const link = files.link('/etc/localtime');
  const named = link.ok ? /\/zoneinfo\/(.+)$/.exec(link.value)?.[1] : undefined;
  return named ?? firstLine(scope.text('/etc/timezone'));
}

/** Addresses of the machine's own, without loopback and without those valid on one cable only. */
function addressesOf(proc: Scope | undefined): string[] {
  if (proc === undefined) return [];
  const four = [
    ...(proc.text('/net/fib_trie') ?? '').matchAll(/\|-- (\S+)\n\s+\/32 host LOCAL/g),
  ].map(([, address = '']) => address);
  const six = proc
    .lines('/net/if_inet6')
    .map((line) => /^([0-9a-f]{32}) /.exec(line)?.[1] ?? '')
    .filter((hex) => hex !== '' && !/^fe[89ab]/.test(hex) && !/^0{31}1$/.test(hex))
    .map((hex) => addressText(Buffer.from(hex, 'hex')));
  return listText([...four.filter((address) => !address.startsWith('127.')), ...six]);
}
