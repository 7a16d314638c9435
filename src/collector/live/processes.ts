import { basename } from 'node:path';
import type { UnreadReason } from '../../contracts/schemas/host-report';
import { containerOfGroups, type GroupContainer } from '../containers/control-group';
import type { RegisteredMachine } from '../containers/machined';
import type { Read } from '../files/attempt';
import type { Root } from '../files/root';

/** A process as the kernel shows it. `args` leaves the collector redacted only. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  readonly name: string;
  readonly program: string;
  readonly exe: string | null;
  readonly exeDeleted: boolean;
  /** The executable could not be seen, for this reason. */
  readonly exeTrouble: UnreadReason | null;
  readonly uid: number;
  readonly kernelThread: boolean;
  readonly startedAfterBootSeconds: number;
  readonly args: readonly string[];
  readonly argumentCount: number;
  readonly containerId: string | null;
  /** What its control group says about the container; null for the host itself. */
  readonly container: GroupContainer | null;
}

/** Ticks in a second: fixed for every architecture Linux runs on for users. */
const TICKS = 100;

const STAT_MAX = 8 * 1024;
const STATUS_MAX = 64 * 1024;
const CGROUP_MAX = 64 * 1024;
const COMMAND_LINE_MAX = 2 * 1024 * 1024;

/** Arguments looked at to recognise a server, and characters of each. */
const ARGUMENTS_MAX = 512;
const ARGUMENT_LENGTH_MAX = 4096;

/** Flag of a thread of the kernel. */
const KERNEL_THREAD = 0x0020_0000;

/** Processes on one machine; the kernel's own limit is 4 million, but nobody reads those. */
const PROCESSES_MAX = 100_000;

/** All processes that are there when they are looked at; one that ends meanwhile is left out. */
export interface ProcessTable {
  readonly processes: readonly ProcessEntry[];
  readonly trouble: UnreadReason | null;
}

/**
 * Reads every process below `proc` but the one that reads, in the order of their ids.
 *
 * @param machines - machines that systemd knows, by whose units their processes are told.
 */
export function readProcesses(
  proc: Root,
  machines: readonly RegisteredMachine[] = [],
): ProcessTable {
  const listed = proc.list('/', PROCESSES_MAX + 1000);
  if (!listed.ok) return { processes: [], trouble: listed.reason };
  const own = proc.link('/self');
  const pids = listed.value
    .filter(({ name, type }) => type === 'directory' && /^[1-9]\d{0,9}$/.test(name))
    .map(({ name }) => Number(name))
    .filter((pid) => !own.ok || String(pid) !== own.value)
    .sort((a, b) => a - b);
  const inside = containers(proc, machines);
  const read = pids.slice(0, PROCESSES_MAX).map((pid) => readProcess(proc, pid, inside));
  const hidden = read.flatMap((entry) => (entry.ok || entry.reason === 'missing' ? [] : [entry]));
  const trouble = pids.length > PROCESSES_MAX ? 'too-many' : (hidden[0]?.reason ?? null);
  return { processes: read.flatMap((entry) => (entry.ok ? [entry.value] : [])), trouble };
}

/** Container of a process by its id. */
type ContainerOf = (pid: number) => GroupContainer | null;

/** Where the first process is in a container, that container is the machine that is looked at. */
function containers(proc: Root, machines: readonly RegisteredMachine[]): ContainerOf {
  const groupsOf = (pid: number): GroupContainer | null => {
    const read = proc.read(`/${pid}/cgroup`, CGROUP_MAX);
    return read.ok ? containerOfGroups(read.value.toString('utf8'), machines) : null;
  };
  const own = groupsOf(1)?.containerId;
  return (pid) => {
    const container = groupsOf(pid);
    return container?.containerId === own ? null : container;
  };
}

/** A process that ended meanwhile is missing; one that does not show itself is there all the same. */
function readProcess(proc: Root, pid: number, inside: ContainerOf): Read<ProcessEntry> {
  const stat = proc.read(`/${pid}/stat`, STAT_MAX);
  if (!stat.ok) return stat;
  const status = proc.read(`/${pid}/status`, STATUS_MAX);
  if (!status.ok) return status;
  const known = parseStat(stat.value.toString('utf8'));
  const uid = /^Uid:\s*\d+\s+(\d+)/m.exec(status.value.toString('utf8'))?.[1];
  if (known === null || uid === undefined) return { ok: false, reason: 'malformed' };
  return {
    ok: true,
    value: describe(proc, { pid, ...known, uid: Number(uid), container: inside(pid) }),
  };
}

function describe(
  proc: Root,
  known: Stat & Pick<ProcessEntry, 'pid' | 'uid' | 'container'>,
): ProcessEntry {
  const { pid } = known;
  const text = (file: string, max: number): string => {
    const read = proc.read(`/${pid}/${file}`, max);
    return read.ok ? read.value.toString('utf8') : '';
  };
  const commandLine = text('cmdline', COMMAND_LINE_MAX);
  const args = wordsOf(commandLine);
  const link = proc.link(`/${pid}/exe`);
  const exe = executable(link.ok ? link.value : null);
  return {
    ...known,
    ...exe,
    program: programOf(exe.exe, args[0], known.name),
    exeTrouble: link.ok || link.reason === 'missing' ? null : link.reason,
    args,
    argumentCount: Math.max(0, countWords(commandLine) - 1),
    containerId: known.container?.containerId ?? null,
  };
}

type Stat = Pick<ProcessEntry, 'parentPid' | 'name' | 'kernelThread' | 'startedAfterBootSeconds'>;

/** The name stands in parentheses and may hold parentheses and line ends itself: the last one counts. */
function parseStat(text: string): Stat | null {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return null;
  const fields = text
    .slice(close + 1)
    .trim()
    .split(/\s+/);
  const [parentPid, flags, ticks] = [fields[1], fields[6], fields[19]].map(Number);
  if (parentPid === undefined || flags === undefined || ticks === undefined) return null;
  if ([parentPid, flags, ticks].some((value) => !Number.isSafeInteger(value) || value < 0)) {
    return null;
  }
  return {
    parentPid,
    name: text.slice(open + 1, close),
    kernelThread: (flags & KERNEL_THREAD) !== 0,
    startedAfterBootSeconds: Math.floor(ticks / TICKS),
  };
}

const DELETED = ' (deleted)';

function executable(target: string | null): Pick<ProcessEntry, 'exe' | 'exeDeleted'> {
  const exeDeleted = target?.endsWith(DELETED) ?? false;
  return { exe: exeDeleted ? (target?.slice(0, -DELETED.length) ?? null) : target, exeDeleted };
}

/** A process may write over its command line: what follows the first space is not part of a name. */
function programOf(exe: string | null, first: string | undefined, name: string): string {
  const file = exe ?? first?.split(' ')[0] ?? '';
  return basename(file).replace(/^-/, '').replace(/:$/, '') || name || 'unknown';
}

const wordsOf = (commandLine: string): readonly string[] =>
  commandLine
    .split('\0', ARGUMENTS_MAX)
    .filter((word) => word !== '')
    .map((word) => word.slice(0, ARGUMENT_LENGTH_MAX));

const countWords = (commandLine: string): number =>
  commandLine.split('\0').filter((word) => word !== '').length;
