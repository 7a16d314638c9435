/** How fast live rows may be moved away, as an operator set it. */
export interface Throttle {
  readonly paused: boolean;
  /** Null: as fast as it goes. */
  readonly rowsPerSecondMax: number | null;
  /** More statements at once on the SQL server than this: wait. */
  readonly threadsRunningMax: number;
  readonly quietHours: QuietHours | null;
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
export type WaitReason = 'paused' | 'quiet-hours' | 'load';

/** What holds until somebody sets something else. */
export const DEFAULT_THROTTLE: Throttle = Object.freeze({
  paused: false,
  rowsPerSecondMax: null,
  threadsRunningMax: 25,
  quietHours: null,
});

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
  readonly now: string;
  readonly moveBy: string;
  /** How long the rest will take at the present rate, in milliseconds; 0 while it is not known. */
  readonly remainingMs: number;
}

/**
 * Whether the next batch waits, and why. A pause is an order and holds whatever is due; quiet hours are a
 * courtesy, and a deadline beats them.
 */
export function reasonToWait(facts: PaceFacts): WaitReason | null {
  const { throttle, hourAndMinute, threadsRunning } = facts;
  if (throttle.paused) return 'paused';
  if (
    throttle.quietHours !== null &&
    isQuiet(hourAndMinute, throttle.quietHours) &&
    !isPressing(facts)
  )
    return 'quiet-hours';
  return threadsRunning > throttle.threadsRunningMax ? 'load' : null;
}

/** True when waiting for the end of the quiet hours could miss the instant by which rows must have moved. */
function isPressing({ now, moveBy: by, remainingMs }: PaceFacts): boolean {
  return Date.parse(now) + remainingMs + SLACK_MS >= Date.parse(by);
}

/** Longest time that one batch should take, in milliseconds; a slower server gets a rest after it. */
const BATCH_TARGET_MS = 50;
const REST_MAX_MS = 1000;
const SECOND_MS = 1000;

/**
 * How long to rest after a batch, in milliseconds: what the limit of rows asks for, and as long again as
 * the batch took beyond its target, so that a server that slows down is asked less often.
 */
export function restAfter(
  batch: { readonly rows: number; readonly tookMs: number },
  rowsPerSecondMax: number | null,
): number {
  const limit =
    rowsPerSecondMax === null ? 0 : (batch.rows / rowsPerSecondMax) * SECOND_MS - batch.tookMs;
  const courtesy = Math.min(REST_MAX_MS, batch.tookMs - BATCH_TARGET_MS);
  return Math.max(0, Math.ceil(limit), Math.ceil(courtesy));
}
