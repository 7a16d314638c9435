import { basename } from 'node:path';
import type { FingerprintOf } from '../../contracts/schemas/fingerprints';
import { expandGlob } from '../files/glob';
import type { ListeningSocket } from '../live/sockets';
import type { ProcessEntry } from '../live/processes';
import { filesFor, packageVersion, type Machine } from '../machine';
import type { Scope } from '../scope';
import { BOUNDS } from '../../contracts/schemas/fingerprint-fields';
import { listText, nameOrNull, pathOrNull, pathText } from '../text';
import { DATABASES, WEB_SERVICES, type Signature } from './server-signatures';

/** Files that one pattern may mean; of more of them the first ones are named. */
const FILES_MAX = 2000;

/** What databases and web services have in common. */
type Server = Omit<FingerprintOf<'database'>, 'kind' | 'engine'>;

/** Databases by their processes, packages and configuration. @source DC-1 */
export function collectDatabases(machine: Machine): void {
  noteUnknownProcesses(machine, 'database');
  const scope = filesFor(machine, 'database');
  for (const signature of DATABASES) {
    for (const server of serversOf(machine, scope, signature)) {
      machine.findings.add({ kind: 'database', engine: signature.name, ...server });
    }
  }
}

/** Web servers by their processes, packages and configuration. @source DC-1 */
export function collectWebServices(machine: Machine): void {
  noteUnknownProcesses(machine, 'web-service');
  const scope = filesFor(machine, 'web-service');
  for (const signature of WEB_SERVICES) {
    for (const server of serversOf(machine, scope, signature)) {
      machine.findings.add({ kind: 'web-service', service: signature.name, ...server });
    }
  }
}

/** A server whose process cannot be seen may run all the same. */
function noteUnknownProcesses({ live, findings }: Machine, kind: 'database' | 'web-service'): void {
  const trouble = live?.processes.trouble ?? null;
  if (trouble !== null) findings.unread(kind, trouble, '/proc');
}

/** One for each executable and container it runs in, or one that is installed and does not run. */
function serversOf(machine: Machine, scope: Scope, signature: Signature): readonly Server[] {
  const version =
    signature.packages === undefined ? null : packageVersion(machine, signature.packages);
  const trouble: Scope['trouble'] = (reason, place) => {
    scope.trouble(reason, place);
  };
  const files = signature.configuration
    .flatMap((pattern) => expandGlob(machine.files, pattern, { max: FILES_MAX, trouble }))
    .filter((path) => isFile(machine, scope, path));
  const evidence = [
    ...(version === null ? [] : ['package' as const]),
    ...(files.length === 0 ? [] : ['configuration' as const]),
  ];
  const running = runningOf(machine, signature);
  const installed: Server = {
    version: nameOrNull(version),
    running: machine.live === null ? null : false,
    evidence,
    exe: null,
    ports: [],
    configurationFiles: listText(files, pathText),
    containerId: null,
  };
  const processes = [...running.values()].map((group) => runningServer(machine, group, installed));
  if (processes.some(({ containerId }) => containerId === null)) return processes;
  return evidence.length === 0 ? processes : [installed, ...processes];
}

function runningOf(
  { live }: Machine,
  signature: Signature,
): ReadonlyMap<string, readonly ProcessEntry[]> {
  const groups = new Map<string, ProcessEntry[]>();
  for (const entry of live?.processes.processes ?? []) {
    if (!runs(entry, signature)) continue;
    const key = `${entry.containerId ?? ''} ${entry.exe ?? entry.program}`;
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return groups;
}

function runs(entry: ProcessEntry, { program, javaMain }: Signature): boolean {
  if (entry.kernelThread) return false;
  if (program !== undefined && (program.test(entry.program) || isScript(entry, program)))
    return true;
  return javaMain !== undefined && entry.program === 'java' && javaMain.test(javaMainOf(entry));
}

/** A server that is a script runs inside an interpreter, which gets it as its first argument. */
const isScript = ({ program, args }: ProcessEntry, wanted: RegExp): boolean =>
  /^(python|ruby|perl|node)[\d.]*$/.test(program) && wanted.test(basename(args[1] ?? ''));

/** Options of a Java machine that take a word of their own. */
const TAKES_WORD = /^(-cp|-classpath|--class-path|-p|--module-path|--add-[a-z]+)$/;

/** Main class, module or archive that a Java machine runs. */
function javaMainOf({ args }: ProcessEntry): string {
  for (let at = 1; at < args.length; at += 1) {
    const word = args[at] ?? '';
    if (word === '-jar' || word === '-m' || word === '--module') return args[at + 1] ?? '';
    if (TAKES_WORD.test(word)) at += 1;
    else if (!word.startsWith('-') && !word.startsWith('@')) return word;
  }
  return '';
}

function runningServer(
  { live }: Machine,
  group: readonly ProcessEntry[],
  installed: Server,
): Server {
  const [first] = group;
  const containerId = first?.containerId ?? null;
  const pids = new Set(group.map(({ pid }) => pid));
  const sockets = (live?.sockets.sockets ?? []).filter((socket) => belongsTo(socket, pids));
  const ports = [...new Set(sockets.map(({ port }) => port))].sort((a, b) => a - b);
  // What is installed on the host says nothing about what runs in a container.
  const own =
    containerId === null ? installed : { version: null, evidence: [], configurationFiles: [] };
  return {
    version: own.version ?? versionInPath(first?.exe ?? null),
    running: true,
    evidence: ['process', ...own.evidence],
    exe: pathOrNull(first?.exe),
    ports: ports.slice(0, BOUNDS.list),
    configurationFiles: own.configurationFiles,
    containerId,
  };
}

const belongsTo = ({ owner }: ListeningSocket, pids: ReadonlySet<number>): boolean =>
  owner !== null && pids.has(owner.pid);

/** `/usr/lib/postgresql/15/bin/postgres` and `/opt/redis-7.2.4/src/redis-server` name a version. */
const versionInPath = (exe: string | null): string | null =>
  nameOrNull(/\/(?:[a-z]+[a-z-]*-)?v?(\d{1,4}(?:\.\d{1,6}){0,3})\//.exec(exe ?? '')?.[1]);

/** The files are named and not read; what stands in their place is no configuration. */
function isFile({ files }: Machine, scope: Scope, path: string): boolean {
  const stat = files.statTarget(path);
  if (stat.ok && stat.value.isFile()) return true;
  const reason = stat.ok ? 'not-regular' : stat.reason;
  if (reason !== 'missing') scope.trouble(reason, path);
  return false;
}
