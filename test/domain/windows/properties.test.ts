import fc from 'fast-check';
import type { Facts } from '../../../src/domain/windows/facts';
import { computeWindow, type Window } from '../../../src/domain/windows/window';
import { addDays, dateOf } from '../../../src/domain/windows/civil';
import { countWorkingDays } from '../../../src/domain/windows/working-days';
import { makeCalendar, type WorkingCalendar } from '../../../src/domain/windows/working-calendar';
import { parseInstant } from '../../../src/domain/instants';
import { CONTEXT } from './context';
import { oracle } from './oracle';
import { anyFacts, assetFacts } from './random-facts';

const NEVER = Number.POSITIVE_INFINITY;
const at = (text: string | null): number => (text === null ? NEVER : Date.parse(text));
const solve = (facts: Facts): Window => computeWindow(facts, CONTEXT);
const CN = CONTEXT.calendars.get('CN') as WorkingCalendar;
const PERIODS = CONTEXT.policies[0].parameters;

describe('computeWindow against an independent reading of the rules', () => {
  it('agrees on thousands of random facts [AB-1, AB-2, AB-3, CC-2, CC-3, CC-4, DR-1]', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const window = solve(facts);
        const verdict = oracle(facts);
        expect({
          earliest: at(window.earliestAt),
          start: at(window.deleteNotBefore),
          latest: at(window.latestAt),
          lastDay: window.lastDay,
          provisional: window.provisional,
          breaches: window.breaches.map(at),
        }).toEqual(verdict);
      }),
      { numRuns: 4000 },
    );
  });
});

describe('computeWindow', () => {
  it('never lets an observation go before 180 days have passed [AB-1]', () => {
    fc.assert(
      fc.property(assetFacts, (facts) => {
        expect(at(solve(facts).earliestAt)).toBeGreaterThanOrEqual(
          at(facts.collectedAt) + 4320 * 3_600_000,
        );
      }),
    );
  });

  it('leaves room between both ends, or has neither', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const window = solve(facts);
        expect(window.earliestAt === null).toBe(window.latestAt === null);
        if (window.earliestAt === null) return;
        expect(at(window.earliestAt)).toBeLessThan(at(window.latestAt));
      }),
    );
  });

  it('starts no destruction at or after the latest instant', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const window = solve(facts);
        if (window.deleteNotBefore === null) return;
        expect(at(window.deleteNotBefore)).toBeLessThan(at(window.latestAt));
      }),
    );
  });

  it('does not depend on the order of any list', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const turned = {
          ...facts,
          calendars: facts.calendars.toReversed(),
          deletionRequests: facts.deletionRequests.toReversed(),
          holds: facts.holds.toReversed(),
          ...('links' in facts
            ? { links: facts.links.toReversed() }
            : { featurePeriods: facts.featurePeriods.toReversed() }),
        } as Facts;
        expect(solve(turned)).toEqual(solve(facts));
      }),
    );
  });

  it('moves neither end forward in time when a hold is added [CC-4]', () => {
    fc.assert(
      fc.property(anyFacts, anyFacts, (facts, { holds }) => {
        const more = solve({ ...facts, holds: [...facts.holds, ...holds] });
        const window = solve(facts);
        expect(at(more.earliestAt)).toBeGreaterThanOrEqual(at(window.earliestAt));
        expect(at(more.latestAt)).toBeGreaterThanOrEqual(at(window.latestAt));
      }),
    );
  });

  it('answers the same when a hold is split into two that touch [CC-4]', () => {
    fc.assert(
      fc.property(anyFacts, fc.double({ min: 0, max: 1, noNaN: true }), (facts, share) => {
        const split = facts.holds.flatMap((hold) => {
          const from = Date.parse(hold.placedAt);
          const to = hold.releasedAt === null ? from + 864e5 : Date.parse(hold.releasedAt);
          const middle = new Date(Math.floor(from + (to - from) * share)).toISOString();
          return [
            { placedAt: hold.placedAt, releasedAt: middle },
            { placedAt: middle, releasedAt: hold.releasedAt },
          ];
        });
        const { steps: before, ...whole } = solve(facts);
        const { steps: after, ...parts } = solve({ ...facts, holds: split });
        expect(parts).toEqual(whole);
        expect(after.length).toBeGreaterThanOrEqual(before.length);
      }),
    );
  });

  it('neither delays nor extends anything because of a request [CC-2, DR-1]', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const asked = solve(facts);
        const unasked = solve({ ...facts, deletionRequests: [] });
        expect(at(asked.earliestAt)).toBeLessThanOrEqual(at(unasked.earliestAt));
        expect(at(asked.latestAt)).toBeLessThanOrEqual(at(unasked.latestAt));
        expect(at(asked.deleteNotBefore)).toBeLessThanOrEqual(at(unasked.deleteNotBefore));
      }),
    );
  });

  it('treats a withdrawn request as never made, save for what it missed [CC-2, DR-1]', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const standing = facts.deletionRequests.filter(({ withdrawnAt }) => withdrawnAt === null);
        const { steps: a, breaches, ...window } = solve(facts);
        const {
          steps: b,
          breaches: fewer,
          ...same
        } = solve({ ...facts, deletionRequests: standing });
        expect(window).toEqual(same);
        expect(breaches).toEqual(expect.arrayContaining([...fewer]));
        expect(a.length).toBeGreaterThanOrEqual(b.length);
      }),
    );
  });

  it('moves no end forward when an observation is younger [AB-1]', () => {
    fc.assert(
      fc.property(assetFacts, fc.integer({ min: 0, max: 400 }), (facts, days) => {
        const alone = { ...facts, deletionRequests: [] };
        const collectedAt = new Date(Date.parse(facts.collectedAt) + days * 864e5).toISOString();
        const [older, younger] = [solve(alone), solve({ ...alone, collectedAt })];
        expect(at(younger.earliestAt)).toBeGreaterThanOrEqual(at(older.earliestAt));
        expect(at(younger.latestAt)).toBeGreaterThanOrEqual(at(older.latestAt));
      }),
    );
  });
});

const day = fc.integer({ min: 0, max: 4200 }).map((offset) => addDays('2015-01-01', offset));

describe('countWorkingDays', () => {
  it('ends no earlier when a holiday is added [CC-2]', () => {
    fc.assert(
      fc.property(day, fc.array(day, { maxLength: 5 }), (received, extra) => {
        const more = { ...CN, off: new Set([...CN.off, ...extra]) };
        expect(
          countWorkingDays(received, more, PERIODS).lastDay >=
            countWorkingDays(received, CN, PERIODS).lastDay,
        ).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('is never later while a year is unpublished than after its publication [CC-2]', () => {
    for (let year = 2015; year < 2026; year += 1) {
      const known = CN_YEARS.filter((data) => data.year <= year);
      const before = makeCalendar('CN', 'CN@before', [
        ...known.slice(0, -1),
        { ...(known.at(-1) as YearData), settledThrough: `${year}-12-14` },
      ]);
      for (
        let received = `${year}-09-01`;
        received <= `${year}-12-31`;
        received = addDays(received, 1)
      ) {
        const estimate = countWorkingDays(received, before, PERIODS);
        const truth = countWorkingDays(received, CN, PERIODS);
        expect(estimate.lastDay <= truth.lastDay).toBe(true);
        expect(estimate.provisional || estimate.lastDay === truth.lastDay).toBe(true);
      }
    }
  });

  it('takes the civil day of receipt from the contract zone [CC-2]', () => {
    const received = parseInstant('2025-09-15T17:30:00Z', 'receivedAt');
    expect(dateOf(received, 'Asia/Shanghai')).toBe('2025-09-16');
    expect(dateOf(received, 'UTC')).toBe('2025-09-15');
  });
});

type YearData = Parameters<typeof makeCalendar>[2][number];
const CN_YEARS: readonly YearData[] = Array.from({ length: 12 }, (_, index) => {
  const year = 2015 + index;
  const inYear = (date: string): boolean => date.startsWith(String(year));
  return {
    year,
    weekend: [6, 7],
    off: [...CN.off].filter(inYear),
    work: [...CN.work].filter(inYear),
    settledThrough: `${year}-12-31`,
  };
});
