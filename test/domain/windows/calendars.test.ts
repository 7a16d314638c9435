import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Holidays from 'date-holidays';
import { LegalHoliday, SolarDay } from 'tyme4ts';
import { addDays, weekdayOf } from '../../../src/domain/windows/civil';
import {
  isWorkingDay,
  makeCalendar,
  type CalendarId,
  type WorkingCalendar,
} from '../../../src/domain/windows/working-calendar';
import { RETENTION_SCHEDULE } from '../../../src/domain/retention-schedule';
import { loadCalendars } from '../../../src/platform/calendars';
import { CALENDARS_DIR, CONTEXT } from './context';

const calendarOf = (id: CalendarId): WorkingCalendar =>
  CONTEXT.calendars.get(id) as WorkingCalendar;

function* daysOf(calendar: WorkingCalendar): Generator<string> {
  for (let day = calendar.firstDay; day <= '2026-12-31'; day = addDays(day, 1)) yield day;
}

interface ChineseDays {
  readonly holidays: Readonly<Record<string, string>>;
  readonly workdays: Readonly<Record<string, string>>;
}
const CHINESE_DAYS = JSON.parse(
  readFileSync(
    join(__dirname, '../../../node_modules/chinese-days/dist/chinese-days.json'),
    'utf8',
  ),
) as ChineseDays;

/** Weekdays on which date-holidays is known to differ from the published list, and why. */
const KNOWN_DEFECTS: Readonly<Record<string, string>> = {
  'SG 2024-06-17': 'Hari Raya Haji was published for 17 June; the package computes 16 June',
};

const PACKAGE_REGIONS: readonly (readonly [CalendarId, readonly [string, string?]])[] = [
  ['HK', ['HK']],
  ['SG', ['SG']],
  ['US', ['US']],
  ['DE', ['DE']],
  ['GB-ENG', ['GB', 'ENG']],
];

/** Days off from Monday to Friday as date-holidays computes them, with neighbours' substitutes. */
function computedHolidays(
  id: CalendarId,
  [country, state]: readonly [string, string?],
): Set<string> {
  const holidays = state === undefined ? new Holidays(country) : new Holidays(country, state);
  const first = Number(calendarOf(id).firstDay.slice(0, 4));
  const days = new Set<string>();
  for (let year = first; year <= 2027; year += 1) {
    for (const { date, type, substitute } of holidays.getHolidays(year)) {
      const federalSubstitute = id === 'US' && type === 'bank' && substitute === true;
      if (type === 'public' || federalSubstitute) days.add(date.slice(0, 10));
    }
  }
  return days;
}

describe('the calendar of mainland China', () => {
  const CN = calendarOf('CN');

  it('has the days off and on that chinese-days has [CC-2]', () => {
    const wrong = [...daysOf(CN)].filter((day) => {
      const expected =
        day in CHINESE_DAYS.workdays || (weekdayOf(day) <= 5 && !(day in CHINESE_DAYS.holidays));
      return isWorkingDay({ ...CN, settledThrough: '2026-12-31' }, day) !== expected;
    });
    expect(wrong).toEqual([]);
  });

  it('has the days off and on that tyme4ts has [CC-2]', () => {
    const wrong = [...daysOf(CN)].filter((day) => {
      const [year = 0, month = 0, date = 0] = day.split('-').map(Number);
      const holiday = LegalHoliday.fromYmd(year, month, date);
      const weekend = [0, 6].includes(SolarDay.fromYmd(year, month, date).getWeek().getIndex());
      const expected = holiday === null ? !weekend : holiday.isWork();
      return isWorkingDay({ ...CN, settledThrough: '2026-12-31' }, day) !== expected;
    });
    expect(wrong).toEqual([]);
  });

  it('lacks no year that chinese-days knows: a new notice must be added here', () => {
    const years = Object.keys(CHINESE_DAYS.holidays).map((day) => Number(day.slice(0, 4)));
    expect(Math.max(...years)).toBe(RETENTION_SCHEDULE.parameters.lastPublishedYear);
  });

  it('is settled until the last fortnight of December, which the next notice can change', () => {
    expect(CN.settledThrough).toBe('2026-12-14');
  });
});

describe('the other calendars', () => {
  it.each(PACKAGE_REGIONS)(
    '%s agrees with date-holidays but for known defects [CC-2]',
    (id, region) => {
      const calendar = calendarOf(id);
      const computed = computedHolidays(id, region);
      const differing = [...daysOf(calendar)]
        .filter((day) => weekdayOf(day) <= 5)
        .filter((day) => computed.has(day) === isWorkingDay(calendar, day))
        .map((day) => `${id} ${day}`);
      expect(differing).toEqual(
        Object.keys(KNOWN_DEFECTS).filter((key) => key.startsWith(`${id} `)),
      );
    },
  );

  it('have the days that governments added once', () => {
    const once: readonly (readonly [CalendarId, string])[] = [
      ['GB-ENG', '2022-09-19'],
      ['GB-ENG', '2023-05-08'],
      ['GB-ENG', '2020-05-08'],
      ['DE', '2017-10-31'],
      ['SG', '2023-09-01'],
      ['SG', '2024-06-17'],
      ['HK', '2026-04-07'],
      ['US', '2021-12-31'],
    ];
    expect(once.filter(([id, day]) => isWorkingDay(calendarOf(id), day))).toEqual([]);
    expect(isWorkingDay(calendarOf('GB-ENG'), '2020-05-04')).toBe(true);
  });

  it('are settled until the end of the last published year', () => {
    const others = (['HK', 'SG', 'US', 'DE', 'GB-ENG'] as const).map(
      (id) => calendarOf(id).settledThrough,
    );
    expect(new Set(others)).toEqual(new Set(['2026-12-31']));
  });
});

describe('loadCalendars', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'calendars-'));
    cpSync(CALENDARS_DIR, folder, { recursive: true });
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('gives equal content equal versions', () => {
    expect(loadCalendars(folder)).toEqual(CONTEXT.calendars);
  });

  const alter = (name: string, change: (text: string) => string): void => {
    const path = join(folder, name);
    writeFileSync(path, change(readFileSync(path, 'utf8')));
  };

  it('refuses a year whose content was changed without its hash', () => {
    alter('CN/2026.json', (text) => text.replace('2026-02-28', '2026-03-01'));
    expect(() => loadCalendars(folder)).toThrow(/calendars\/CN\/2026.json differs/);
  });

  it.each([
    ['is missing', 'CN/2020.json', /CN lacks the year 2020/],
    ['is missing altogether', 'DE', /calendars\/DE cannot be read/],
  ])('refuses a calendar of which a part %s', (_, name, message) => {
    rmSync(join(folder, name), { recursive: true });
    expect(() => loadCalendars(folder)).toThrow(message);
  });

  it.each([
    ['no JSON', '{', /cannot be read as JSON/],
    ['another shape', '{"year": 2026}', /has a wrong/],
  ])('refuses a file of %s', (_, text, message) => {
    alter('US/2026.json', () => text);
    expect(() => loadCalendars(folder)).toThrow(message);
  });

  it('refuses a stranger among the years', () => {
    writeFileSync(join(folder, 'US/2026.json.bak'), '{}');
    expect(() => loadCalendars(folder)).toThrow(/is not a calendar year/);
  });

  it('refuses a year under another name', () => {
    cpSync(join(folder, 'US/2026.json'), join(folder, 'US/2027.json'));
    expect(() => loadCalendars(folder)).toThrow(/US\/2027.json names another year/);
  });
});

describe('makeCalendar', () => {
  const year = (change: object = {}): Parameters<typeof makeCalendar>[2][number] => ({
    year: 2026,
    weekend: [6, 7],
    off: ['2026-01-01'],
    work: [],
    settledThrough: '2026-12-31',
    ...change,
  });

  it.each([
    ['no year', [], /no year at all/],
    ['a day of another year', [year({ off: ['2025-12-31'] })], /in the data of 2026/],
    ['a day both off and on', [year({ work: ['2026-01-01'] })], /names a day twice/],
    [
      'a changing weekend',
      [year(), year({ year: 2027, off: [], weekend: [7], settledThrough: '2027-12-31' })],
      /another weekend in 2027/,
    ],
  ])('refuses %s', (_, years, message) => {
    expect(() => makeCalendar('US', 'US@test', years)).toThrow(message);
  });

  it('accepts one good year', () => {
    expect(makeCalendar('US', 'US@test', [year()]).firstDay).toBe('2026-01-01');
  });
});
