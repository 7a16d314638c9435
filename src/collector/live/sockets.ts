import { SocketAddress } from 'node:net';
import type { UnreadReason } from '../../contracts/schemas/host-report';
import type { Root } from '../files/root';
import type { ProcessEntry } from './processes';

/** A socket that something can be sent to. */
export interface ListeningSocket {
  readonly protocol: 'tcp' | 'tcp6' | 'udp' | 'udp6';
  readonly address: string;
  readonly port: number;
  readonly uid: number;
  /** First of the processes that hold it. */
  readonly owner: ProcessEntry | null;
  readonly containerId: string | null;
}

/** Where sockets could not be read, and why. */
export interface SocketTrouble {
  readonly reason: UnreadReason;
  readonly place: string;
}

const PROTOCOLS = ['tcp', 'tcp6', 'udp', 'udp6'] as const;

/** State of a TCP socket that listens, of a UDP socket that is bound and not connected. */
const LISTENING = { tcp: '0A', tcp6: '0A', udp: '07', udp6: '07' } as const;

const TABLE_MAX = 32 * 1024 * 1024;
const DESCRIPTORS_MAX = 200_000;
/** Namespaces that are looked into, i.e. containers with a network of their own. */
const NAMESPACES_MAX = 512;

/** Every listening socket of every network namespace that a process lives in. */
export function readSockets(
  proc: Root,
  processes: readonly ProcessEntry[],
): { readonly sockets: readonly ListeningSocket[]; readonly troubles: readonly SocketTrouble[] } {
  const troubles: SocketTrouble[] = [];
  const owners = readOwners(proc, processes);
  const views = namespaces(proc, processes, troubles);
  if (views.length > NAMESPACES_MAX) troubles.push({ reason: 'too-many', place: 'net' });
  const sockets = views.slice(0, NAMESPACES_MAX).flatMap((view) =>
    PROTOCOLS.flatMap((protocol) => {
      const place = `${view.base}/net/${protocol}`;
      const read = proc.read(place, TABLE_MAX);
      if (read.ok) return parseTable(protocol, read.value.toString('latin1'), owners, view);
      if (read.reason !== 'missing') troubles.push({ reason: read.reason, place });
      return [];
    }),
  );
  if (owners.denied && sockets.some(({ owner }) => owner === null)) {
    troubles.push({ reason: 'denied', place: 'fd' });
  }
  return { sockets, troubles };
}

interface Owners {
  readonly byInode: ReadonlyMap<string, ProcessEntry>;
  readonly denied: boolean;
}

/** Which process holds which socket; the lowest process id wins, so that the answer is always the same. */
function readOwners(proc: Root, processes: readonly ProcessEntry[]): Owners {
  const byInode = new Map<string, ProcessEntry>();
  let denied = false;
  for (const entry of processes) {
    if (entry.kernelThread) continue;
    for (const inode of socketsOf(proc, entry.pid)) {
      if (inode === null) denied = true;
      else if (!byInode.has(inode)) byInode.set(inode, entry);
    }
  }
  return { byInode, denied };
}

/** Sockets that a process holds; null for what could not be seen. */
function* socketsOf(proc: Root, pid: number): Generator<string | null> {
  const listed = proc.list(`/${pid}/fd`, DESCRIPTORS_MAX);
  if (!listed.ok) {
    if (listed.reason !== 'missing') yield null;
    return;
  }
  for (const { name } of listed.value) {
    const target = proc.link(`/${pid}/fd/${name}`);
    const inode = target.ok ? /^socket:\[(\d{1,20})\]$/.exec(target.value)?.[1] : undefined;
    if (inode !== undefined) yield inode;
    else if (!target.ok && target.reason !== 'missing') yield null;
  }
}

/** A network namespace, seen through one of its processes. */
interface View {
  readonly base: string;
  readonly containerId: string | null;
}

/** The collector's own namespace first, then one process for each other one that can be seen. */
function namespaces(
  proc: Root,
  processes: readonly ProcessEntry[],
  troubles: SocketTrouble[],
): readonly View[] {
  const own = proc.link('/self/ns/net');
  const seen = new Set<string>(own.ok ? [own.value] : []);
  const views: View[] = [{ base: '', containerId: null }];
  for (const { pid, kernelThread, containerId } of processes) {
    if (kernelThread) continue;
    const space = proc.link(`/${pid}/ns/net`);
    if (!space.ok && space.reason !== 'missing') {
      troubles.push({ reason: space.reason, place: `/proc/${pid}/ns/net` });
    }
    if (!space.ok || seen.has(space.value)) continue;
    seen.add(space.value);
    views.push({ base: `/${pid}`, containerId });
  }
  return views;
}

function parseTable(
  protocol: Protocol,
  table: string,
  ...[owners, view]: [Owners, View]
): readonly ListeningSocket[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const bound = boundSocket(protocol, line.trim().split(/\s+/));
      if (bound === null) return [];
      const { inode, ...socket } = bound;
      const owner = owners.byInode.get(inode) ?? null;
      return [{ ...socket, owner, containerId: owner?.containerId ?? view.containerId }];
    });
}

type Protocol = (typeof PROTOCOLS)[number];
type Bound = Omit<ListeningSocket, 'owner' | 'containerId'> & { readonly inode: string };

/** Columns: number, local, remote, state, queues, timer, retransmissions, user, timeout, inode. */
function boundSocket(protocol: Protocol, columns: readonly string[]): Bound | null {
  const [local = '', remote = '', state = '', uid = '', inode = ''] = [1, 2, 3, 7, 9].map(
    (column) => columns[column],
  );
  const listens = state === LISTENING[protocol] && /^[0-9A-F]+:0000$/i.test(remote);
  const address = listens && /^\d{1,10}$/.test(uid) ? parseAddress(local) : null;
  return address === null ? null : { protocol, ...address, uid: Number(uid), inode };
}

/** The kernel writes each 32-bit word of an address in its own byte order, which is little-endian. */
function parseAddress(text: string): { address: string; port: number } | null {
  const parts = /^((?:[0-9A-F]{8}){1,4}):([0-9A-F]{4})$/i.exec(text);
  const [, hex = '', port = ''] = parts ?? [];
  if (hex.length !== 8 && hex.length !== 32) return null;
  const bytes = Buffer.from(hex, 'hex').swap32();
  return { address: addressText(bytes), port: Number.parseInt(port, 16) };
}

/** An IPv4 address with dots, an IPv6 address in its shortest form. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return [...bytes].join('.');
  const groups = Buffer.from(bytes).toString('hex').match(/.{4}/g) ?? [];
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}
