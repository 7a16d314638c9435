import { isDueForReview } from '../../domain/hold-scope';
import { stageOf, type StageFacts } from '../../domain/lifecycle';
import type { RecordClass } from '../../domain/record-class';
import type { RequestRecord } from '../../contracts/order-records';
import type { DueDay, HoldSummary, LifecycleSnapshot, WorkItem } from '../../contracts/snapshot';
import { isWaiting, type CohortRow } from './cohort-rows';
import { bandOf, dueDaysOf, isBeingDestroyed, nextDueAt } from './next-due';
import { activeServices, openPeriod, type TenantFacts } from './tenant-facts';

/** How many due days, holds and work items a process carries; the rest is read from control. */
export const CARRIED_MAX = 10;

/** Something that happened to a tenant and that no run has answered to the end. */
export interface OpenEvent {
  readonly eventId: string;
  readonly recordClass: RecordClass;
  readonly kind: string;
}

/** What a snapshot is composed from. */
export interface Readings {
  readonly facts: TenantFacts;
  readonly cohorts: readonly CohortRow[];
  readonly counters: LifecycleSnapshot['counters'];
  readonly events: readonly OpenEvent[];
  readonly scans: readonly WorkItem[];
  /** A cap, the circuit breaker or a freeze that stops what is due; null when none does. */
  readonly stop: string | null;
  readonly requests: readonly RequestRecord[];
}

/** The state of a tenant from what was read of it. */
export function composeSnapshot(readings: Readings): LifecycleSnapshot {
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

/** The state of a tenant that never subscribed. */
export function unknownTenant(now: string): LifecycleSnapshot {
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
