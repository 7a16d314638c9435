import canonicalize from 'canonicalize';
import type { z } from 'zod';
import { calendarYearSchema } from '../../contracts/schemas/calendar-year';
import { isLetheError } from '../../domain/errors';
import { makeCalendar } from '../../domain/windows/working-calendar';
import { sha256 } from '../calendars';
import { findingsIn, readYaml, type PlacedProblem } from './positioned-yaml';

/** A calendar year that may be added, or everything that is wrong with its text. */
export interface CalendarReading {
  readonly problems: readonly PlacedProblem[];
  /** `<id>/<year>`; null while the text does not say it. */
  readonly name: string | null;
}

/**
 * Reads the text of one calendar year, which is JSON: its shape, its days and the hash of its own content.
 *
 * @source CC-2
 */
export function readCalendarYear(text: string): CalendarReading {
  const json = readYaml(text);
  if ('problems' in json) return { problems: json.problems, name: null };
  const shape = calendarYearSchema.safeParse(json.value);
  if (!shape.success) {
    return { problems: findingsIn(shape.error).map((found) => json.place(found)), name: null };
  }
  const { sha256: recorded, ...content } = shape.data;
  const name = `${content.calendar}/${content.year}`;
  const hash = sha256(canonicalize(content) ?? '');
  const findings = [
    ...wrongDays(shape.data),
    ...(hash === recorded
      ? []
      : [{ field: 'sha256', message: `is not the hash of this content; it is ${hash}` }]),
  ];
  return { problems: findings.map((found) => json.place(found)), name };
}

function wrongDays(
  year: z.output<typeof calendarYearSchema>,
): readonly { readonly field: string; readonly message: string }[] {
  try {
    makeCalendar(year.calendar, '', [year]);
    return [];
  } catch (error) {
    if (!isLetheError(error)) throw error;
    return [{ field: 'off', message: `or work: ${error.message.replace('calendars: ', '')}` }];
  }
}
