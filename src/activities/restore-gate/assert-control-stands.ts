import { LetheError } from '../../domain/errors';
import { compareWithCheckpoint, type CheckpointReaders } from '../evidence/checkpoints';
import { readHead } from '../evidence/read-ledger';
import { isReplayed } from './check-control';

/**
 * Refuses a control store, or a ledger, that somebody restored behind what was exported: holds, freezes and returns
 * of the time between would be forgotten. A restored control store may be worked with, frozen, once what it had
 * lost was replayed into it. Reading, so safe to repeat.
 *
 * @throws LetheError VERIFICATION_FAILED; and as `compareWithCheckpoint`.
 */
export async function assertControlStands(readers: CheckpointReaders): Promise<void> {
  const { checkpoint, older, ledger } = await compareWithCheckpoint(readers);
  if (!older && ledger.broken === null) return;
  if (older && checkpoint !== null) {
    const head = await readHead(readers.ledger.pool);
    const ports = { evidence: readers.ledger.pool, control: readers.control };
    if (head.sequence >= checkpoint.sequence && (await isReplayed(ports, checkpoint.sequence))) {
      return;
    }
  }
  throw new LetheError(
    'VERIFICATION_FAILED',
    older
      ? 'control is older than the last exported checkpoint: run lethe restore-gate replay --store control'
      : 'the evidence ledger is not what it was at the last exported checkpoint',
  );
}
