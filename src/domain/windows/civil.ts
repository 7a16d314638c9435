import { Temporal } from '@js-temporal/polyfill';
import type { Nanoseconds } from '../instants';

/** A civil date, YYYY-MM-DD; such texts sort like the dates. */
export type CivilDate = string;

const DAY_MILLISECONDS = 86_400_000;
const ZONE = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+){0,2}$/;

/**
 * True for a time zone of the IANA database, spelled as there. A bare offset is none: it would keep
 * its distance to UTC when the law changes the clocks.
 */
export function isTimeZone(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 64 || !ZONE.test(value)) return false;
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(value).timeZoneId === value;
  } catch {
    return false;
  }
}

const FIRST_DAY: CivilDate = '1970-01-01';
const LAST_DAY: CivilDate = '2199-12-31';

/** True for a day that the calendar has, in the years that instants may have. */
export const isCivilDate = (value: unknown): value is CivilDate =>
  typeof value === 'string' &&
  /^\d{4}-\d{2}-\d{2}$/.test(value) &&
  value >= FIRST_DAY &&
  value <= LAST_DAY &&
  !Number.isNaN(Date.parse(`${value}T00:00:00Z`)) &&
  new Date(`${value}T00:00:00Z`).toISOString().startsWith(value);

/** Civil date of an instant in a zone. */
export function dateOf(instant: Nanoseconds, zone: string): CivilDate {
  return Temporal.Instant.fromEpochNanoseconds(instant)
    .toZonedDateTimeISO(zone)
    .toPlainDate()
    .toString();
}

/**
 * First instant after a civil day: the start of the next one, which is later than midnight where the
 * clocks skip midnight, and where the zone skips a whole day the start of the day after.
 */
export function endOfDay(date: CivilDate, zone: string): Nanoseconds {
  return Temporal.PlainDate.from(addDays(date, 1)).toZonedDateTime({ timeZone: zone })
    .epochNanoseconds;
}

/** `date` plus a number of civil days. */
export function addDays(date: CivilDate, days: number): CivilDate {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MILLISECONDS)
    .toISOString()
    .slice(0, 10);
}

/** `date` plus a number of months in one step; a day that the month lacks becomes its last day. */
export function addMonths(date: CivilDate, months: number): CivilDate {
  return Temporal.PlainDate.from(date).add({ months }, { overflow: 'constrain' }).toString();
}

/** Day of the week of a civil date, Monday 1 to Sunday 7. */
export function weekdayOf(date: CivilDate): number {
  return new Date(`${date}T00:00:00Z`).getUTCDay() || 7;
}
