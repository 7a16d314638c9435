import { mayCover } from '../../domain/hold-scope';
import type { HostingService } from '../../domain/record-class';
import type { Facts } from '../../domain/windows/facts';
import type { CalendarId } from '../../domain/windows/working-calendar';
import type { Circumstances } from '../../contracts/windows';
import type { CohortRow } from './cohort-rows';
import type { RequestFact, TenantFacts } from './tenant-facts';

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
