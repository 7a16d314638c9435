import { earlier, formatInstant, parseInstant, type Nanoseconds } from './instants';

/** What is known of a cohort when somebody asks what to do with it. */
export interface CohortFacts {
  readonly deleteNotBefore: string | null;
  readonly latestAt: string | null;
  /** False once an interlock made the stored window stale; it is computed again then. */
  readonly windowCurrent: boolean;
  /** The event of the run still stands: not subscribed again in time, not withdrawn. */
  readonly eventStands: boolean;
  readonly held: boolean;
  readonly frozen: boolean;
  readonly superseded: boolean;
  readonly destroyed: boolean;
}

/** Why a decision came out as it did; stable words for search attributes and dashboards. */
export type Reason =
  | 'destroyed'
  | 'superseded'
  | 'event-fallen'
  | 'frozen'
  | 'held'
  | 'window-stale'
  | 'window-unreadable'
  | 'nothing-due'
  | 'too-early'
  | 'window-open';

/** What to do with a cohort now. */
export interface Decision {
  /** `done` and `keep` need nothing, `wait` needs a timer to `dueAt`, `destroy` may begin. */
  readonly action: 'done' | 'keep' | 'wait' | 'destroy';
  /** When destruction may start; null when that is not known. */
  readonly dueAt: string | null;
  readonly because: Reason;
  /** True when data that should be gone are still there; a hold or a freeze does not hide it. */
  readonly overdue: boolean;
}

/**
 * Decides about a cohort by comparing instants: no clock, no time zone and no calendar, so it gives
 * the same answer whenever a workflow is replayed. Whatever is missing or unreadable keeps the data.
 * @source AB-1, AB-3, CC-2, CC-3, CC-4
 */
export function decide(cohort: CohortFacts, now: string): Decision {
  const current = read(now);
  const start = read(cohort.deleteNotBefore);
  const end = read(cohort.latestAt);
  const because = firstObstacle(cohort) ?? compareInstants(cohort, { current, start, end });
  const decision = {
    dueAt: start === undefined ? null : formatInstant(start),
    because,
    overdue:
      !cohort.destroyed &&
      !cohort.superseded &&
      current !== undefined &&
      end !== undefined &&
      current >= end,
  };
  if (because === 'destroyed') return { ...decision, action: 'done' };
  if (because === 'too-early') return { ...decision, action: 'wait' };
  return { ...decision, action: because === 'window-open' ? 'destroy' : 'keep' };
}

interface Instants {
  readonly current: Nanoseconds | undefined;
  readonly start: Nanoseconds | undefined;
  readonly end: Nanoseconds | undefined;
}

/** A flag counts as clear only when it says so: undefined, null or a text is an obstacle. */
function firstObstacle(cohort: Readonly<Record<keyof CohortFacts, unknown>>): Reason | undefined {
  if (cohort.destroyed === true) return 'destroyed';
  if (cohort.superseded !== false || cohort.destroyed !== false) return 'superseded';
  if (cohort.eventStands !== true) return 'event-fallen';
  if (cohort.frozen !== false) return 'frozen';
  if (cohort.held !== false) return 'held';
  if (cohort.windowCurrent !== true) return 'window-stale';
  return undefined;
}

function compareInstants(cohort: CohortFacts, { current, start, end }: Instants): Reason {
  if (cohort.deleteNotBefore === null && cohort.latestAt === null) return 'nothing-due';
  if (current === undefined || start === undefined || end === undefined) return 'window-unreadable';
  return current < start ? 'too-early' : 'window-open';
}

function read(value: unknown): Nanoseconds | undefined {
  try {
    return parseInstant(value, 'instant');
  } catch {
    return undefined;
  }
}

/**
 * The `latest` that stays promised after a window is computed again. New calendar or time zone data
 * may only bring it forward; only a changed fact (a hold, a withdrawal, a later end) may move it out.
 *
 * @param recorded - promised until now; null while nothing was due.
 * @throws LetheError INVALID_INSTANT when one of the instants cannot be read.
 */
export function ratchetLatest(
  recorded: string | null,
  recomputed: string | null,
  factsChanged: boolean,
): string | null {
  if (factsChanged || recorded === null) return recomputed;
  if (recomputed === null) return recorded;
  return formatInstant(
    earlier(parseInstant(recorded, 'recorded'), parseInstant(recomputed, 'recomputed')),
  );
}
