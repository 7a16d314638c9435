import type { DerivedWindow, DeriveWindow } from '../../contracts/windows';
import type { Sql } from '../../contracts/sql';
import { isWaiting, type CohortRow } from './cohort-rows';
import { nextWindow, normal, normalOrNull, type FoundedWindow } from './next-window';
import { required, textRow, toSqlTime } from './sql-text';
import type { TenantFacts } from './tenant-facts';
import { unlessTaken } from '../taken';

/**
 * Computes the windows of all waiting cohorts from the facts as they are now and marks their runs as
 * fresh for the current epochs; a permit needs that mark. Of a cohort that was begun only the end moves.
 *
 * @idempotency an unchanged window writes no row; the mark is written once per epoch.
 */
export async function refreshWindows(
  sql: Sql,
  facts: TenantFacts,
  options: { readonly cohorts: readonly CohortRow[]; readonly derive: DeriveWindow },
): Promise<void> {
  for (const cohort of options.cohorts.filter((row) => isWaiting(row.state))) {
    const window = nextWindow(facts, cohort, options.derive);
    if (!isSame(cohort, window)) await insertWindow(sql, cohort, window);
    await recordBreaches(sql, facts, { cohort, window });
  }
  for (const cohort of options.cohorts.filter(hasRowsLeft)) {
    const window = nextWindow(facts, cohort, options.derive);
    if (cohort.latestAt !== normalOrNull(window.latestAt)) await moveEnd(sql, cohort, window);
    await recordBreaches(sql, facts, { cohort, window });
  }
  const runs = new Set(options.cohorts.map((cohort) => cohort.runId));
  for (const runId of runs) await markFresh(sql, facts.tenantId, runId);
}

/** Its key is gone, and a hold may keep its rows: that moves their end, and nothing makes them begin again. */
const hasRowsLeft = ({ state, recordClass }: CohortRow): boolean =>
  state === 'destroying' && recordClass === 'console-configuration-data';

const INSTANTS = [
  'earliestAt',
  'deleteNotBefore',
  'latestAt',
  'endedNotBefore',
  'splitNotBefore',
] as const;

function isSame(cohort: CohortRow, window: FoundedWindow): boolean {
  return (
    cohort.windowNumber > 0 &&
    cohort.factsDigest === window.factsDigest &&
    INSTANTS.every((name) => cohort[name] === normalOrNull(window[name])) &&
    cohort.waitsForOrder === window.waitsForOrder &&
    cohort.because === window.because &&
    // A count that has become final stays so, also for a worker that has not heard of it yet.
    (cohort.provisional === window.provisional || !cohort.provisional)
  );
}

const sqlOrNull = (instant: string | null): string | null =>
  instant === null ? null : toSqlTime(instant);

async function insertWindow(sql: Sql, cohort: CohortRow, window: FoundedWindow): Promise<void> {
  await sql.execute(
    `INSERT INTO cohort_windows (run_id, due_on, window_number, earliest_at, delete_not_before,
       latest_at, ended_earliest_at, ended_not_before, derivation, computed_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, lethe_now())`,
    [
      cohort.runId,
      cohort.dueOn,
      cohort.windowNumber + 1,
      sqlOrNull(window.earliestAt),
      sqlOrNull(window.deleteNotBefore),
      sqlOrNull(window.latestAt),
      sqlOrNull(window.baseEarliestAt),
      sqlOrNull(window.endedNotBefore),
      derivationOf(window),
    ],
  );
}

/** The same window with another end. */
async function moveEnd(sql: Sql, cohort: CohortRow, window: FoundedWindow): Promise<void> {
  await sql.execute(
    `INSERT INTO cohort_windows (run_id, due_on, window_number, earliest_at, delete_not_before,
       latest_at, ended_earliest_at, ended_not_before, derivation, computed_at)
     SELECT run_id, due_on, window_number + 1, earliest_at, delete_not_before,
            ?, ended_earliest_at, ended_not_before, ?, lethe_now()
       FROM cohort_windows WHERE run_id = ? AND due_on = ? AND window_number = ?`,
    [
      sqlOrNull(window.latestAt),
      derivationOf(window),
      cohort.runId,
      cohort.dueOn,
      cohort.windowNumber,
    ],
  );
}

const derivationOf = (window: FoundedWindow): string =>
  JSON.stringify({
    ...window.derivation,
    because: window.because,
    provisional: window.provisional,
    requiredByLaw: window.requiredByLaw,
    breaches: window.breaches,
    requestedNotBefore: normalOrNull(window.requestedNotBefore),
    waitsForOrder: window.waitsForOrder,
    splitNotBefore: normalOrNull(window.splitNotBefore),
    factsDigest: window.factsDigest,
  });

/** A missed instant is recorded once and stays recorded, whatever is placed or withdrawn afterwards. */
async function recordBreaches(
  sql: Sql,
  facts: TenantFacts,
  { cohort, window }: { readonly cohort: CohortRow; readonly window: DerivedWindow },
): Promise<void> {
  const missed = window.latestAt !== null && normal(window.latestAt) <= facts.now;
  const instants = [...window.breaches, ...(missed ? [window.latestAt] : [])];
  for (const instant of instants) {
    await unlessTaken(() =>
      sql.execute(
        `INSERT INTO breaches (tenant_id, run_id, due_on, latest_at, recorded_at)
       SELECT ?, ?, ?, ?, lethe_now() FROM DUAL WHERE NOT EXISTS (
         SELECT 1 FROM breaches WHERE tenant_id = ? AND run_id = ? AND due_on = ? AND latest_at = ?)`,
        [...breachKey(facts, cohort, instant), ...breachKey(facts, cohort, instant)],
      ),
    );
  }
}

const breachKey = (facts: TenantFacts, cohort: CohortRow, instant: string): string[] => [
  facts.tenantId,
  cohort.runId,
  cohort.dueOn,
  toSqlTime(instant),
];

async function markFresh(sql: Sql, tenantId: string, runId: string): Promise<void> {
  const epochs = await textRow(
    sql,
    `SELECT g.epoch AS global_epoch, t.epoch AS tenant_epoch FROM interlocks g
       JOIN interlocks t ON t.scope = ? WHERE g.scope = 'global'`,
    [tenantId],
  );
  if (epochs === null) throw new Error('the tenant has no interlock');
  const last = await textRow(
    sql,
    `SELECT refresh_number, global_epoch, tenant_epoch FROM window_refreshes
      WHERE run_id = ? ORDER BY refresh_number DESC LIMIT 1`,
    [runId],
  );
  if (
    last?.['global_epoch'] === epochs['global_epoch'] &&
    last?.['tenant_epoch'] === epochs['tenant_epoch']
  ) {
    return;
  }
  await sql.execute(
    `INSERT INTO window_refreshes (run_id, refresh_number, global_epoch, tenant_epoch, computed_at)
     VALUES (?, ?, ?, ?, lethe_now())`,
    [
      runId,
      Number(last?.['refresh_number'] ?? 0) + 1,
      Number(required(epochs, 'global_epoch')),
      Number(required(epochs, 'tenant_epoch')),
    ],
  );
}
