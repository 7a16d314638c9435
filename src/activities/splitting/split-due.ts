import { mayCover } from '../../domain/hold-scope';
import { refreshTenant } from '../control/refresh-tenant';
import { readCohorts, type CohortRow } from '../control/cohort-rows';
import { required, textRow, textRows } from '../control/sql-text';
import { isFrozen, tripping } from '../control/stops';
import { readTenantFacts, type TenantFacts } from '../control/tenant-facts';
import { verifySplit } from '../verification/verify-split';
import { judge, outcomeOf, recordSplitEvidence, type SplitOutcome } from './judge-split';
import type { SplitPorts } from './ports';
import { recordSplit } from './record-split';
import { judgeUnfinished, putBackLost } from './unfinished';
import { countShares, withhold, type Withholding } from './withhold';
import { unlessTaken } from '../taken';

/** A verdict older than this is followed by a new one before anything goes; permits take one of 24 hours. */
const FRESH_HOURS = 12;

/** How the splits of a round went. */
export interface SplitRound {
  readonly blockedOn: string | null;
  readonly split: number;
}

/**
 * Splits every due day of the tenant whose window is open but for holds that cover a part of it: what they cover
 * is withheld under a run and a key of its own, and the rest is no longer held. A verdict that is old is made
 * anew. A due day that is not split stays under its holds, whatever happens here.
 *
 * Effect: see `withhold` and `verifySplit`; nothing is removed.
 * @idempotency what is split is not split again; what was written and not judged is judged.
 * Evidence: `cohort-split` with ids, counts and digests.
 * @returns `verification` as what it waits for when one failed, which trips the breaker.
 * @throws LetheError for a store that is away.
 * @source CC-4
 */
export async function splitDue(
  ports: SplitPorts,
  order: { readonly tenantId: string; readonly workflowNow: string },
): Promise<SplitRound> {
  const { control } = ports.archive;
  const { tenantId, workflowNow } = order;
  await refreshTenant(ports.archive, tenantId);
  const facts = await readTenantFacts(control, tenantId);
  if (facts === null) return { blockedOn: null, split: 0 };
  const now = Date.parse(workflowNow) < Date.parse(facts.now) ? workflowNow : facts.now;
  const lost = await putBackLost(ports, tenantId);
  const cohorts = await readCohorts(control, tenantId);
  if (await isFrozen(control, tenantId)) {
    // A process that is told nothing would look again at once, and again.
    const waits = cohorts.some((cohort) => holdsToSplitFor(facts, cohort, now).length > 0);
    return { blockedOn: waits ? 'freeze' : null, split: 0 };
  }
  const outcomes = [...lost, ...(await judgeUnfinished(ports, tenantId, cohorts))];
  for (const cohort of cohorts) {
    if (!isArchived(cohort)) continue;
    outcomes.push(...(await splitForEach(ports, { tenantId, cohort }, { facts, now })));
    if (!isOpen(cohort.deleteNotBefore, now)) continue;
    await recordReliefs(ports, tenantId, cohort);
    await renewVerdicts(ports, tenantId, cohort);
  }
  return {
    blockedOn: WAITS_FOR.find(([outcome]) => outcomes.includes(outcome))?.[1] ?? null,
    split: outcomes.filter((outcome) => outcome === 'split').length,
  };
}

const isArchived = ({ state, recordClass }: CohortRow): boolean =>
  state === 'moved' && recordClass === 'asset-basic-data';

/** Words for what is waited for, the more urgent one first. */
const WAITS_FOR: readonly (readonly [SplitOutcome, string])[] = [
  ['unverified', 'verification'],
  ['blocked', 'split'],
];

/** One hold after the other; when one cannot be split for, the others have to wait with it. */
async function splitForEach(
  ports: SplitPorts,
  of: Omit<Withholding, 'holdId'>,
  { facts, now }: { readonly facts: TenantFacts; readonly now: string },
): Promise<readonly SplitOutcome[]> {
  const outcomes: SplitOutcome[] = [];
  for (const holdId of holdsToSplitFor(facts, of.cohort, now)) {
    const outcome = await trySplit(ports, { ...of, holdId });
    outcomes.push(outcome);
    if (outcome !== 'split') break;
  }
  return outcomes;
}

const isOpen = (instant: string | null, now: string): boolean =>
  instant !== null && Date.parse(instant) <= Date.parse(now);

/** Holds in force that still cover a due day which could be split by now, each once. */
function holdsToSplitFor(facts: TenantFacts, cohort: CohortRow, now: string): readonly string[] {
  if (!isOpen(cohort.splitNotBefore, now)) return [];
  const covering = facts.holds.filter((hold) => hold.releasedAt === null && mayCover(hold, cohort));
  return [...new Set(covering.map(({ holdId }) => holdId))];
}

const trySplit = (ports: SplitPorts, order: Withholding): Promise<SplitOutcome> =>
  outcomeOf(ports, order, () => split(ports, order));

async function split(ports: SplitPorts, order: Withholding): Promise<SplitOutcome> {
  const { archive } = ports;
  if (!(await isOnRecord(ports, order))) {
    const { covered, rest } = await countShares(ports, order);
    if (rest === 0) {
      await recordWhole(ports, order);
      return 'whole';
    }
    if (covered === 0) await recordSplit(archive, { ...order, withheldRunId: null });
    else await withhold(ports, order);
  }
  await judge(ports, order);
  return 'split';
}

async function isOnRecord({ archive }: SplitPorts, order: Withholding): Promise<boolean> {
  const { cohort, holdId } = order;
  const row = await textRow(
    archive.control,
    'SELECT hold_id FROM cohort_splits WHERE run_id = ? AND due_on = ? AND hold_id = ?',
    [cohort.runId, cohort.dueOn, holdId],
  );
  return row !== null;
}

/** The hold covers everything that is left: the due day waits for it as a whole. */
async function recordWhole({ archive }: SplitPorts, order: Withholding): Promise<void> {
  const { runId, dueOn } = order.cohort;
  const at = [runId, dueOn, order.holdId];
  await unlessTaken(() =>
    archive.control.execute(
      `INSERT INTO unsplit_cohorts (run_id, due_on, hold_id, found_at)
     SELECT ?, ?, ?, lethe_now() FROM DUAL WHERE NOT EXISTS (
       SELECT 1 FROM unsplit_cohorts WHERE run_id = ? AND due_on = ? AND hold_id = ?)`,
      [...at, ...at],
    ),
  );
}

/**
 * Who judged a split may have died before it was in the evidence. The due day is no longer held then, so it is
 * put there from the first verdict before anything goes.
 */
async function recordReliefs(
  ports: SplitPorts,
  tenantId: string,
  { runId, dueOn }: CohortRow,
): Promise<void> {
  const rows = await textRows(
    ports.archive.control,
    `SELECT v.hold_id, v.withheld_run_id, v.withheld, v.rest, v.manifest_digest FROM split_verdicts v
       JOIN cohort_reliefs f ON f.run_id = v.run_id AND f.due_on = v.due_on AND f.hold_id = v.hold_id
      WHERE v.run_id = ? AND v.due_on = ? ORDER BY v.verified_at`,
    [runId, dueOn],
  );
  const recorded = new Set<string>();
  for (const row of rows) {
    const holdId = required(row, 'hold_id');
    if (recorded.has(holdId)) continue;
    recorded.add(holdId);
    await recordSplitEvidence(
      ports,
      { tenantId, runId, dueOn, holdId },
      {
        withheldRunId: row['withheld_run_id'] ?? null,
        withheld: Number(required(row, 'withheld')),
        rest: Number(required(row, 'rest')),
        manifestDigest: required(row, 'manifest_digest'),
      },
    );
  }
}

/**
 * Splits whose last good verdict is old are judged again before anything of the due day goes. The evidence has the
 * first verdict: what stays behind is more when another withheld run of the due day has ended since.
 */
async function renewVerdicts(
  ports: SplitPorts,
  tenantId: string,
  cohort: CohortRow,
): Promise<void> {
  const { runId, dueOn } = cohort;
  const rows = await ports.archive.control.query(
    `SELECT f.hold_id FROM cohort_reliefs f
      WHERE f.run_id = ? AND f.due_on = ?
        AND f.verified_at < lethe_now() - INTERVAL ${FRESH_HOURS} HOUR
        AND NOT EXISTS (SELECT 1 FROM released_holds e WHERE e.hold_id = f.hold_id)`,
    [runId, dueOn],
  );
  const at = { tenantId, runId, dueOn, location: 's3:archive' };
  for (const row of rows) {
    const holdId = String(row['hold_id']);
    const split = { tenantId, cohort, holdId };
    await tripping(ports.breaker, at, () => verifySplit(ports.verifier, split));
  }
}
