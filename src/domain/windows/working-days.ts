import { LetheError } from '../errors';
import type { PolicyParameters } from '../retention-schedule';
import { addDays, weekdayOf, type CivilDate } from './civil';
import { isWorkingDay, type CalendarId, type WorkingCalendar } from './working-calendar';

/** How the last day of a period of working days was found in one calendar. */
export interface WorkingDayCount {
  readonly calendar: CalendarId;
  readonly lastDay: CivilDate;
  /** True when the period reaches past the settled data; the day can then only become later. */
  readonly provisional: boolean;
  readonly counted: number;
  /** Days from Monday to Friday up to the last day that the calendar has off. */
  readonly skipped: readonly CivilDate[];
  /** Days of a weekend up to the last day that the calendar has on. */
  readonly madeUp: readonly CivilDate[];
}

type Periods = Pick<PolicyParameters, 'requestWorkingDays' | 'requestProvisionalWorkingDays'>;

/**
 * Counts working days from the day after `receivedOn`. Past the settled data every day from Monday
 * to Friday counts, and as unpublished make-up days could bring the true last day forward, the
 * period is cut short there; it never ends before the settled data do.
 *
 * @throws LetheError INVALID_CALENDAR when the calendar has no data for the day of receipt: an
 * uncounted holiday or make-up day would be a guess.
 * @source CC-2
 */
export function countWorkingDays(
  receivedOn: CivilDate,
  calendar: WorkingCalendar,
  periods: Periods,
): WorkingDayCount {
  if (receivedOn < calendar.firstDay) {
    throw new LetheError(
      'INVALID_CALENDAR',
      `calendars: ${calendar.id} has no data before ${calendar.firstDay}, but working days are counted from ${receivedOn}; add calendars/${calendar.id}/${receivedOn.slice(0, 4)}.json`,
      { field: 'calendars' },
    );
  }
  const full = walk(receivedOn, calendar, periods.requestWorkingDays);
  const settled = calendar.settledThrough;
  if (full.lastDay <= settled) return { calendar: calendar.id, provisional: false, ...full };
  const short = walk(receivedOn, calendar, periods.requestProvisionalWorkingDays);
  const lastDay = short.lastDay > settled ? short.lastDay : settled;
  return { calendar: calendar.id, provisional: true, ...short, lastDay };
}

function walk(
  receivedOn: CivilDate,
  calendar: WorkingCalendar,
  days: number,
): Pick<WorkingDayCount, 'lastDay' | 'counted' | 'skipped' | 'madeUp'> {
  const skipped: CivilDate[] = [];
  const madeUp: CivilDate[] = [];
  let lastDay = receivedOn;
  for (let counted = 0; counted < days;) {
    lastDay = addDays(lastDay, 1);
    const working = isWorkingDay(calendar, lastDay);
    if (working) counted += 1;
    const inTheWeek = weekdayOf(lastDay) <= 5;
    if (inTheWeek && !working) skipped.push(lastDay);
    if (!inTheWeek && working) madeUp.push(lastDay);
  }
  return { lastDay, counted: days, skipped, madeUp };
}

/**
 * The count that ends first decides. Between equal days a final count goes before a provisional one:
 * a provisional day only ever moves later, so the final one stays the earliest.
 */
export function strictestCount(counts: readonly WorkingDayCount[]): WorkingDayCount | undefined {
  return [...counts].sort((a, b) => {
    if (a.lastDay !== b.lastDay) return a.lastDay < b.lastDay ? -1 : 1;
    return Number(a.provisional) - Number(b.provisional);
  })[0];
}
