import { computeStrayWindow } from '../../../src/domain/windows/stray';
import { parseFacts } from '../../../src/contracts/schemas/facts';
import { addMonths, dateOf, endOfDay, isTimeZone } from '../../../src/domain/windows/civil';
import { formatInstant, parseInstant } from '../../../src/domain/instants';
import { mergeUse } from '../../../src/domain/windows/merge-use';
import { asset, configuration, CONTEXT, link, windowOf } from './context';

const eod = (date: string, zone: string): string => formatInstant(endOfDay(date, zone));

describe('the 180-day minimum', () => {
  it.each([
    ['a second before', '2025-10-01T23:59:59+08:00', '2026-03-31', 'AB-3'],
    ['on', '2025-10-02T23:59:59+08:00', '2026-03-31', 'AB-3'],
    ['after', '2025-10-03T00:00:00+08:00', '2026-04-01', 'AB-1'],
  ])('decides only %s the day that is 150 days before the end [AB-1, AB-3]', (...row) => {
    const [, collectedAt, dueOn, rule] = row;
    expect(windowOf(asset({ collectedAt }))).toMatchObject({ dueOn, rule: [rule] });
  });

  it('never decides for an observation older than that [AB-3]', () => {
    expect(windowOf(asset({ collectedAt: '1970-01-01T00:00:00Z' })).rule).toEqual(['AB-3']);
  });

  it('counts hours as well where the clocks went forward in between [AB-1]', () => {
    const facts = asset({
      zone: 'America/New_York',
      collectedAt: '2026-02-20T23:59:30-05:00',
      links: [link('2023-01-01T00:00:00Z', '2026-02-21T12:00:00Z')],
    });
    expect(windowOf(facts)).toMatchObject({
      dueOn: '2026-08-19',
      earliestAt: '2026-08-20T04:59:30Z',
      latestAt: '2026-08-21T04:00:00Z',
    });
  });

  it('gives one termination at most 151 due days, 155 with statutory logs [AB-3]', () => {
    const days = (statutoryLog: boolean): number =>
      new Set(
        Array.from({ length: 400 }, (_, age) => {
          const collectedAt = new Date(Date.parse('2026-03-01T03:00:00Z') - age * 864e5);
          const facts = asset({ collectedAt: collectedAt.toISOString(), statutoryLog });
          return windowOf(facts).dueOn;
        }),
      ).size;
    expect(days(false)).toBe(151);
    expect(days(true)).toBeLessThanOrEqual(155);
  });
});

describe('a service that comes back', () => {
  const back = (startedAt: string): unknown =>
    asset({
      links: [
        link('2023-01-01T00:00:00+08:00', '2026-03-01T15:00:00+08:00'),
        link(startedAt, '2026-06-01T15:00:00+08:00'),
      ],
    });

  it.each([
    ['before', '2026-03-31T15:59:59.999Z', '2026-07-01'],
    ['at', '2026-03-31T16:00:00Z', '2026-03-31'],
    ['after', '2026-03-31T16:00:00.000000001Z', '2026-03-31'],
  ])('continues the use when it starts before the earliest instant: %s [AB-2]', (...row) => {
    const [, startedAt, dueOn] = row;
    expect(windowOf(back(startedAt)).dueOn).toBe(dueOn);
  });

  it('leaves the first end in force when it never does [AB-2]', () => {
    expect(windowOf(asset()).dueOn).toBe('2026-03-31');
  });

  it('continues the use whatever was requested or held meanwhile [AB-2]', () => {
    const facts = {
      ...asset({
        links: [
          link('2023-01-01T00:00:00+08:00', '2026-03-01T15:00:00+08:00'),
          link('2026-03-31T23:00:00+08:00', null),
        ],
      }),
      deletionRequests: [{ receivedAt: '2026-03-02T09:00:00+08:00' }],
      holds: [{ placedAt: '2026-03-02T09:00:00+08:00', releasedAt: '2026-03-03T09:00:00+08:00' }],
    };
    expect(windowOf(facts)).toMatchObject({ base: null, rule: ['DR-1', 'CC-4'] });
  });

  it('answers none, open and ended use apart', () => {
    const earliestOf = (end: bigint): bigint => end + 10n;
    expect(mergeUse([], earliestOf).state).toBe('none');
    expect(mergeUse([{ start: 1n, end: null }], earliestOf).state).toBe('open');
    expect(mergeUse([{ start: 1n, end: 1n }], earliestOf)).toMatchObject({ endedAt: 1n });
  });
});

describe('a request for asset data', () => {
  const asked = (receivedAt: string): unknown =>
    asset({
      collectedAt: '2026-03-02T01:00:00Z',
      links: [link('2023-01-01T00:00:00+08:00', null)],
      deletionRequests: [{ receivedAt }],
    });

  it.each([
    ['before', '2026-03-02T00:59:59Z', null],
    ['at', '2026-03-02T01:00:00Z', '2026-08-29'],
    ['after', '2026-03-02T01:00:01Z', '2026-08-29'],
  ])('covers what was observed until its receipt: received %s the observation [DR-1]', (...row) => {
    const [, receivedAt, dueOn] = row;
    expect(windowOf(asked(receivedAt)).dueOn).toBe(dueOn);
  });

  it('asks for nothing when it was never made [DR-1]', () => {
    const facts = asset({ links: [link('2023-01-01T00:00:00+08:00', null)] });
    expect(windowOf(facts)).toMatchObject({ earliestAt: null, latestAt: null, dueOn: null });
  });

  it('is due on the day of receipt once the minimum has passed [DR-1]', () => {
    const facts = asset({
      links: [link('2023-01-01T00:00:00+08:00', null)],
      deletionRequests: [{ receivedAt: '2026-03-02T09:00:00+08:00' }],
    });
    expect(windowOf(facts)).toMatchObject({ dueOn: '2026-03-02', rule: ['DR-1'] });
  });
});

describe('a withdrawal', () => {
  const LATEST = '2026-04-14T16:00:00Z';
  const withdrawn = (withdrawnAt: string | null, more: object = {}): unknown =>
    configuration({
      deletionRequests: [{ receivedAt: '2026-03-02T09:00:00+08:00', withdrawnAt }],
      ...more,
    });

  it.each([
    ['before', '2026-04-14T15:59:59Z', []],
    ['at', LATEST, [LATEST]],
    ['after', '2026-04-15T00:00:00Z', [LATEST]],
  ])('leaves the latest instant recorded when it comes %s it [CC-2]', (...row) => {
    const [, withdrawnAt, breaches] = row;
    expect(windowOf(withdrawn(withdrawnAt))).toMatchObject({ latestAt: null, breaches });
  });

  it('leaves nothing recorded when it never comes [CC-2]', () => {
    expect(windowOf(withdrawn(null))).toMatchObject({ latestAt: LATEST, breaches: [] });
  });

  it('misses nothing while a hold kept the data [CC-4]', () => {
    const holds = [{ placedAt: '2026-03-05T00:00:00Z', releasedAt: null }];
    expect(windowOf(withdrawn('2026-05-01T00:00:00Z', { holds })).breaches).toEqual([]);
  });

  it('of a request that never had its turn misses nothing [CC-2]', () => {
    const deletionRequests = [
      { receivedAt: '2026-03-02T09:00:00+08:00' },
      { receivedAt: '2026-03-03T09:00:00+08:00', withdrawnAt: '2026-06-01T00:00:00Z' },
    ];
    expect(windowOf(configuration({ deletionRequests })).breaches).toEqual([]);
  });
});

describe('a hold', () => {
  const LATEST = '2026-04-01T16:00:00Z';
  const held = (placedAt: string): unknown =>
    asset({ holds: [{ placedAt, releasedAt: '2026-06-01T04:00:00Z' }] });

  it.each([
    ['before', '2026-04-01T15:59:59Z', []],
    ['at', LATEST, [LATEST]],
    ['after', '2026-04-02T00:00:00Z', [LATEST]],
  ])('is honoured, and records the latest instant when placed %s it [CC-4]', (...row) => {
    const [, placedAt, breaches] = row;
    expect(windowOf(held(placedAt))).toMatchObject({
      breaches,
      earliestAt: '2026-06-01T04:00:00Z',
      latestAt: '2026-06-08T16:00:00Z',
    });
  });

  it('changes nothing when it is never placed [CC-4]', () => {
    expect(windowOf(asset())).toMatchObject({ breaches: [], latestAt: LATEST });
  });

  it('that is open keeps both ends open, whatever follows [CC-4]', () => {
    const holds = [
      { placedAt: '2026-03-20T00:00:00Z' },
      { placedAt: '2026-07-01T00:00:00Z', releasedAt: '2026-07-02T00:00:00Z' },
    ];
    expect(windowOf(asset({ holds }))).toMatchObject({
      earliestAt: null,
      deleteNotBefore: null,
      latestAt: null,
      breaches: [],
      dueOn: '2026-03-31',
    });
  });

  it('has nothing to keep from while nothing is due [CC-4]', () => {
    const facts = configuration({
      holds: [{ placedAt: '2026-01-01T00:00:00Z', releasedAt: '2026-02-01T00:00:00Z' }],
    });
    expect(windowOf(facts)).toMatchObject({ earliestAt: null, latestAt: null, breaches: [] });
  });
});

describe('a count of working days', () => {
  const asked = (receivedAt: string, calendars = ['CN']): unknown =>
    configuration({ calendars, deletionRequests: [{ receivedAt }] });

  it.each([
    ['before', '2026-11-01T09:00:00+08:00', '2026-12-11', false],
    ['at', '2026-11-02T09:00:00+08:00', '2026-12-14', false],
    ['after', '2026-11-03T09:00:00+08:00', '2026-12-14', true],
    ['far after', '2100-06-01T09:00:00+08:00', '2100-07-09', true],
  ])('is provisional when it ends %s the settled days [CC-2]', (...row) => {
    const [, receivedAt, lastDay, provisional] = row;
    expect(windowOf(asked(receivedAt))).toMatchObject({ lastDay, provisional });
  });

  it('shows which days it left out and which weekend days it took in [CC-2]', () => {
    const steps = windowOf(asked('2025-09-15T10:00:00+08:00')).steps;
    expect(steps.find(({ counted }) => counted !== undefined)).toMatchObject({
      counted: 30,
      skipped: [1, 2, 3, 6, 7, 8].map((day) => `2025-10-0${day}`),
      madeUp: ['2025-09-28', '2025-10-11'],
      date: '2025-10-31',
    });
  });

  it.each([
    ['CN', '2014-12-31T09:00:00+08:00'],
    ['HK', '2022-12-31T09:00:00+08:00'],
  ])('of %s is refused before its first year, and says which file is missing', (id, receivedAt) => {
    let failure: unknown;
    try {
      windowOf(asked(receivedAt, [id]));
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({
      code: 'INVALID_CALENDAR',
      field: 'calendars',
      message: expect.stringContaining(`calendars/${id}/${receivedAt.slice(0, 4)}.json`) as string,
    });
  });

  it('starts with the first year', () => {
    expect(windowOf(asked('2015-01-01T00:00:00+08:00')).lastDay).toBe('2015-02-12');
  });
});

describe('civil days', () => {
  it('end with the first instant of the next day, also where midnight is skipped', () => {
    expect(eod('2026-09-05', 'America/Santiago')).toBe('2026-09-06T04:00:00Z');
    expect(eod('2026-03-07', 'America/New_York')).toBe('2026-03-08T05:00:00Z');
    expect(eod('2026-10-24', 'Europe/Berlin')).toBe('2026-10-24T22:00:00Z');
  });

  it('end with the day after where a zone skipped a whole day', () => {
    expect(eod('2011-12-29', 'Pacific/Apia')).toBe('2011-12-30T10:00:00Z');
    expect(eod('2011-12-30', 'Pacific/Apia')).toBe('2011-12-30T10:00:00Z');
  });

  it.each([
    ['2026-01-31', 1, '2026-02-28'],
    ['2024-01-31', 1, '2024-02-29'],
    ['2025-08-31', 6, '2026-02-28'],
    ['2026-12-31', 1, '2027-01-31'],
    ['2026-02-28', 1, '2026-03-28'],
  ])('plus months clamp in one step: %s plus %i', (date, months, expected) => {
    expect(addMonths(date, months)).toBe(expected);
  });

  it('are read in the zone, not in UTC', () => {
    const instant = parseInstant('2026-01-28T23:59:59-05:00', 'x');
    expect(dateOf(instant, 'America/New_York')).toBe('2026-01-28');
    expect(dateOf(instant, 'UTC')).toBe('2026-01-29');
  });

  it('accept the zones of the database and no offsets', () => {
    const zones = [...Intl.supportedValuesOf('timeZone'), 'Asia/Kolkata', 'Europe/Kyiv', 'UTC'];
    expect(zones.filter((zone) => !isTimeZone(zone))).toEqual([]);
    const others = ['+08:00', 'Asia/Nowhere', 'asia/shanghai', '', ' UTC', 'Z', '../etc', null, 8];
    expect(others.filter(isTimeZone)).toEqual([]);
  });
});

describe('computeStrayWindow', () => {
  const facts = parseFacts(asset());

  it('gives what was found late three days after the discovery [ST-1]', () => {
    expect(computeStrayWindow(facts, '2026-09-01T10:00:00+08:00', CONTEXT)).toMatchObject({
      earliestAt: '2026-09-01T02:00:00Z',
      deleteNotBefore: '2026-09-01T04:00:00Z',
      latestAt: '2026-09-04T16:00:00Z',
    });
  });

  it('leaves the end of its own rule on record as missed, and only when it had passed [AB-3]', () => {
    const breaches = (discoveredAt: string) =>
      computeStrayWindow(facts, discoveredAt, CONTEXT).breaches;
    expect(breaches('2026-04-01T23:59:59+08:00')).toEqual([]);
    expect(breaches('2026-04-02T00:00:00+08:00')).toEqual(['2026-04-01T16:00:00Z']);
    expect(breaches('2026-09-01T10:00:00+08:00')).toEqual(['2026-04-01T16:00:00Z']);
  });

  it('never shortens its own rule [AB-3]', () => {
    expect(computeStrayWindow(facts, '2026-03-02T10:00:00+08:00', CONTEXT)).toMatchObject({
      earliestAt: '2026-03-31T16:00:00Z',
      latestAt: '2026-04-01T16:00:00Z',
    });
  });

  it('keeps what no rule asks for [AB-2]', () => {
    const inUse = parseFacts(asset({ links: [link('2023-01-01T00:00:00Z', null)] }));
    expect(computeStrayWindow(inUse, '2026-09-01T10:00:00+08:00', CONTEXT).latestAt).toBeNull();
  });

  it('obeys holds [CC-4]', () => {
    const held = parseFacts(asset({ holds: [{ placedAt: '2026-08-01T00:00:00Z' }] }));
    expect(computeStrayWindow(held, '2026-09-01T10:00:00+08:00', CONTEXT)).toMatchObject({
      earliestAt: null,
      // The hold came after the end of its own rule.
      breaches: ['2026-04-01T16:00:00Z'],
    });
  });
});
