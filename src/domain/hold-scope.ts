import type { RecordClass } from './record-class';

/** What one scope of a hold covers within its tenant; null restricts nothing. Instants are fixed-width UTC text. */
export interface HoldReach {
  readonly recordClass: RecordClass | null;
  readonly hostingService: string | null;
  /** Runs that may have sealed something of the asset that the scope names. */
  readonly assetRuns: readonly string[] | null;
  readonly collectedFrom: string | null;
  readonly collectedTo: string | null;
}

/** What is known of a cohort that a hold might intersect. */
export interface Reachable {
  readonly runId: string;
  readonly recordClass: RecordClass;
  readonly subjects: readonly string[];
  readonly newestObservedAt: string | null;
  /** Null while nobody has verified it. */
  readonly oldestObservedAt: string | null;
}

/**
 * Whether a hold might cover something of a cohort. What is not known counts as covered: until the cohort is
 * split, all of it is held. The permit procedures ask the same of their own tables.
 *
 * @source CC-4
 */
export function mayCover(reach: HoldReach, cohort: Reachable): boolean {
  const { recordClass, hostingService, assetRuns } = reach;
  const { subjects } = cohort;
  if (recordClass !== null && recordClass !== cohort.recordClass) return false;
  if (hostingService !== null && subjects.length > 0 && !subjects.includes(hostingService)) {
    return false;
  }
  if (assetRuns !== null && !assetRuns.includes(cohort.runId)) return false;
  return mayOverlap(reach, cohort);
}

/** Whether something of the cohort may have been collected in the range of the hold. */
function mayOverlap({ collectedFrom, collectedTo }: HoldReach, cohort: Reachable): boolean {
  const { newestObservedAt, oldestObservedAt } = cohort;
  const isBefore =
    collectedFrom !== null && newestObservedAt !== null && newestObservedAt < collectedFrom;
  const isBehind =
    collectedTo !== null && oldestObservedAt !== null && oldestObservedAt >= collectedTo;
  return !isBefore && !isBehind;
}

/** A hold is due for review from the beginning of its day in UTC until somebody has looked at it. */
export const isDueForReview = (reviewOn: string, now: string): boolean =>
  reviewOn <= now.slice(0, reviewOn.length);
