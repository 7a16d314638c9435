import { readCohorts, type CohortRow } from '../control/cohort-rows';
import { hasKeyEnded, keyOfLost, readLostSplits, type LostSplit } from '../control/lost-splits';
import { refreshTenant } from '../control/refresh-tenant';
import { required, textRows } from '../control/sql-text';
import { verifySplit } from '../verification/verify-split';
import { judge, outcomeOf, type SplitOutcome } from './judge-split';
import type { SplitPorts } from './ports';
import { putBack } from './put-back';

/**
 * Puts back withheld runs that a restored control has lost and the evidence has not, in the order in which they were
 * split off: one of a run that is back itself, or whose key has ended, is put back as well.
 *
 * Effect: see `putBack` and `verifySplit`.
 * @idempotency what is back and judged is not lost any more; what has ended is not put back.
 * @throws LetheError for a store that is away.
 * @source CC-4
 */
export async function putBackLost(
  ports: SplitPorts,
  tenantId: string,
): Promise<readonly SplitOutcome[]> {
  const outcomes: SplitOutcome[] = [];
  const all = await readLostSplits(ports.archive.control, tenantId);
  for (const lost of all) {
    if (await hasKeyEnded(ports.verifier.keysTable, keyOfLost(lost))) continue;
    const cohort = await readKnownOrigin(ports, lost, all);
    if (cohort === null) continue;
    const order = { tenantId, cohort: { ...cohort, runId: lost.runId }, holdId: lost.holdId };
    const outcome = await outcomeOf(ports, order, async () => {
      await putBack(ports, cohort, lost);
      // The evidence has its verdict; what stays behind may be more since.
      await verifySplit(ports.verifier, order);
      return 'split';
    });
    outcomes.push(outcome);
  }
  // What is back gets its window.
  if (outcomes.length > 0) await refreshTenant(ports.archive, tenantId);
  return outcomes;
}

/** The due day of which it was withheld; where that is lost and has ended, the one of which that was withheld. */
async function readKnownOrigin(
  ports: SplitPorts,
  lost: LostSplit,
  all: readonly LostSplit[],
): Promise<CohortRow | null> {
  const { tenantId, runId, dueOn } = lost;
  const cohorts = await readCohorts(ports.archive.control, tenantId);
  const cohort = cohorts.find((one) => one.runId === runId && one.dueOn === dueOn);
  if (cohort !== undefined) return cohort;
  const others = all.filter((one) => one !== lost);
  const origin = others.find((one) => one.withheldRunId === runId && one.dueOn === dueOn);
  // One that is still there has to be back first.
  if (origin === undefined) return null;
  const isOver = await hasKeyEnded(ports.verifier.keysTable, keyOfLost(origin));
  return isOver ? readKnownOrigin(ports, origin, others) : null;
}

/**
 * Judges what was withheld by an attempt that died before its verdict, where the hold was released since: without a
 * verdict the withheld run would never end. While the hold is in force the split itself is taken up again.
 *
 * Effect: see `verifySplit`.
 * @idempotency what is judged is not judged here again.
 * Evidence: `cohort-split`.
 * @throws LetheError for a store that is away.
 * @source CC-4, ST-1
 */
export async function judgeUnfinished(
  ports: SplitPorts,
  tenantId: string,
  cohorts: readonly CohortRow[],
): Promise<readonly SplitOutcome[]> {
  const rows = await textRows(
    ports.archive.control,
    `SELECT s.run_id, s.due_on, s.hold_id, s.withheld_run_id FROM cohort_splits s
       JOIN released_holds e ON e.hold_id = s.hold_id
      WHERE s.tenant_id = ? AND s.withheld_run_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM split_verdicts v WHERE v.run_id = s.run_id
          AND v.due_on = s.due_on AND v.hold_id = s.hold_id)
      ORDER BY s.split_at, s.hold_id`,
    [tenantId],
  );
  const outcomes: SplitOutcome[] = [];
  for (const row of rows) {
    const dueOn = required(row, 'due_on');
    const find = (runId: string): CohortRow | undefined =>
      cohorts.find((one) => one.runId === runId && one.dueOn === dueOn);
    const cohort = find(required(row, 'run_id'));
    // What is on its way out or back has another end.
    const isKept = find(required(row, 'withheld_run_id'))?.state === 'moved';
    if (cohort === undefined || !isKept) continue;
    const order = { tenantId, cohort, holdId: required(row, 'hold_id') };
    const outcome = await outcomeOf(ports, order, async () => {
      await judge(ports, order);
      return 'split';
    });
    outcomes.push(outcome);
  }
  return outcomes;
}
