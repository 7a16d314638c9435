import { isLetheError } from '../../domain/errors';
import type { CohortRow } from '../control/cohort-rows';
import { tripping } from '../control/stops';
import { verifySplit, type SplitVerdict } from '../verification/verify-split';
import type { SplitPorts } from './ports';
import { isTakenOver, type Withholding } from './withhold';

/** How one due day came out. */
export type SplitOutcome = 'split' | 'whole' | 'blocked' | 'unverified';

/** What is on record is not what is stored: the breaker is open then, and others are not kept waiting. */
const UNVERIFIED: ReadonlySet<string> = new Set([
  'VERIFICATION_FAILED',
  'DIGEST_MISMATCH',
  'ARCHIVE_INVALID',
]);

/**
 * Runs a step of a split and says how it came out; a failed verification trips the breaker.
 *
 * @throws LetheError for a store that is away.
 * @source CC-4
 */
export async function outcomeOf(
  ports: SplitPorts,
  { tenantId, cohort }: { readonly tenantId: string; readonly cohort: CohortRow },
  work: () => Promise<SplitOutcome>,
): Promise<SplitOutcome> {
  const at = { tenantId, runId: cohort.runId, dueOn: cohort.dueOn, location: 's3:archive' };
  try {
    return await tripping(ports.breaker, at, work);
  } catch (error) {
    // Without its key there is nothing left to split: its end is finished by others.
    if (isLetheError(error) && error.code === 'KEY_DESTROYED') return 'blocked';
    if (isTakenOver(error)) return 'blocked';
    if (isLetheError(error) && UNVERIFIED.has(error.code)) return 'unverified';
    throw error;
  }
}

/**
 * Has the verifier judge a split that is on record, and puts its verdict in the evidence.
 *
 * @idempotency a verdict that is on record stays; the entry is made once.
 * @throws LetheError as `verifySplit`.
 * @source CC-4
 */
export async function judge(ports: SplitPorts, order: Withholding): Promise<void> {
  const { tenantId, cohort, holdId } = order;
  const verdict = await verifySplit(ports.verifier, order);
  await recordSplitEvidence(ports, { tenantId, ...cohort, holdId }, verdict);
}

/**
 * Puts the first verdict over a split in the evidence.
 *
 * @idempotency a repetition with the same numbers changes nothing.
 */
export async function recordSplitEvidence(
  { archive }: SplitPorts,
  of: Record<'tenantId' | 'runId' | 'dueOn' | 'holdId', string>,
  verdict: SplitVerdict,
): Promise<void> {
  const { tenantId, runId, dueOn, holdId } = of;
  await archive.ledger.append({
    tenantId,
    kind: 'cohort-split',
    subject: `${runId}/${dueOn}/${holdId}`,
    details: { runId, dueOn, holdId, ...verdict },
  });
}
