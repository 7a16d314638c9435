import { createHash } from 'node:crypto';
import type { Facts } from '../../domain/windows/facts';
import type { DerivedWindow, DeriveWindow } from '../../contracts/windows';
import type { CohortRow } from './cohort-rows';
import { circumstancesOf, covers, factsOfCohort } from './governing-facts';
import { keepingHolds, keepsWhole } from './held-by';
import { toSqlTime } from './sql-text';
import type { RequestFact, TenantFacts } from './tenant-facts';
import { startOf, type WindowStart } from './window-start';

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
/** An instant as rows have it. */
export const normal = (instant: string): string => `${toSqlTime(instant).replace(' ', 'T')}Z`;
/** The same, of an instant that there may be none of. */
export const normalOrNull = (instant: string | null): string | null =>
  instant === null ? null : normal(instant);
