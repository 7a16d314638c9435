import { LetheError } from '../../domain/errors';
import { compareWithCheckpoint, type CheckpointReaders } from '../evidence/checkpoints';
import { readHead } from '../evidence/read-ledger';
import { findLost, isReplayed, type Lost } from './check-control';
import { isOrderStillInForce } from './lost-orders';

/** What is asked of the evidence: all of it, or what came after the last exported checkpoint. */
type Extent = 'whole' | 'since checkpoint';

/**
 * Refuses a control store, or a ledger, that somebody restored: holds, freezes, returns and limits of the time between
 * would be forgotten. A restored control store may be worked with, frozen, once what it had lost was replayed into it.
 * Counts tell one that is older than the last exported checkpoint; what came after that is looked up entry by entry,
 * because a checkpoint may be weeks old. Reading, so safe to repeat. Bounds: one entry at a time.
 *
 * @throws LetheError VERIFICATION_FAILED; and as `compareWithCheckpoint`.
 */
export async function assertControlStands(
  readers: CheckpointReaders,
  extent: Extent = 'since checkpoint',
): Promise<void> {
  const { checkpoint, older, ledger } = await compareWithCheckpoint(readers);
  const head = await readHead(readers.ledger.pool);
  const sequence = checkpoint?.sequence ?? 0;
  if (older && !(head.sequence >= sequence && (await wasReplayed(readers, sequence)))) {
    throw refused('control is older than the last exported checkpoint');
  }
  if (ledger.broken !== null) {
    throw new LetheError(
      'VERIFICATION_FAILED',
      'the evidence ledger is not what it was at the last exported checkpoint',
    );
  }
  const after = extent === 'whole' ? 0 : sequence;
  const forgotten = await nameForgotten(
    readers,
    await findLost(readers, { after, upTo: head.sequence }),
  );
  if (forgotten.length > 0) {
    throw refused(`control has forgotten what the evidence knows (${forgotten.join(', ')})`);
  }
}

const wasReplayed = (
  { ledger, control }: CheckpointReaders,
  checkpoint: number,
): Promise<boolean> => isReplayed({ evidence: ledger.pool, control }, checkpoint);

const refused = (what: string): LetheError =>
  new LetheError('VERIFICATION_FAILED', `${what}: run lethe restore-gate replay --store control`);

/** What of a loss would let something go that people forbade. Commands and ends of keys let nothing go. */
async function nameForgotten(
  { control }: CheckpointReaders,
  lost: Lost,
): Promise<readonly string[]> {
  const inForce = await Promise.all(lost.authority.map((one) => isOrderStillInForce(control, one)));
  const { holds, releaseSteps, freezes, policies, returns, limits } = lost;
  const counts: Readonly<Record<string, number>> = {
    ...{ holds: holds.length, 'steps of releases': releaseSteps.length },
    ...{ freezes: freezes.length, 'versions of the policy': policies.length },
    ...{ 'returns of due days': returns.length, 'stops of orders': inForce.filter(Boolean).length },
    ...{ caps: limits.caps.length, trips: limits.trips.length },
    'entries that cannot be read': limits.unreadable.length,
  };
  return Object.keys(counts).filter((what) => counts[what] !== 0);
}
