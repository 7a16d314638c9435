import { LetheError } from './errors';

/**
 * Instants as whole nanoseconds since 1970-01-01T00:00:00Z. Comparing them needs neither a clock, nor
 * a time zone, nor a library, so the same comparison may run inside a workflow and replay for ever.
 */
export type Nanoseconds = bigint;

const INSTANT =
  /^(\d{4}-\d{2}-\d{2})[Tt](([01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-]([01]\d|2[0-3]):[0-5]\d))$/;
const FIRST_YEAR = 1970;
const LAST_YEAR = 2200;
const PER_MILLISECOND = 1_000_000n;
const PER_SECOND = 1_000_000_000n;

/** Nanoseconds in one hour. */
export const HOUR: Nanoseconds = 3600n * PER_SECOND;

/** Nanoseconds in 24 hours; a civil day may be shorter or longer. */
export const DAY: Nanoseconds = 24n * HOUR;

/**
 * Reads an RFC 3339 instant. Up to nine fractional digits are kept exactly; a leap second is refused
 * because no two systems agree on where it goes.
 *
 * @throws LetheError INVALID_INSTANT naming `field`.
 */
export function parseInstant(value: unknown, field: string): Nanoseconds {
  const parts = typeof value === 'string' ? INSTANT.exec(value) : null;
  const instant = parts === null ? undefined : fromParts(parts);
  if (instant !== undefined) return instant;
  throw new LetheError(
    'INVALID_INSTANT',
    `${field} must be an RFC 3339 instant with an offset from ${FIRST_YEAR} to ${LAST_YEAR}, like 2026-03-01T15:00:00+08:00`,
    { field },
  );
}

function fromParts(parts: RegExpExecArray): Nanoseconds | undefined {
  const [, date = '', time = '', , fraction, offset] = parts;
  const midnight = Date.parse(`${date}T00:00:00Z`);
  const year = Number(date.slice(0, 4));
  if (Number.isNaN(midnight) || year < FIRST_YEAR || year > LAST_YEAR) return undefined;
  if (new Date(midnight).toISOString().slice(0, 10) !== date) return undefined;
  const milliseconds = Date.parse(`${date}T${time}${offset ?? 'Z'}`);
  return BigInt(milliseconds) * PER_MILLISECOND + BigInt((fraction ?? '').padEnd(9, '0'));
}

/** Writes an instant in UTC with as many fractional digits as it needs, none when the second is whole. */
export function formatInstant(instant: Nanoseconds): string {
  const fraction = ((instant % PER_SECOND) + PER_SECOND) % PER_SECOND;
  const whole = new Date(Number((instant - fraction) / PER_MILLISECOND)).toISOString().slice(0, 19);
  const digits = fraction.toString().padStart(9, '0').replace(/0+$/, '');
  return digits === '' ? `${whole}Z` : `${whole}.${digits}Z`;
}

/** Later of two instants. */
export const later = (a: Nanoseconds, b: Nanoseconds): Nanoseconds => (a > b ? a : b);

/** Earlier of two instants. */
export const earlier = (a: Nanoseconds, b: Nanoseconds): Nanoseconds => (a < b ? a : b);

/** Ascending order of instants, for sorting. */
export const byInstant = (a: Nanoseconds, b: Nanoseconds): number => (a < b ? -1 : a > b ? 1 : 0);
