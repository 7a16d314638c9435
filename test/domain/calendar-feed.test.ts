import { convertIcsCalendar } from 'ts-ics';
import { calendarFeed, type CalendarDate } from '../../src/domain/calendar-feed';

const options = {
  environment: 'prod',
  asOf: '2030-01-01T00:00:00.250000Z',
  language: 'en',
} as const;
const latest: CalendarDate = {
  kind: 'latest',
  of: 'rn_8577f0a3446bb3a911b2ea4d70805f82/2030-07-06',
  tenantId: 'tn_7cf777fbcd7ae3f6ddb4',
  at: '2030-07-07T16:00:00.000000Z',
  changedAt: '2030-01-01T00:00:00.000000Z',
  revision: 1,
};

/** Read by a parser that shares no code with the engine. */
const parsed = (dates: readonly CalendarDate[], language: 'en' | 'zh' = 'en') =>
  convertIcsCalendar(undefined, calendarFeed(dates, { ...options, language })).events ?? [];

describe('the calendar of deadlines', () => {
  it('is read by another parser: the instant, the tenant, a name that stays', () => {
    const [event] = parsed([latest]);
    expect(event).toMatchObject({
      uid: 'latest.rn_8577f0a3446bb3a911b2ea4d70805f82.2030-07-06@prod.lethe',
      summary: 'Must be gone by now: tn_7cf777fbcd7ae3f6ddb4',
      sequence: 1,
    });
    expect(event?.start.date.toISOString()).toBe('2030-07-07T16:00:00.000Z');
    expect(calendarFeed([{ ...latest, revision: 0 }], options)).toContain('SEQUENCE:0\r\n');
    expect(event?.stamp.date.toISOString()).toBe('2030-01-01T00:00:01.000Z');
  });

  it('moves an entry instead of showing it twice: same name, higher sequence, new instant', () => {
    const moved = { ...latest, at: '2030-08-01T16:00:00.000000Z', revision: 2 };
    const [[before], [after]] = [parsed([latest]), parsed([moved])];
    expect(after?.uid).toBe(before?.uid);
    expect(after?.sequence).toBeGreaterThan(before?.sequence ?? 0);
    expect(after?.start.date.toISOString()).toBe('2030-08-01T16:00:00.000Z');
  });

  it('gives every date of one due day, and the same date of two environments, a name of its own', () => {
    const kinds = ['earliest', 'not-before', 'latest'] as const;
    const names = parsed(kinds.map((kind) => ({ ...latest, kind }))).map(({ uid }) => uid);
    expect(new Set(names).size).toBe(3);
    expect(calendarFeed([latest], { ...options, environment: 'other' })).not.toContain(
      '@prod.lethe',
    );
  });

  it('shows the review of a hold on its day, whatever the zone of the reader', () => {
    const review: CalendarDate = {
      ...latest,
      kind: 'hold-review',
      of: 'hd_1/tn_1',
      at: '2030-02-03',
    };
    expect(calendarFeed([review], options)).toContain('DTSTART;VALUE=DATE:20300203\r\n');
    const [event] = parsed([review]);
    expect(event?.start).toMatchObject({ type: 'DATE' });
  });

  it('never says that a window opens earlier than it does', () => {
    const opens: CalendarDate = { ...latest, kind: 'earliest', at: '2030-07-06T16:00:00.000001Z' };
    expect(parsed([opens])[0]?.start.date.toISOString()).toBe('2030-07-06T16:00:01.000Z');
  });

  it('keeps to the format: lines of 75 octets at most, ends of two characters, no broken letter', () => {
    const text = calendarFeed([{ ...latest, of: `${'x'.repeat(200)}/2030` }, latest], {
      ...options,
      language: 'zh',
    });
    const lines = text.split('\r\n');
    expect(lines.every((line) => Buffer.byteLength(line) <= 75)).toBe(true);
    expect(lines.some((line) => line.startsWith(' '))).toBe(true);
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(text.replaceAll('\r\n ', '')).toContain('须在此之前销毁完毕: tn_7cf777fbcd7ae3f6ddb4');
  });

  it('is a calendar without dates when nothing is due', () => {
    expect(parsed([])).toEqual([]);
    expect(calendarFeed([], options)).toMatch(/^BEGIN:VCALENDAR\r\nVERSION:2\.0\r\n/);
  });
});
