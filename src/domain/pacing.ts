/** How fast live rows may be moved away, as an operator set it. */
export interface Throttle {
  readonly paused: boolean;
  /** Null: as fast as it goes. */
  readonly rowsPerSecondMax: number | null;
  /** More statements at once on the SQL server than this: wait. */
  readonly threadsRunningMax: number;
  readonly quietHours: QuietHours | null;
  /** A replica is further behind than this, in seconds: wait. */
  readonly replicaLagMaxSeconds: number;
  /** Begin, and go on after a wait, when every replica is at most this far behind, in seconds. */
  readonly replicaLagResumeSeconds: number;
}

/** Hours of every day in which nothing is moved that can wait; they may span midnight. */
export interface QuietHours {
  /** `HH:MM`, inclusive. */
  readonly from: string;
  /** `HH:MM`, exclusive. */
  readonly to: string;
  /** Time zone; null: each tenant's own. */
  readonly zone: string | null;
}

/** Why work waits although nothing is wrong with it. */
export type WaitReason = 'paused' | 'quiet-hours' | 'replica-lag' | 'load';

/** What holds until somebody sets something else. */
export const DEFAULT_THROTTLE: Throttle = Object.freeze({
  paused: false,
  rowsPerSecondMax: null,
  threadsRunningMax: 25,
  quietHours: null,
  replicaLagMaxSeconds: 10,
  replicaLagResumeSeconds: 2,
});

const SECOND_MS = 1000;
const DAY_MS = 24 * 3_600_000;
/** Rows in clear leave the live stores this long after the end at the latest: 30 days less the 21 of backups. */
const MOVE_WITHIN_DAYS = 9;
/** Quiet hours give way when what is left of the time is this much longer than the work: one day. */
const SLACK_MS = DAY_MS;

/** The instant by which a run's live rows must have moved, so that backups in clear end before the promise does. */
export const moveBy = (eventAt: string): string =>
  new Date(Date.parse(eventAt) + MOVE_WITHIN_DAYS * DAY_MS).toISOString();

/** True from `from` on and before `to`, also over midnight; equal ends mean no hour at all. */
export function isQuiet(
  hourAndMinute: string,
  { from, to }: Pick<QuietHours, 'from' | 'to'>,
): boolean {
  return from <= to
    ? from <= hourAndMinute && hourAndMinute < to
    : hourAndMinute >= from || hourAndMinute < to;
}

/** What is known before the next batch. */
export interface PaceFacts {
  readonly throttle: Throttle;
  /** `HH:MM` where the quiet hours count. */
  readonly hourAndMinute: string;
  readonly threadsRunning: number;
  /** Of the slowest replica, in milliseconds; null: one of them does not say. */
  readonly replicaLagMs: number | null;
  /** Nothing was moved since a replica was too far behind, or since this step began. */
  readonly isCatchingUp: boolean;
  readonly now: string;
  readonly moveBy: string;
  /** How long the rest will take at the present rate, in milliseconds; 0 while it is not known. */
  readonly remainingMs: number;
}

/**
 * Whether the next batch waits, and why. A pause is an order and holds whatever is due; quiet hours and
 * the lag of replicas are a courtesy, and a deadline beats them.
 */
export function reasonToWait(facts: PaceFacts): WaitReason | null {
  const { throttle, threadsRunning } = facts;
  if (throttle.paused) return 'paused';
  return courtesyOf(facts) ?? (threadsRunning > throttle.threadsRunningMax ? 'load' : null);
}

function courtesyOf(facts: PaceFacts): WaitReason | null {
  if (isPressing(facts)) return null;
  const { quietHours } = facts.throttle;
  if (quietHours !== null && isQuiet(facts.hourAndMinute, quietHours)) return 'quiet-hours';
  return isBehind(facts) ? 'replica-lag' : null;
}

/** Who is not known to be in time is behind. Waiting ends at a lower lag than it begins at. */
function isBehind({ throttle, replicaLagMs, isCatchingUp }: PaceFacts): boolean {
  const { replicaLagMaxSeconds, replicaLagResumeSeconds } = throttle;
  const seconds = isCatchingUp ? replicaLagResumeSeconds : replicaLagMaxSeconds;
  return replicaLagMs === null || replicaLagMs > seconds * SECOND_MS;
}

/** True when waiting longer could miss the instant by which rows must have moved. */
function isPressing({
  now,
  moveBy: by,
  remainingMs,
}: Pick<PaceFacts, 'now' | 'moveBy' | 'remainingMs'>): boolean {
  return Date.parse(now) + remainingMs + SLACK_MS >= Date.parse(by);
}

/** What gives way to a deadline; a pause and the load of a server do not. */
const COURTESIES: ReadonlySet<string> = new Set<WaitReason>(['quiet-hours', 'replica-lag']);

/** Whether a reason to wait still holds a move up, which it does not when it must give way by now. */
export function stillHolds(
  reason: string,
  facts: {
    readonly now: string;
    readonly moveBy: string;
    /** Null while nobody has counted. */
    readonly rowsLeft: number | null;
    readonly rowsPerSecond: number;
  },
): boolean {
  if (!COURTESIES.has(reason)) return true;
  const { rowsLeft, rowsPerSecond } = facts;
  const known = rowsLeft !== null && rowsPerSecond > 0;
  return !isPressing({
    ...facts,
    remainingMs: known ? (rowsLeft / rowsPerSecond) * SECOND_MS : 0,
  });
}

/** Longest time that one batch should take, in milliseconds; a slower server gets a rest after it. */
const BATCH_TARGET_MS = 50;
const REST_MAX_MS = 1000;

/** Each failed try of the last minute lengthens the rest by this much, up to the most. */
const REST_PER_FAILURE_MS = 250;
const FAILURE_REST_MAX_MS = 5000;
/** What failed longer ago than this does not count any more. */
export const FAILURES_COUNT_MS = 60 * SECOND_MS;

/**
 * How long to rest after a batch, in milliseconds: what the limit of rows asks for, or as long again as
 * the batch took beyond its target, so that a server that slows down is asked less often; and more on top
 * of it for every try that failed within the last minute, so that a store in trouble gets air.
 */
export function restAfter(
  batch: { readonly rows: number; readonly tookMs: number },
  rowsPerSecondMax: number | null,
  recentFailures: number,
): number {
  const limit =
    rowsPerSecondMax === null ? 0 : (batch.rows / rowsPerSecondMax) * SECOND_MS - batch.tookMs;
  const courtesy = Math.min(REST_MAX_MS, batch.tookMs - BATCH_TARGET_MS);
  const trouble = Math.min(FAILURE_REST_MAX_MS, recentFailures * REST_PER_FAILURE_MS);
  return Math.max(0, Math.ceil(limit), Math.ceil(courtesy)) + trouble;
}

/** Last instant that a date can hold, in milliseconds. */
const INSTANT_MAX_MS = 8.64e15;

/** When the rest will have moved at the present rate; null while that cannot be said. */
export function estimatedEnd(facts: {
  readonly now: string;
  /** Null while nobody has counted. */
  readonly rowsLeft: number | null;
  readonly rowsPerSecond: number;
}): string | null {
  const { now, rowsLeft, rowsPerSecond } = facts;
  if (rowsLeft === null || rowsPerSecond <= 0) return null;
  const end = Date.parse(now) + (rowsLeft / rowsPerSecond) * SECOND_MS;
  return end > INSTANT_MAX_MS ? null : new Date(end).toISOString();
}

/** `tight`: less than a day would be left; `too-late`: the deadline passes first. */
export type PaceWarning = 'tight' | 'too-late';

/**
 * Warns before the estimate passes the deadline, which is the earlier of the instant by which live rows
 * must have moved and the end of the first window. Without an estimate the present moment counts: what
 * stands still gets late as well. A day is what quiet hours leave, too.
 *
 * @source AB-2, AB-3
 */
export function paceWarning(facts: {
  readonly now: string;
  readonly estimatedEndAt: string | null;
  readonly moveBy: string;
  readonly latestAt: string | null;
}): PaceWarning | null {
  const { now, estimatedEndAt, latestAt } = facts;
  const end = Date.parse(estimatedEndAt ?? now);
  const by = Math.min(
    Date.parse(facts.moveBy),
    latestAt === null ? Infinity : Date.parse(latestAt),
  );
  if (end > by) return 'too-late';
  return end + SLACK_MS >= by ? 'tight' : null;
}
