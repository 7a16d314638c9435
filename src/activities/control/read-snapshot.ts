import { isDueForReview, mayCover } from '../../domain/hold-scope';
import { stageOf, type StageFacts } from '../../domain/lifecycle';
import type { RecordClass } from '../../domain/record-class';
import type {
  Band,
  DueDay,
  HoldSummary,
  LifecycleSnapshot,
  WorkItem,
} from '../../contracts/snapshot';
import type { Sql } from '../../contracts/sql';
import type { RequestRecord } from '../../contracts/order-records';
import { isWaiting, readCohorts, type CohortRow } from './cohort-rows';
import { keepingHolds, keptOf } from './held-by';
import { readRequests } from './read-requests';
import {
  databaseNow,
  activeServices,
  openPeriod,
  readHolds,
  readTenantFacts,
  type TenantFacts,
} from './tenant-facts';
import { required, textRow, textRows } from './sql-text';
import { readStop } from './stops';

/** How many due days, holds and work items a process carries; the rest is read from control. */
const CARRIED_MAX = 10;
const DAY_MS = 86_400_000;

/**
 * The state of a tenant as control knows it; of one that never subscribed, stage `unknown`.
 *
 * @param known - facts that windows were just computed from. A hold whose end takes effect between two readings
 * would otherwise be over in the snapshot and keep every window in it, and nothing would be waited for.
 */
export async function readSnapshot(
  sql: Sql,
  tenantId: string,
  known: TenantFacts | null = null,
): Promise<LifecycleSnapshot> {
  const facts = known ?? (await readTenantFacts(sql, tenantId));
  if (facts === null) return unknownTenant(await databaseNow(sql));
  const cohorts = await readCohorts(sql, tenantId);
  const counters = await readCounters(sql, tenantId);
  const events = await readOpenEvents(sql, tenantId);
  const scans = await readPendingScans(sql, tenantId);
  const due = cohorts.filter(
    ({ state, deleteNotBefore }) =>
      isWaiting(state) && deleteNotBefore !== null && deleteNotBefore <= facts.now,
  );
  const stop = await readStop(sql, tenantId, due);
  const requests = await readRequests(sql, facts, cohorts);
  return compose({ facts, cohorts, counters, events, scans, stop, requests });
}

/** All due days of a tenant that are not over, by the instant from which they may be destroyed. */
export async function readDueDays(sql: Sql, tenantId: string): Promise<readonly DueDay[]> {
  return dueDaysOf(await readCohorts(sql, tenantId), { holds: await readHolds(sql, tenantId) });
}

interface OpenEvent {
  readonly eventId: string;
  readonly recordClass: RecordClass;
  readonly kind: string;
}

interface Readings {
  readonly facts: TenantFacts;
  readonly cohorts: readonly CohortRow[];
  readonly counters: LifecycleSnapshot['counters'];
  readonly events: readonly OpenEvent[];
  readonly scans: readonly WorkItem[];
  /** A cap, the circuit breaker or a freeze that stops what is due; null when none does. */
  readonly stop: string | null;
  readonly requests: readonly RequestRecord[];
}

function compose(readings: Readings): LifecycleSnapshot {
  const { facts, cohorts, counters, events, scans, requests } = readings;
  const stage = stageOf(stageFacts({ facts, cohorts, counters, events }));
  const dueDays = dueDaysOf(cohorts, facts);
  const holds = holdsInForce(facts);
  const work: WorkItem[] = [
    ...events.map((event) => ({
      kind: 'dispose' as const,
      eventId: event.eventId,
      recordClass: event.recordClass,
      mode: event.kind === 'restore' ? ('restore' as const) : ('dispose' as const),
    })),
    ...scans,
  ];
  return {
    revision: Math.floor(Date.parse(facts.now)),
    asOf: facts.now,
    stage,
    band: bandOf(facts, dueDays, holds.length),
    policyVersion: String(facts.policyVersions.at(-1) ?? ''),
    zone: facts.zone,
    activeServices: activeServices(facts),
    featureActive: openPeriod(facts, 'Feature') !== undefined,
    recordClasses: [...new Set(dueDays.map((day) => day.recordClass))],
    terminatedAt: terminatedAt(facts),
    ...nextInstants(cohorts, facts, requests),
    dueDays: dueDays.slice(0, CARRIED_MAX),
    dueDaysTotal: dueDays.length,
    holds: holds.slice(0, CARRIED_MAX),
    holdsTotal: holds.length,
    ...obstacleOf(readings, dueDays, holds),
    work: work.slice(0, CARRIED_MAX),
    counters,
    ended: stage === 'ended',
  };
}

/** What stands in the way, and whether a person must look at it. */
function obstacleOf(
  { stop, counters, requests }: Readings,
  dueDays: readonly DueDay[],
  holds: readonly HoldSummary[],
): Pick<LifecycleSnapshot, 'blockedOn' | 'needsHuman'> {
  const unordered = dueDays.some(({ waitsForOrder }) => waitsForOrder === true);
  const held =
    holds.length > 0 &&
    dueDays.some((day) => day.deleteNotBefore === null && day.waitsForOrder !== true);
  const called = requests.some(({ waitsForOrder, paged }) => waitsForOrder && paged.length > 0);
  return {
    blockedOn: stop ?? (held ? 'hold' : unordered ? 'order' : null),
    needsHuman:
      stop !== null ||
      called ||
      (counters.breaches > 0 && dueDays.length > 0) ||
      holds.some(({ needsReview }) => needsReview === true),
  };
}

/** The one timer is set to what comes first: a window that opens, or a call about a missing order. */
function nextInstants(
  cohorts: readonly CohortRow[],
  facts: TenantFacts,
  requests: readonly RequestRecord[],
): Pick<LifecycleSnapshot, 'nextDueAt' | 'nextPageAt'> {
  const dueAt = nextDueAt(cohorts, facts);
  const pages = requests.flatMap(({ nextPage }) => (nextPage === null ? [] : [nextPage.at]));
  const nextPageAt = pages.sort()[0];
  if (nextPageAt === undefined) return { nextDueAt: dueAt };
  return {
    nextDueAt: [nextPageAt, ...(dueAt === null ? [] : [dueAt])].sort()[0] ?? null,
    nextPageAt,
  };
}

/** Holds in force, each once however many scopes it has over the tenant. */
function holdsInForce(facts: TenantFacts): readonly HoldSummary[] {
  const holds = new Map<string, HoldSummary>();
  for (const fact of facts.holds) {
    if (fact.releasedAt !== null) continue;
    const { holdId, recordClass, placedAt, reviewOn, releasesAt } = fact;
    const known = holds.get(holdId);
    holds.set(holdId, {
      holdId,
      recordClass: known === undefined || known.recordClass === recordClass ? recordClass : null,
      ...{ placedAt, reviewOn, releasesAt },
      needsReview: isDueForReview(reviewOn, facts.now),
    });
  }
  return [...holds.values()];
}

function stageFacts({
  facts,
  cohorts,
  counters,
  events,
}: Pick<Readings, 'facts' | 'cohorts' | 'counters' | 'events'>): StageFacts {
  return {
    subscribed: true,
    activeServices: activeServices(facts).length,
    featureActive: openPeriod(facts, 'Feature') !== undefined,
    attested: !facts.attestationWithdrawn,
    scans: counters.scans,
    openMoves: events.filter((event) => event.recordClass === 'asset-basic-data').length,
    waitingCohorts: cohorts.filter(
      ({ state }) => isWaiting(state) || state === 'restoring' || state === 'returned',
    ).length,
    destroyingCohorts: cohorts.filter(isBeingDestroyed).length,
    uncoveredData: events.some((event) => event.recordClass === 'console-configuration-data'),
  };
}

const isBeingDestroyed = (cohort: CohortRow): boolean =>
  cohort.state === 'destroying' || cohort.state === 'destroyed';

function dueDaysOf(
  cohorts: readonly CohortRow[],
  facts: Pick<TenantFacts, 'holds'>,
): readonly DueDay[] {
  return cohorts
    .filter((cohort) => isWaiting(cohort.state) || isBeingDestroyed(cohort))
    .map((cohort) => ({
      runId: cohort.runId,
      recordClass: cohort.recordClass,
      dueOn: cohort.dueOn,
      earliestAt: cohort.earliestAt,
      deleteNotBefore: cohort.deleteNotBefore,
      latestAt: cohort.latestAt,
      records: cohort.records,
      state: cohort.state,
      because: cohort.because,
      provisional: cohort.provisional,
      ...(cohort.waitsForOrder && isWaiting(cohort.state) ? { waitsForOrder: true } : {}),
      ...(cohort.splitFrom === null ? {} : { splitFrom: cohort.splitFrom }),
      ...(cohort.withheld.length === 0 ? {} : { withheld: cohort.withheld }),
      ...keptOf(cohort, facts),
    }))
    .sort((a, b) => (a.deleteNotBefore ?? '9').localeCompare(b.deleteNotBefore ?? '9'));
}

/**
 * The next instant at which something may be destroyed or split, or at which a hold ends over something that waits.
 * What was begun is due at once, unless it still needs a permit that an open hold refuses.
 */
function nextDueAt(cohorts: readonly CohortRow[], facts: TenantFacts): string | null {
  const begun = cohorts.filter(isBegun);
  if (begun.some((cohort) => !needsPermit(cohort) || !isHeld(cohort, facts))) return facts.now;
  const instants = cohorts
    .filter((cohort) => isWaiting(cohort.state))
    .filter((cohort) => cohort.state === 'moved' || cohort.recordClass !== 'asset-basic-data')
    .flatMap(({ deleteNotBefore, splitNotBefore }) => deleteNotBefore ?? splitNotBefore ?? []);
  const kept = cohorts.filter(
    (cohort) => isWaiting(cohort.state) || (isBegun(cohort) && needsPermit(cohort)),
  );
  const releases = facts.holds.flatMap((hold) =>
    hold.releasesAt !== null && kept.some((cohort) => mayCover(hold, cohort))
      ? [hold.releasesAt]
      : [],
  );
  return [...instants, ...releases].sort()[0] ?? null;
}

const isBegun = (cohort: CohortRow): boolean =>
  isBeingDestroyed(cohort) || cohort.state === 'returned';

/** The objects of an archive go with their key; rows of configuration and restored archives do not. */
const needsPermit = (cohort: CohortRow): boolean =>
  cohort.state === 'returned' ||
  (cohort.state === 'destroying' && cohort.recordClass === 'console-configuration-data');

const isHeld = (cohort: CohortRow, facts: TenantFacts): boolean =>
  keepingHolds(facts, cohort).length > 0;

function terminatedAt(facts: TenantFacts): string | null {
  if (activeServices(facts).length > 0) return null;
  const ends = facts.periods.filter((period) => period.subject !== 'Feature').map((p) => p.endedAt);
  return (
    ends
      .filter((end) => end !== null)
      .sort()
      .at(-1) ?? null
  );
}

/** How near the first end among `dueDays` is. */
export function bandOf(
  facts: Pick<TenantFacts, 'now'>,
  dueDays: readonly Pick<DueDay, 'latestAt'>[],
  holds: number,
): Band {
  const latest = dueDays.flatMap((day) => (day.latestAt === null ? [] : [day.latestAt])).sort()[0];
  if (dueDays.length === 0) return 'none';
  if (latest === undefined) return holds > 0 ? 'on_hold' : 'on_track';
  const left = Date.parse(latest) - Date.parse(facts.now);
  if (left <= 0) return 'overdue';
  if (left <= 2 * DAY_MS) return 'due_soon';
  return left <= 14 * DAY_MS ? 'approaching' : 'on_track';
}

/** What comes back comes first: what is archived anew is read from it. */
async function readOpenEvents(sql: Sql, tenantId: string): Promise<readonly OpenEvent[]> {
  const rows = await textRows(
    sql,
    `SELECT e.event_id, e.record_class, e.event_kind FROM events e
       LEFT JOIN event_closings c ON c.tenant_id = e.tenant_id AND c.event_id = e.event_id
      WHERE e.tenant_id = ? AND c.event_id IS NULL
      ORDER BY e.event_kind <> 'restore', e.recorded_at, e.event_id`,
    [tenantId],
  );
  return rows.map((row) => ({
    eventId: required(row, 'event_id'),
    recordClass: required(row, 'record_class') as RecordClass,
    kind: required(row, 'event_kind'),
  }));
}

async function readPendingScans(sql: Sql, tenantId: string): Promise<readonly WorkItem[]> {
  const rows = await textRows(
    sql,
    `SELECT o.scan_id, o.source FROM scan_orders o
       LEFT JOIN scan_results r ON r.tenant_id = o.tenant_id AND r.scan_id = o.scan_id
      WHERE o.tenant_id = ? AND r.scan_id IS NULL ORDER BY o.ordered_at, o.scan_id LIMIT ${CARRIED_MAX}`,
    [tenantId],
  );
  return rows.map((row) => ({
    kind: 'scan',
    scanId: required(row, 'scan_id'),
    summary: `scan of a ${required(row, 'source')}`,
  }));
}

async function readCounters(sql: Sql, tenantId: string): Promise<LifecycleSnapshot['counters']> {
  const row = await textRow(
    sql,
    `SELECT (SELECT COUNT(*) FROM commands WHERE tenant_id = ?) AS commands,
            (SELECT COUNT(*) FROM scan_results WHERE tenant_id = ? AND outcome = 'complete') AS scans,
            (SELECT COALESCE(SUM(redacted), 0) FROM scan_results WHERE tenant_id = ?) AS redacted,
            (SELECT COUNT(*) FROM refused_observations WHERE tenant_id = ?) AS refused,
            (SELECT COUNT(*) FROM cohort_states s JOIN cohorts c
               ON c.run_id = s.run_id AND c.due_on = s.due_on
              WHERE c.tenant_id = ? AND s.state = 'certified') AS certificates,
            (SELECT COUNT(*) FROM breaches WHERE tenant_id = ?) AS breaches`,
    [tenantId, tenantId, tenantId, tenantId, tenantId, tenantId],
  );
  const count = (column: string): number => Number(row?.[column] ?? 0);
  return {
    commands: count('commands'),
    scans: count('scans'),
    redactedValues: count('redacted'),
    refusedObservations: count('refused'),
    certificates: count('certificates'),
    breaches: count('breaches'),
  };
}

function unknownTenant(now: string): LifecycleSnapshot {
  return {
    revision: 0,
    asOf: now,
    stage: 'unknown',
    band: 'none',
    policyVersion: '',
    zone: '',
    activeServices: [],
    featureActive: false,
    recordClasses: [],
    terminatedAt: null,
    nextDueAt: null,
    dueDays: [],
    dueDaysTotal: 0,
    holds: [],
    holdsTotal: 0,
    blockedOn: null,
    needsHuman: false,
    work: [],
    counters: NO_COUNTERS,
    ended: false,
  };
}

const NO_COUNTERS: LifecycleSnapshot['counters'] = {
  commands: 0,
  scans: 0,
  redactedValues: 0,
  refusedObservations: 0,
  certificates: 0,
  breaches: 0,
};
