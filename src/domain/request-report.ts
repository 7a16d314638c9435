import { LetheError } from './errors';
import { parseInstant } from './instants';
import type { RequestState } from './deletion-request';
import { dateOf, endOfDay, addDays, isCivilDate, type CivilDate } from './windows/civil';

/** Civil days from the first one up to, and not including, the last one. */
export interface ReportPeriod {
  readonly from: CivilDate;
  readonly to: CivilDate;
}

/**
 * How a deletion request was kept, one for each request:
 *
 *   fulfilled_in_time  certified, and no promised end was missed on the way
 *   fulfilled_late     certified, and one was
 *   open               not over, and no promised end has passed
 *   overdue            not over, and one has; a denied order does not hide it
 *   denied             its newest order was denied and no end has passed; the clock still runs
 *   withdrawn          taken back before destruction began
 */
export const REQUEST_OUTCOMES = Object.freeze([
  'fulfilled_in_time',
  'fulfilled_late',
  'open',
  'overdue',
  'denied',
  'withdrawn',
] as const);

/** One of them. */
export type RequestOutcome = (typeof REQUEST_OUTCOMES)[number];

/** What decides about one request. */
export interface OutcomeFacts {
  readonly state: RequestState;
  readonly withdrawn: boolean;
  /** Everything that it covers is certified, or there was nothing of it. */
  readonly isOver: boolean;
  /** Promised ends that passed while something of it was left. */
  readonly missed: readonly string[];
}

/** The outcome follows from the facts at one instant and is stored nowhere. @source CC-2, DR-1 */
export function outcomeOf({ state, withdrawn, isOver, missed }: OutcomeFacts): RequestOutcome {
  const isMissed = missed.length > 0;
  if (withdrawn) return 'withdrawn';
  if (isOver) return isMissed ? 'fulfilled_late' : 'fulfilled_in_time';
  if (isMissed) return 'overdue';
  return state === 'denied' ? 'denied' : 'open';
}

/** Numbers over all requests of a period; each request has one outcome. */
export interface ReportTotals extends Readonly<Record<RequestOutcome, number>> {
  readonly received: number;
  /** Requests with an end that was missed, whatever became of them. */
  readonly breached: number;
  /** Of those that are fulfilled, from the day of receipt to the day of the end; null without any. */
  readonly medianDays: number | null;
}

/** Sums requests up. */
export function totalsOf(
  requests: readonly {
    readonly outcome: RequestOutcome;
    readonly missed: readonly string[];
    readonly days: number;
  }[],
): ReportTotals {
  const count = (outcome: RequestOutcome): number =>
    requests.filter((request) => request.outcome === outcome).length;
  const taken = requests
    .filter(({ outcome }) => outcome === 'fulfilled_in_time' || outcome === 'fulfilled_late')
    .map(({ days }) => days);
  return {
    received: requests.length,
    fulfilled_in_time: count('fulfilled_in_time'),
    fulfilled_late: count('fulfilled_late'),
    open: count('open'),
    overdue: count('overdue'),
    denied: count('denied'),
    withdrawn: count('withdrawn'),
    breached: requests.filter(({ missed }) => missed.length > 0).length,
    medianDays: medianOf(taken),
  };
}

/** The middle of some numbers, between the two middle ones of an even count; null of none. */
export function medianOf(numbers: readonly number[]): number | null {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const upper = sorted[Math.floor(half)];
  const lower = sorted[Math.ceil(half) - 1];
  return upper === undefined || lower === undefined ? null : (lower + upper) / 2;
}

const DAY_MS = 86_400_000;

/** Civil days in a zone from one instant to another one; the day of the first is not counted. */
export function daysBetween(one: string, other: string, zone: string): number {
  const day = (instant: string): number =>
    Date.parse(dateOf(parseInstant(instant, 'instant'), zone)) / DAY_MS;
  return day(other) - day(one);
}

/** Whether an instant lies in the period, by the days of a zone. */
export function isInPeriod(instant: string, { from, to }: ReportPeriod, zone: string): boolean {
  const day = dateOf(parseInstant(instant, 'instant'), zone);
  return from <= day && day < to;
}

/** Whether the period is over in every one of some zones: no request can be added to it any more. */
export const isPeriodOver = (
  { to }: ReportPeriod,
  now: string,
  zones: readonly string[],
): boolean => zones.every((zone) => parseInstant(now, 'now') >= endOfDay(addDays(to, -1), zone));

/**
 * Reads a period as people state it.
 *
 * @throws LetheError INVALID_INPUT naming `from` or `to`.
 */
export function parsePeriod(from: unknown, to: unknown): ReportPeriod {
  for (const [field, date] of [
    ['from', from],
    ['to', to],
  ] as const) {
    if (isCivilDate(date)) continue;
    throw new LetheError(
      'INVALID_INPUT',
      `${field} must be a day of the calendar from 1970 to 2199, like 2026-12-31`,
      { field },
    );
  }
  const period = { from, to } as ReportPeriod;
  if (period.from < period.to) return period;
  throw new LetheError(
    'INVALID_INPUT',
    'to must be a later day than from; it is itself not part of the period',
    { field: 'to' },
  );
}
