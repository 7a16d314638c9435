import { LetheError } from '../errors';
import { weekdayOf, type CivilDate } from './civil';

/** Calendars that working days can be counted in. @source CC-2 */
export const CALENDAR_IDS = Object.freeze(['CN', 'HK', 'SG', 'US', 'DE', 'GB-ENG'] as const);

/** Id of a working-day calendar. */
export type CalendarId = (typeof CALENDAR_IDS)[number];

/** Published data of one calendar year. */
export interface CalendarYear {
  readonly year: number;
  /** Days of the week that are off, Monday 1 to Sunday 7. */
  readonly weekend: readonly number[];
  readonly off: readonly CivilDate[];
  /** Days of a weekend that are worked to make up for a longer holiday. */
  readonly work: readonly CivilDate[];
  /** Last day that a later notice is not expected to change. */
  readonly settledThrough: CivilDate;
}

/** Consecutive years of one calendar, pinned by a content hash. */
export interface WorkingCalendar {
  readonly id: CalendarId;
  /** `<id>@<first 12 hexadecimal digits of the content hash>`. */
  readonly version: string;
  readonly firstDay: CivilDate;
  /** Last day of which the data are final; later days are estimated. */
  readonly settledThrough: CivilDate;
  readonly weekend: ReadonlySet<number>;
  readonly off: ReadonlySet<CivilDate>;
  readonly work: ReadonlySet<CivilDate>;
}

/** The calendars that are loaded. */
export type CalendarSet = ReadonlyMap<CalendarId, WorkingCalendar>;

/**
 * Joins the years of a calendar. A missing year in between would be counted as if it had no
 * holidays, so it is refused, and so is a calendar whose weekend changes (none does).
 *
 * @throws LetheError CONFIGURATION_INVALID naming the calendar and the year.
 */
export function makeCalendar(
  id: CalendarId,
  version: string,
  years: readonly CalendarYear[],
): WorkingCalendar {
  const ordered = [...years].sort((a, b) => a.year - b.year);
  const first = ordered[0];
  const last = ordered.at(-1);
  if (first === undefined || last === undefined) throw invalid(id, 'has no year at all');
  ordered.forEach((year, index) => {
    checkYear(id, year, first.year + index);
    if (year.weekend.join() !== first.weekend.join()) {
      throw invalid(id, `has another weekend in ${year.year}`);
    }
  });
  return Object.freeze({
    id,
    version,
    firstDay: `${first.year}-01-01`,
    settledThrough: last.settledThrough,
    weekend: new Set(first.weekend),
    off: new Set(ordered.flatMap((year) => year.off)),
    work: new Set(ordered.flatMap((year) => year.work)),
  });
}

function checkYear(id: CalendarId, year: CalendarYear, expected: number): void {
  if (year.year !== expected) throw invalid(id, `lacks the year ${expected}`);
  const days = [...year.off, ...year.work];
  if (new Set(days).size !== days.length) throw invalid(id, `names a day twice in ${expected}`);
  for (const day of [...days, year.settledThrough]) {
    if (!day.startsWith(`${expected}-`)) throw invalid(id, `has ${day} in the data of ${expected}`);
  }
}

const invalid = (id: string, problem: string): LetheError =>
  new LetheError('CONFIGURATION_INVALID', `calendars: ${id} ${problem}; restore its data files`, {
    field: `calendars/${id}`,
  });

/** True when the day is settled or estimated as a working day. */
export function isWorkingDay(calendar: WorkingCalendar, date: CivilDate): boolean {
  if (date > calendar.settledThrough) return weekdayOf(date) <= 5;
  if (calendar.work.has(date)) return true;
  return !calendar.off.has(date) && !calendar.weekend.has(weekdayOf(date));
}

/**
 * The calendars with the given ids, in the order of the ids' own spelling.
 *
 * @throws LetheError INVALID_CALENDAR naming `calendars` when none is named or one is not loaded.
 */
export function chooseCalendars(
  ids: readonly CalendarId[],
  loaded: CalendarSet,
): readonly WorkingCalendar[] {
  if (ids.length === 0) {
    throw new LetheError(
      'INVALID_CALENDAR',
      'calendars must name at least one calendar when there is a deletion request',
      { field: 'calendars' },
    );
  }
  return namedCalendars(ids, loaded);
}

/**
 * Like chooseCalendars, but no calendar at all is acceptable too.
 *
 * @throws LetheError INVALID_CALENDAR naming the id that has no data.
 */
export function namedCalendars(
  ids: readonly CalendarId[],
  loaded: CalendarSet,
): readonly WorkingCalendar[] {
  return [...new Set(ids)].sort().map((id) => {
    const calendar = loaded.get(id);
    if (calendar !== undefined) return calendar;
    throw new LetheError('INVALID_CALENDAR', `calendars: ${id} is not loaded`, {
      field: 'calendars',
    });
  });
}
