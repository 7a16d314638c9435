import {
  daysBetween,
  isInPeriod,
  isPeriodOver,
  medianOf,
  outcomeOf,
  parsePeriod,
  totalsOf,
  type OutcomeFacts,
} from '../../src/domain/request-report';

const PERIOD = { from: '2030-01-01', to: '2030-04-01' } as const;
const MISSED = ['2030-02-22T16:00:00.000000Z'];
const facts = (over: Partial<OutcomeFacts>): OutcomeFacts => ({
  ...{ state: 'scheduled', withdrawn: false, isOver: false, missed: [], ...over },
});

describe('the outcome of a request', () => {
  it.each([
    ['fulfilled_in_time', { isOver: true }],
    ['fulfilled_late', { isOver: true, missed: MISSED }],
    ['open', {}],
    ['overdue', { missed: MISSED }],
    ['denied', { state: 'denied' }],
    ['overdue', { state: 'denied', missed: MISSED }],
    ['withdrawn', { withdrawn: true }],
    ['withdrawn', { withdrawn: true, isOver: true, missed: MISSED }],
  ] as const)('is %s for %j [CC-2]', (outcome, over) => {
    expect(outcomeOf(facts(over))).toBe(outcome);
  });
});

describe('totals', () => {
  it('count each request once, and every missed end whatever became of it [CC-2]', () => {
    const request = (outcome: Parameters<typeof totalsOf>[0][number]['outcome'], days: number) => ({
      ...{ outcome, days, missed: outcome === 'overdue' || outcome === 'withdrawn' ? MISSED : [] },
    });
    const requests = [
      request('fulfilled_in_time', 8),
      request('fulfilled_in_time', 9),
      request('fulfilled_late', 60),
      request('overdue', 70),
      request('open', 1),
      request('denied', 2),
      request('withdrawn', 3),
    ];
    expect(totalsOf(requests)).toEqual({
      ...{ received: 7, fulfilled_in_time: 2, fulfilled_late: 1, open: 1, overdue: 1 },
      ...{ denied: 1, withdrawn: 1, breached: 2, medianDays: 9 },
    });
    expect(totalsOf([])).toMatchObject({ received: 0, medianDays: null });
  });

  it('have the middle of an odd number and lie between the two of an even one', () => {
    expect([medianOf([3]), medianOf([9, 1, 3]), medianOf([4, 1])]).toEqual([3, 3, 2.5]);
    expect(medianOf([])).toBeNull();
  });
});

describe('a period', () => {
  it('begins with its first day and ends before its last, by the days of the zone [CC-2]', () => {
    const inShanghai = (instant: string): boolean => isInPeriod(instant, PERIOD, 'Asia/Shanghai');
    expect(inShanghai('2029-12-31T15:59:59.999999Z')).toBe(false);
    expect(inShanghai('2029-12-31T16:00:00.000000Z')).toBe(true);
    expect(inShanghai('2030-03-31T15:59:59.999999Z')).toBe(true);
    expect(inShanghai('2030-03-31T16:00:00.000000Z')).toBe(false);
    expect(isInPeriod('2030-03-31T16:00:00.000000Z', PERIOD, 'UTC')).toBe(true);
  });

  it('is over when its last day is over in the zone where it ends last', () => {
    const zones = ['Asia/Shanghai', 'UTC', 'America/New_York'];
    expect(isPeriodOver(PERIOD, '2030-04-01T03:59:59Z', zones)).toBe(false);
    expect(isPeriodOver(PERIOD, '2030-04-01T04:00:00Z', zones)).toBe(true);
    expect(isPeriodOver(PERIOD, '2030-03-31T16:00:00Z', ['Asia/Shanghai'])).toBe(true);
  });

  it('counts days of the zone, not the day of the receipt', () => {
    expect(daysBetween('2030-01-07T15:00:00Z', '2030-01-07T17:00:00Z', 'Asia/Shanghai')).toBe(1);
    expect(daysBetween('2030-01-07T15:00:00Z', '2030-01-07T17:00:00Z', 'UTC')).toBe(0);
  });

  it.each([
    ['from', '2030-02-30', '2030-04-01'],
    ['from', '1969-12-31', '2030-04-01'],
    ['from', '', '2030-04-01'],
    ['from', '2030-1-1', '2030-04-01'],
    ['to', '2030-01-01', '2030-13-01'],
    ['to', '2030-01-01', '2200-01-01'],
    ['to', '2030-01-01', '2030-01-01'],
    ['to', '2030-01-02', '2030-01-01'],
    ['to', '2030-01-01', '2030-04-01T00:00:00Z'],
  ])('with a wrong %s is refused: %s to %s', (field, from, to) => {
    expect(() => parsePeriod(from, to)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', field }) as Error,
    );
    expect(parsePeriod('2028-02-29', '2028-03-01')).toEqual({
      ...{ from: '2028-02-29', to: '2028-03-01' },
    });
  });
});
