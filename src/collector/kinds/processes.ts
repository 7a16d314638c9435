import { noteNotLive, type Machine } from '../machine';
import { nameOrNull, nameText, pathOrNull, wordsOrNull } from '../text';
import { userNames } from './accounts';

/**
 * Running processes. A command line is redacted before anything else: passwords stand there.
 * User ids of a container are resolved by the container's own accounts, so no name is given for them.
 * @source DC-1, SD-1
 */
export function collectProcesses(machine: Machine): void {
  noteNotLive(machine, 'process');
  if (machine.live === null) return;
  const { processes, trouble } = machine.live.processes;
  const names = userNames(machine);
  for (const entry of processes) {
    machine.findings.add({
      kind: 'process',
      pid: entry.pid,
      parentPid: entry.parentPid,
      name: nameText(entry.name || entry.program),
      program: nameText(entry.program),
      exe: pathOrNull(entry.exe),
      exeDeleted: entry.exeDeleted,
      uid: entry.uid,
      user: entry.containerId === null ? nameOrNull(names.get(entry.uid)) : null,
      argumentCount: entry.argumentCount,
      commandLine: entry.kernelThread ? null : wordsOrNull(titleOf(entry.args)),
      kernelThread: entry.kernelThread,
      startedAfterBootSeconds: entry.startedAfterBootSeconds,
      containerId: entry.containerId,
    });
    if (entry.exeTrouble !== null && !entry.kernelThread) {
      machine.findings.unread('process', entry.exeTrouble, `/proc/${entry.pid}/exe`);
    }
  }
  if (trouble !== null) machine.findings.unread('process', trouble, '/proc');
}

/** A process that writes over its command line tells what it is doing: `postgres: shop idle`. */
const TITLE = /^([\w.@-]{1,64}:) \S/;

/** What changes from one moment to the next is left out of it. */
function titleOf(words: readonly string[]): readonly string[] {
  const title = words.length === 1 ? TITLE.exec(words[0] ?? '')?.[1] : undefined;
  return title === undefined ? words : [title];
}
