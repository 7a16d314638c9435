import { LetheError, type FailureCode } from '../domain/errors';
import { OPAQUE_ID } from '../domain/identifiers';

/**
 * Hand-written checks for what crosses into a workflow: anyone with the Temporal CLI can send a
 * payload, and a schema library would multiply the memory of every cached workflow.
 */
export type Check = (value: unknown, field: string) => void;

/** Throws a failure that names the field and the remedy. */
export function refuse(code: FailureCode, field: string, remedy: string): never {
  throw new LetheError(code, `${field} ${remedy}`, { field });
}

/** A string that matches `pattern`. */
export const matching =
  (pattern: RegExp, remedy: string, code: FailureCode = 'INVALID_INPUT'): Check =>
  (value, field) => {
    if (typeof value !== 'string' || !pattern.test(value)) refuse(code, field, remedy);
  };

/** The opaque id of a person. */
export const actor = matching(OPAQUE_ID, 'must be an opaque id of 1 to 64 characters');

/** One of a closed list of words. */
export const oneOf =
  (words: readonly string[], code: FailureCode = 'INVALID_INPUT'): Check =>
  (value, field) => {
    if (typeof value !== 'string' || !words.includes(value)) {
      refuse(code, field, `must be one of ${words.join(', ')}`);
    }
  };

/** A list of `min` to `max` items without duplicates. */
export const listOf =
  (check: Check, min: number, max: number): Check =>
  (value, field) => {
    if (!Array.isArray(value) || value.length < min || value.length > max) {
      refuse('INVALID_INPUT', field, `must be a list of ${min} to ${max} items`);
    }
    value.forEach((item, index) => {
      check(item, `${field}[${index}]`);
    });
    if (new Set(value.map((item) => JSON.stringify(item))).size !== value.length) {
      refuse('INVALID_INPUT', field, 'must not name the same item twice');
    }
  };

/** An integer between two bounds, inclusive. */
export const integer =
  (min: number, max: number): Check =>
  (value, field) => {
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
      refuse('INVALID_INPUT', field, `must be an integer from ${min} to ${max}`);
    }
  };

/** A check that an absent field passes. */
export interface OptionalCheck {
  readonly optional: Check;
}

/** Marks a field as optional. */
export const optional = (check: Check): OptionalCheck => ({ optional: check });

/** A plain object with exactly the named fields. */
export const objectOf =
  (fields: Readonly<Record<string, Check | OptionalCheck>>): Check =>
  (value, field) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      refuse('INVALID_INPUT', field, 'must be an object');
    }
    const entries = value as Record<string, unknown>;
    refuseUnknownFields(entries, fields, field);
    for (const [key, check] of Object.entries(fields)) {
      const present = Object.hasOwn(entries, key) && entries[key] !== undefined;
      if (typeof check === 'function') {
        if (!present) refuse('INVALID_INPUT', at(field, key), 'is missing');
        check(entries[key], at(field, key));
      } else if (present) check.optional(entries[key], at(field, key));
    }
  };

function refuseUnknownFields(entries: object, fields: object, field: string): void {
  const unknown = Object.keys(entries).find((key) => !Object.hasOwn(fields, key));
  if (unknown === undefined) return;
  refuse('INVALID_INPUT', at(field, nameable(unknown)), 'is not a known field');
}

/** Longest name of an unknown field that is repeated: a refusal must stay smaller than what it refuses. */
const NAME_LENGTH_MAX = 64;
const nameable = (name: string): string =>
  name.slice(0, NAME_LENGTH_MAX).replace(/[^0-9A-Za-z_-]/g, '?');

const at = (field: string, key: string): string => (field === '' ? key : `${field}.${key}`);

const INSTANT =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(\.\d{1,9})?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** An RFC 3339 instant with an offset, on a day that exists. */
export const instant: Check = (value, field) => {
  const parts = typeof value === 'string' ? INSTANT.exec(value) : null;
  if (parts === null || !isRealMoment(parts.slice(1, 7).map(Number))) {
    refuse(
      'INVALID_INSTANT',
      field,
      'must be an RFC 3339 instant with an offset, like 2026-03-01T15:00:00+08:00',
    );
  }
};

const CIVIL_DATE = /^(\d{4})-(\d{2})-(\d{2})$/;

/** A civil date on a day that exists. */
export const civilDate: Check = (value, field) => {
  const parts = typeof value === 'string' ? CIVIL_DATE.exec(value) : null;
  if (parts === null || !isRealMoment([...parts.slice(1, 4).map(Number), 0, 0, 0])) {
    refuse('INVALID_INPUT', field, 'must be a date that exists, like 2026-12-31');
  }
};

/** The language rolls 30 February over into March; a contract does not. */
function isRealMoment(parts: readonly number[]): boolean {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 60] = parts;
  if (year < 1970 || year > 2200) return false;
  const real = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const again = real.toISOString().slice(0, 19).split(/[-T:]/).map(Number);
  return again.every((part, index) => part === parts[index]);
}
