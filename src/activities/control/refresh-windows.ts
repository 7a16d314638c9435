import { createHash } from 'node:crypto';
import { mayCover } from '../../domain/hold-scope';
import type { HostingService } from '../../domain/record-class';
import type { Facts } from '../../domain/windows/facts';
import type { CalendarId } from '../../domain/windows/working-calendar';
import type { Circumstances, DerivedWindow, DeriveWindow } from '../../contracts/windows';
import type { Sql } from '../../contracts/sql';
import { isWaiting, type CohortRow } from './cohort-rows';
import { keepingHolds, keepsWhole } from './held-by';
import { required, textRow, toSqlTime } from './sql-text';
import type { RequestFact, TenantFacts } from './tenant-facts';
import { startOf, type WindowStart } from './window-start';

/** What decides about a cohort, or about one record before it has any. */
export type Governed = Pick<
  CohortRow,
  | 'runId'
  | 'recordClass'
  | 'eventKind'
  | 'eventRef'
  | 'eventAt'
  | 'newestObservedAt'
  | 'oldestObservedAt'
  | 'subjects'
> & { readonly dueOn?: string };

/** Facts of one cohort: its newest observation stands for all, because `earliest` grows with it. */
export function factsOfCohort(
  facts: TenantFacts,
  cohort: Governed,
  counts: (request: RequestFact) => boolean = () => true,
): Facts {
  const holds = facts.holds
    .filter((hold) => mayCover(hold, cohort))
    .map(({ placedAt, releasedAt }) => ({ placedAt, releasedAt }));
  const requests = facts.requests
    .filter((request) => request.recordClass === cohort.recordClass)
    .filter((request) => covers(cohort, request.requestId, request.receivedAt))
    .filter(counts)
    .map(({ receivedAt, withdrawnAt }) => ({ receivedAt, withdrawnAt }));
  const shared = {
    zone: facts.zone,
    calendars: facts.calendars as readonly CalendarId[],
    deletionRequests: requests,
    holds,
  };
  if (cohort.recordClass === 'console-configuration-data') {
    return {
      ...shared,
      recordClass: cohort.recordClass,
      featurePeriods: periodsOf(facts, ['Feature']),
    };
  }
  if (cohort.newestObservedAt === null)
    throw new Error(`cohort ${cohort.runId} has no observation`);
  const links = facts.periods
    .filter((period) => cohort.subjects.includes(period.subject))
    .map(({ subject, startedAt, endedAt }) => ({
      service: subject as HostingService,
      startedAt,
      endedAt,
    }));
  return {
    ...shared,
    recordClass: cohort.recordClass,
    collectedAt: cohort.newestObservedAt,
    statutoryLog: false,
    links,
  };
}

/** What a cohort's window depends on beside its facts. */
export const circumstancesOf = (facts: TenantFacts, cohort: Governed): Circumstances => ({
  discoveredAt: cohort.eventKind === 'stray' ? cohort.eventAt : null,
  policyVersions: facts.policyVersions,
});

/** A request covers what was received at or before it; a run made for one request is governed by it. */
export function covers(cohort: Governed, requestId: string, receivedAt: string): boolean {
  if (cohort.eventKind === 'request') return cohort.eventRef === requestId;
  return cohort.recordClass === 'asset-basic-data'
    ? (cohort.newestObservedAt ?? '') <= receivedAt
    : receivedAt >= cohort.eventAt;
}

function periodsOf(
  facts: TenantFacts,
  subjects: readonly string[],
): readonly { startedAt: string; endedAt: string | null }[] {
  return facts.periods
    .filter((period) => subjects.includes(period.subject))
    .map(({ startedAt, endedAt }) => ({ startedAt, endedAt }));
}

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

/** A derived window with when it opens and the digest of the facts that it follows from. */
export type FoundedWindow = DerivedWindow &
  WindowStart & { readonly factsDigest: string; readonly splitNotBefore: string | null };

/** The window that a cohort has by the facts as they are now; what was promised before stands. */
export function nextWindow(
  facts: TenantFacts,
  cohort: CohortRow,
  derive: DeriveWindow,
): FoundedWindow {
  const circumstances = circumstancesOf(facts, cohort);
  const deriveFor = (counts: (request: RequestFact) => boolean): DerivedWindow =>
    derive(factsOfCohort(facts, cohort, counts), circumstances);
  const factsDigest = digestOf(factsOfCohort(facts, cohort), circumstances.discoveredAt);
  const derived = deriveFor(() => true);
  const kept = cohort.factsDigest === factsDigest ? keepPromised(cohort, derived) : derived;
  const asking = facts.requests.filter(
    (request) =>
      request.recordClass === cohort.recordClass &&
      request.withdrawnAt === null &&
      covers(cohort, request.requestId, request.receivedAt),
  );
  return {
    ...kept,
    ...startOf({ derived, kept, deriveFor, isAsked: asking.length > 0 }),
    factsDigest,
    splitNotBefore: splitNotBefore(facts, cohort, derive),
  };
}

/**
 * From when a due day that holds cover in part can be split: the beginning of its window without them. Null
 * when no hold keeps it, when one of them covers all of it, and for what is not archived record by record.
 */
function splitNotBefore(
  facts: TenantFacts,
  cohort: CohortRow,
  derive: DeriveWindow,
): string | null {
  const keeping = keepingHolds(facts, cohort);
  if (keeping.length === 0 || keeping.some((hold) => keepsWhole(hold, cohort))) return null;
  const others = facts.holds.filter((hold) => !keeping.includes(hold));
  return nextWindow({ ...facts, holds: others }, cohort, derive).deleteNotBefore;
}

const digestOf = (facts: Facts, discoveredAt: string | null): string =>
  createHash('sha256')
    .update(JSON.stringify([facts, discoveredAt]))
    .digest('hex');

/**
 * New calendars, time zone data or versions of the policy never widen a promise by themselves: the later
 * beginning and the earlier end stand until a fact changes. Only a law that asks for longer keeping moves
 * an end that leaves no time. @source AB-1, AB-3, CC-2, CC-3, CC-4
 */
function keepPromised(cohort: CohortRow, window: DerivedWindow): DerivedWindow {
  const { earliestAt, deleteNotBefore, latestAt } = window;
  const promised = cohort.latestAt;
  if (earliestAt === null || latestAt === null || promised === null) return window;
  const begins = laterOf(cohort.earliestAt ?? earliestAt, earliestAt);
  // What waits for an order has no instant of its own; what was requested has.
  const opens = cohort.requestedNotBefore;
  const leavesTime = !window.requiredByLaw || promised > normal(begins);
  return {
    ...window,
    earliestAt: begins,
    deleteNotBefore:
      deleteNotBefore === null ? null : laterOf(opens ?? deleteNotBefore, deleteNotBefore),
    latestAt: leavesTime && promised < normal(latestAt) ? promised : latestAt,
  };
}

const laterOf = (one: string, other: string): string => (normal(one) > normal(other) ? one : other);
const normal = (instant: string): string => `${toSqlTime(instant).replace(' ', 'T')}Z`;
/** An instant as rows have it. */
export const normalOrNull = (instant: string | null): string | null =>
  instant === null ? null : normal(instant);

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
    await sql.execute(
      `INSERT INTO breaches (tenant_id, run_id, due_on, latest_at, recorded_at)
       SELECT ?, ?, ?, ?, lethe_now() FROM DUAL WHERE NOT EXISTS (
         SELECT 1 FROM breaches WHERE tenant_id = ? AND run_id = ? AND due_on = ? AND latest_at = ?)`,
      [...breachKey(facts, cohort, instant), ...breachKey(facts, cohort, instant)],
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
