import type { RecordClass } from './record-class';

/** What one scope of a hold covers within its tenant; null restricts nothing. Instants are fixed-width UTC text. */
export interface HoldReach {
  readonly recordClass: RecordClass | null;
  readonly hostingService: string | null;
  /** Runs that may have sealed something of the asset that the scope names. */
  readonly assetRuns: readonly string[] | null;
  readonly collectedFrom: string | null;
  readonly collectedTo: string | null;
  /** Cohorts, as `cohortName`, of which everything that it covers is withheld elsewhere; absent: none. */
  readonly relieved?: readonly string[];
}

/** How a cohort is named among those that a hold no longer covers. */
export const cohortName = ({ runId, dueOn }: { runId: string; dueOn: string }): string =>
  `${runId} ${dueOn}`;

/** What is known of a cohort that a hold might intersect. */
export interface Reachable {
  readonly runId: string;
  /** Absent before it is sealed. */
  readonly dueOn?: string;
  readonly recordClass: RecordClass;
  readonly subjects: readonly string[];
  readonly newestObservedAt: string | null;
  /** Null while nobody has verified it. */
  readonly oldestObservedAt: string | null;
}

/**
 * Whether a hold might cover something of a cohort. What is not known counts as covered: until the cohort is
 * split, all of it is held, and once it is split nothing of it. The permit procedures ask the same of their own tables.
 *
 * @source CC-4
 */
export function mayCover(reach: HoldReach, cohort: Reachable): boolean {
  const { recordClass, hostingService, assetRuns } = reach;
  const { subjects } = cohort;
  if (isRelieved(reach, cohort)) return false;
  if (recordClass !== null && recordClass !== cohort.recordClass) return false;
  if (hostingService !== null && subjects.length > 0 && !subjects.includes(hostingService)) {
    return false;
  }
  if (assetRuns !== null && !assetRuns.includes(cohort.runId)) return false;
  return mayOverlap(reach, cohort);
}

const isRelieved = ({ relieved = [] }: HoldReach, { runId, dueOn }: Reachable): boolean =>
  dueOn !== undefined && relieved.includes(cohortName({ runId, dueOn }));

/** Whether something of the cohort may have been collected in the range of the hold. */
function mayOverlap({ collectedFrom, collectedTo }: HoldReach, cohort: Reachable): boolean {
  const { newestObservedAt, oldestObservedAt } = cohort;
  const isBefore =
    collectedFrom !== null && newestObservedAt !== null && newestObservedAt < collectedFrom;
  const isBehind =
    collectedTo !== null && oldestObservedAt !== null && oldestObservedAt >= collectedTo;
  return !isBefore && !isBehind;
}

/**
 * Whether a scope can cover a part of a due day and leave the rest: it names an asset or an end of the range of
 * collection. All assets of a run have the same services, so a service divides runs and never one of their due days.
 */
export const canDivide = ({ assetRuns, collectedFrom, collectedTo }: HoldReach): boolean =>
  assetRuns !== null || collectedFrom !== null || collectedTo !== null;

/** A scope as it was placed; null restricts nothing. */
export interface RecordScope extends Omit<HoldReach, 'assetRuns' | 'relieved'> {
  readonly assetId: string | null;
}

/** What is known of one archived record. */
export interface ReachableRecord {
  readonly assetId: string;
  /** When it was seen first; null when that cannot be read. */
  readonly observedAt: string | null;
  /** No sighting of it is later; null when that cannot be read: then it lived as long as anything of its cohort. */
  readonly observedUntil: string | null;
}

/**
 * Whether a scope covers a record of a cohort. What is not known counts as covered, and a record counts as
 * collected from its first sighting until its last.
 *
 * @source CC-4
 */
export function coversRecord(
  scope: RecordScope,
  cohort: Reachable,
  { assetId, observedAt, observedUntil }: ReachableRecord,
): boolean {
  if (scope.assetId !== null && scope.assetId !== assetId) return false;
  const assetRuns = scope.assetId === null ? null : [cohort.runId];
  const { recordClass, hostingService, collectedFrom, collectedTo } = scope;
  return mayCover(
    { recordClass, hostingService, assetRuns, collectedFrom, collectedTo },
    {
      ...cohort,
      oldestObservedAt: observedAt,
      newestObservedAt: observedUntil ?? cohort.newestObservedAt,
    },
  );
}

/** A hold is due for review from the beginning of its day in UTC until somebody has looked at it. */
export const isDueForReview = (reviewOn: string, now: string): boolean =>
  reviewOn <= now.slice(0, reviewOn.length);
