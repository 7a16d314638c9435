import fc from 'fast-check';
import { decide, ratchetLatest, type CohortFacts } from '../../src/domain/decide';
import { formatInstant, parseInstant } from '../../src/domain/instants';

const START = '2026-04-01T18:00:00Z';
const LATEST = '2026-04-02T16:00:00Z';
const READY: CohortFacts = {
  deleteNotBefore: START,
  latestAt: LATEST,
  windowCurrent: true,
  eventStands: true,
  held: false,
  frozen: false,
  superseded: false,
  destroyed: false,
};

const failureOf = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

describe('decide', () => {
  it.each([
    ['before', '2026-04-01T17:59:59.999999Z', 'wait', 'too-early'],
    ['at', START, 'destroy', 'window-open'],
    ['after', '2026-04-01T18:00:00.000001Z', 'destroy', 'window-open'],
  ])('lets destruction begin from its instant on: %s', (...row) => {
    const [, now, action, because] = row;
    expect(decide(READY, now)).toEqual({ action, because, dueAt: START, overdue: false });
  });

  it('never begins while nothing is due', () => {
    const nothing = { ...READY, deleteNotBefore: null, latestAt: null };
    expect(decide(nothing, '2100-01-01T00:00:00Z')).toEqual({
      action: 'keep',
      because: 'nothing-due',
      dueAt: null,
      overdue: false,
    });
  });

  it.each([
    ['before', '2026-04-02T15:59:59Z', false],
    ['at', LATEST, true],
    ['after', '2026-04-03T00:00:00Z', true],
  ])('calls what remains overdue from the latest instant on: %s', (_, now, overdue) => {
    expect(decide(READY, now).overdue).toBe(overdue);
    expect(decide({ ...READY, frozen: true }, now)).toMatchObject({ action: 'keep', overdue });
  });

  it.each([
    ['held', { held: true }],
    ['frozen', { frozen: true }],
    ['superseded', { superseded: true }],
    ['event-fallen', { eventStands: false }],
    ['window-stale', { windowCurrent: false }],
  ])('keeps the data when the cohort is %s [CC-4]', (because, change) => {
    expect(decide({ ...READY, ...change }, LATEST)).toMatchObject({ action: 'keep', because });
  });

  it('is done with what is destroyed', () => {
    const gone = { ...READY, destroyed: true };
    expect(decide(gone, LATEST)).toMatchObject({ action: 'done', overdue: false });
  });

  it('keeps the data whenever anything is missing or unreadable', () => {
    const junk = fc.constantFrom(undefined, null, '', 'soon', 0, NaN, 'true', '2026-04-01', {});
    const field = fc.constantFrom(...Object.keys(READY));
    fc.assert(
      fc.property(field, junk, (name, value) => {
        const damaged = { ...READY, [name]: value };
        expect(decide(damaged, '2026-04-02T00:00:00Z').action).toBe('keep');
      }),
    );
    expect(decide(READY, 'now').action).toBe('keep');
  });

  it('never destroys before the instant, whatever else is true', () => {
    const flag = fc.boolean();
    const cohorts = fc.record({
      deleteNotBefore: fc.constantFrom(null, START),
      latestAt: fc.constantFrom(null, LATEST),
      windowCurrent: flag,
      eventStands: flag,
      held: flag,
      frozen: flag,
      superseded: flag,
      destroyed: flag,
    });
    fc.assert(
      fc.property(cohorts, (cohort) => {
        expect(decide(cohort, '2026-04-01T17:59:59Z').action).not.toBe('destroy');
      }),
    );
  });
});

describe('ratchetLatest', () => {
  const EARLY = '2026-04-01T16:00:00Z';

  it('brings a promise forward and never moves it out on new calendar data [CC-2]', () => {
    expect(ratchetLatest(LATEST, EARLY, false)).toBe(EARLY);
    expect(ratchetLatest(EARLY, LATEST, false)).toBe(EARLY);
    expect(ratchetLatest(EARLY, null, false)).toBe(EARLY);
  });

  it('follows the facts when they changed [CC-4]', () => {
    expect(ratchetLatest(EARLY, LATEST, true)).toBe(LATEST);
    expect(ratchetLatest(EARLY, null, true)).toBeNull();
    expect(ratchetLatest(null, LATEST, false)).toBe(LATEST);
  });
});

describe('instants', () => {
  it.each([
    ['2026-03-01T15:00:00+08:00', '2026-03-01T07:00:00Z'],
    ['1970-01-01T00:00:00+08:00', '1969-12-31T16:00:00Z'],
    ['2024-02-29T23:59:59.123456789-00:30', '2024-03-01T00:29:59.123456789Z'],
    ['2026-03-01t15:00:00.500z', '2026-03-01T15:00:00.5Z'],
  ])('read %s exactly', (text, expected) => {
    expect(formatInstant(parseInstant(text, 'at'))).toBe(expected);
  });

  it.each([
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-03-01T24:00:00Z',
    '2026-12-31T23:59:60Z',
    '2026-03-01T15:00:00',
    '2026-03-01',
    '2026-03-01T15:00:00+0800',
    '2026-03-01T15:00:00+24:00',
    '2026-03-01T15:00:00Z[UTC]',
    '2026-03-01T15:00:00.1234567890Z',
    '+002026-03-01T15:00:00Z',
    '1969-12-31T23:59:59Z',
    '2201-01-01T00:00:00Z',
    '٢٠٢٦-03-01T15:00:00Z',
    '2026-03-01T15:00:00Z\n',
  ])('refuse %s and name the field', (text) => {
    expect(failureOf(() => parseInstant(text, 'holds[0].placedAt'))).toMatchObject({
      code: 'INVALID_INSTANT',
      field: 'holds[0].placedAt',
    });
  });

  it('come back as they were written', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 7_289_654_399_999_999_999n }), (instant) => {
        expect(parseInstant(formatInstant(instant), 'at')).toBe(instant);
      }),
    );
  });
});
