import { mayCover } from '../../domain/hold-scope';
import type { Band, DueDay } from '../../contracts/snapshot';
import { isWaiting, type CohortRow } from './cohort-rows';
import { keepingHolds, keptOf } from './held-by';
import type { TenantFacts } from './tenant-facts';

const DAY_MS = 86_400_000;

/** Whether its destruction has begun and is not certified. */
export const isBeingDestroyed = (cohort: CohortRow): boolean =>
  cohort.state === 'destroying' || cohort.state === 'destroyed';

/** Due days that are not over, by the instant from which they may be destroyed. */
export function dueDaysOf(
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
export function nextDueAt(cohorts: readonly CohortRow[], facts: TenantFacts): string | null {
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
