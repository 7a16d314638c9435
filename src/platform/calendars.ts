import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import canonicalize from 'canonicalize';
import type { z } from 'zod';
import { calendarYearSchema } from '../contracts/schemas/calendar-year';
import { LetheError } from '../domain/errors';
import {
  CALENDAR_IDS,
  makeCalendar,
  type CalendarId,
  type CalendarSet,
} from '../domain/windows/working-calendar';

type CalendarFile = z.output<typeof calendarYearSchema>;

/** SHA-256 of a text's UTF-8 bytes in hexadecimal. */
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * Reads every calendar from `<directory>/<id>/<year>.json`. Each file must carry the hash of its own
 * content, so that a changed day is noticed; the version of a calendar is the hash over all its
 * years. Reading again is safe: nothing is written and nothing is remembered.
 *
 * @throws LetheError CONFIGURATION_INVALID naming the file and what to do.
 * @source CC-2
 */
export function loadCalendars(directory: string): CalendarSet {
  return new Map(CALENDAR_IDS.map((id) => [id, loadCalendar(directory, id)]));
}

function loadCalendar(directory: string, id: CalendarId): ReturnType<typeof makeCalendar> {
  const files = yearFiles(join(directory, id), id).map((name) => ({
    name: `${id}/${name}`,
    data: readYear(join(directory, id, name), `${id}/${name}`),
  }));
  for (const { name, data } of files) {
    if (name !== `${data.calendar}/${data.year}.json`) throw damaged(name, 'names another year');
  }
  const version = sha256(canonical(files.map(({ data }) => data))).slice(0, 12);
  return makeCalendar(
    id,
    `${id}@${version}`,
    files.map(({ data }) => data),
  );
}

function yearFiles(folder: string, id: CalendarId): readonly string[] {
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch (cause) {
    throw damaged(id, 'cannot be read', cause);
  }
  const stranger = names.find((name) => !/^\d{4}\.json$/.test(name));
  if (stranger !== undefined) throw damaged(`${id}/${stranger}`, 'is not a calendar year');
  return [...names].sort();
}

function readYear(path: string, name: string): CalendarFile {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw damaged(name, 'cannot be read as JSON', cause);
  }
  const result = calendarYearSchema.safeParse(content);
  if (!result.success) {
    throw damaged(name, `has a wrong ${result.error.issues[0]?.path.join('.') ?? 'shape'}`);
  }
  const { sha256: recorded, ...rest } = result.data;
  if (sha256(canonical(rest)) !== recorded) throw damaged(name, 'differs from its recorded hash');
  return result.data;
}

function canonical(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('only JSON values have a canonical text');
  return text;
}

const damaged = (name: string, problem: string, cause?: unknown): LetheError =>
  new LetheError(
    'CONFIGURATION_INVALID',
    `calendars/${name} ${problem}; restore the published file`,
    { field: `calendars/${name}`, cause },
  );
