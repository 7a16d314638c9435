import { noteNotLive, type Machine } from '../machine';
import { nameOrNull, nameText, pathOrNull } from '../text';
import { userNames } from './accounts';

/**
 * Running processes. Of a command line only the number of arguments is kept: passwords stand there.
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
      kernelThread: entry.kernelThread,
      startedAfterBootSeconds: entry.startedAfterBootSeconds,
      containerId: entry.containerId,
    });
    machine.findings.dropped('processArguments', entry.argumentCount);
    if (entry.exeTrouble !== null && !entry.kernelThread) {
      machine.findings.unread('process', entry.exeTrouble, `/proc/${entry.pid}/exe`);
    }
  }
  if (trouble !== null) machine.findings.unread('process', trouble, '/proc');
}
