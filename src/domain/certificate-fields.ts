import { LetheError } from './errors';
import { HOUR, formatInstant, parseInstant, type Nanoseconds } from './instants';

/** What the parts of a certificate are checked with, one field at a time. */

/** Three servers give the instants; the guard before the destruction is there because clocks differ. */
export const CLOCKS_DIFFER: Nanoseconds = HOUR / 12n;

/** A civil date, without asking whether the month has that day. */
export const CIVIL_DATE = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;

/** Whether it is a whole number from zero on. */
export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

/** The same instant as certificates write it. @throws LetheError INVALID_INSTANT naming the field. */
export const instantOf = (value: string, field: string): string =>
  formatInstant(parseInstant(value, field));

/** @throws LetheError INVALID_INPUT naming the field, unless it has the shape that it must have. */
export function assertShape(condition: boolean, field: string): void {
  if (condition) return;
  throw new LetheError('INVALID_INPUT', `${field} is malformed; no certificate was composed`, {
    field,
  });
}

/** The refusal when a fact stands against the statement that something is gone. */
export const unverified = (field: string, why: string): LetheError =>
  new LetheError('VERIFICATION_FAILED', `${field} ${why}; no certificate was composed`, { field });
