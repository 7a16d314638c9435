import { noteNotLive, type Machine } from '../machine';
import { nameOrNull, nameText, pathOrNull } from '../text';

/** Sockets that something can be sent to, each with the process that holds it. @source DC-1 */
export function collectPorts(machine: Machine): void {
  noteNotLive(machine, 'port');
  if (machine.live === null) return;
  const { sockets, troubles } = machine.live.sockets;
  for (const { protocol, address, port, uid, owner, containerId } of sockets) {
    machine.findings.add({
      kind: 'port',
      protocol,
      address: nameText(address),
      port,
      uid,
      pid: owner?.pid ?? null,
      program: nameOrNull(owner?.program),
      exe: pathOrNull(owner?.exe),
      containerId,
    });
  }
  for (const { reason, place } of troubles) machine.findings.unread('port', reason, place);
}
