import fc from 'fast-check';
import { pinPolicy, RETENTION_SCHEDULE } from '../../../src/domain/retention-schedule';
import type { PinnedPolicy, PolicyParameters } from '../../../src/domain/retention-schedule';
import { strictestDuty, strictestParameters } from '../../../src/domain/windows/strictest';
import { computeWindow, type Window } from '../../../src/domain/windows/window';
import { parseFacts } from '../../../src/contracts/schemas/facts';
import { dutiesOf } from '../../../src/domain/windows/duties';
import type { Facts } from '../../../src/domain/windows/facts';
import { sha256 } from '../../../src/platform/calendars';
import { asset, configuration, CONTEXT, link } from './context';
import { anyFacts } from './random-facts';

const NEVER = Number.POSITIVE_INFINITY;
const at = (text: string | null): number => (text === null ? NEVER : Date.parse(text));

/** Version `version` with some numbers of its own. */
const policy = (version: number, changes: Partial<PolicyParameters>): PinnedPolicy =>
  pinPolicy(
    {
      ...RETENTION_SCHEDULE,
      version,
      parameters: { ...RETENTION_SCHEDULE.parameters, ...changes },
    },
    sha256,
  );
const V1 = policy(1, {});
const under = (facts: Facts, ...policies: [PinnedPolicy, ...PinnedPolicy[]]): Window =>
  computeWindow(facts, { ...CONTEXT, policies });

/** Numbers that lint lets pass, those of a longer minimum by law among them. */
const anyPolicy = (version: number): fc.Arbitrary<PinnedPolicy> =>
  fc
    .record({
      minimumDays: fc.constantFrom(180, 180, 200, 365),
      requestWorkingDays: fc.integer({ min: 18, max: 30 }),
      guardHours: fc.integer({ min: 2, max: 12 }),
      coolingOffDays: fc.integer({ min: 7, max: 14 }),
      afterHoldDays: fc.integer({ min: 1, max: 7 }),
      statutoryMonths: fc.constantFrom(6, 12, 36),
    })
    .map((numbers) =>
      policy(version, {
        ...numbers,
        minimumHours: numbers.minimumDays * 24,
        requestProvisionalWorkingDays: numbers.requestWorkingDays - 2,
      }),
    );
const twoPolicies = fc.tuple(anyPolicy(2), anyPolicy(3));

/** Where a longer minimum lets a later period continue the use, there is nothing to compare with. */
const alike = (facts: Facts, ...policies: [PinnedPolicy, ...PinnedPolicy[]]): boolean => {
  const useUnder = (...some: [PinnedPolicy, ...PinnedPolicy[]]): bigint | null =>
    dutiesOf(facts, { ...CONTEXT, policies: some }).use.endedAt;
  return policies.every((one) => useUnder(one) === useUnder(...policies));
};

describe('a window under several versions of the policy', () => {
  it('never begins earlier than one of them promised [AB-1, AB-3, CC-2, CC-3, DR-1]', () => {
    fc.assert(
      fc.property(anyFacts, twoPolicies, (facts, [a, b]) => {
        const both = under(facts, V1, a, b);
        for (const one of [V1, a, b]) {
          const alone = under(facts, one);
          if (!alike(facts, V1, a, b)) continue;
          expect(at(both.earliestAt)).toBeGreaterThanOrEqual(at(alone.earliestAt));
          expect(at(both.deleteNotBefore)).toBeGreaterThanOrEqual(at(alone.deleteNotBefore));
        }
      }),
      { numRuns: 400 },
    );
  });

  it('never ends later than one of them promised, unless the law asks for it [CC-2, CC-4]', () => {
    fc.assert(
      fc.property(anyFacts, twoPolicies, (facts, [a, b]) => {
        const both = under(facts, V1, a, b);
        if (both.requiredByLaw || !alike(facts, V1, a, b)) return;
        for (const one of [V1, a, b]) {
          expect(at(both.latestAt)).toBeLessThanOrEqual(at(under(facts, one).latestAt));
        }
      }),
      { numRuns: 400 },
    );
  });

  it('is exactly the latest beginning and the earliest end of them, without holds [CC-4]', () => {
    fc.assert(
      fc.property(anyFacts, twoPolicies, (held, [a, b]) => {
        const facts = { ...held, holds: [] };
        const both = under(facts, V1, a, b);
        const alone = [V1, a, b].map((one) => under(facts, one));
        if (!alike(facts, V1, a, b)) return;
        expect(at(both.earliestAt)).toBe(Math.max(...alone.map((window) => at(window.earliestAt))));
        if (both.requiredByLaw) return;
        expect(at(both.latestAt)).toBe(Math.min(...alone.map((window) => at(window.latestAt))));
      }),
      { numRuns: 400 },
    );
  });

  it('leaves time between both ends, whatever the versions are', () => {
    fc.assert(
      fc.property(anyFacts, twoPolicies, (facts, [a, b]) => {
        const { earliestAt, latestAt } = under(facts, V1, a, b);
        expect(earliestAt === null).toBe(latestAt === null);
        expect(earliestAt === null || at(earliestAt) < at(latestAt)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it('does not depend on their order, and one that counts twice changes nothing [CC-4]', () => {
    fc.assert(
      fc.property(anyFacts, twoPolicies, (facts, [a, b]) => {
        const ends = ({
          earliestAt,
          deleteNotBefore,
          latestAt,
          dueOn,
          breaches,
        }: Window): unknown => ({
          earliestAt,
          deleteNotBefore,
          latestAt,
          dueOn,
          breaches,
        });
        const window = ends(under(facts, V1, a, b));
        expect(ends(under(facts, b, V1, a))).toEqual(window);
        expect(ends(under(facts, V1, a, a, b))).toEqual(window);
      }),
      { numRuns: 200 },
    );
  });

  it('says which versions count and why the end is what it is [CC-4]', () => {
    const facts = parseFacts(asset({ collectedAt: '2026-02-28T08:00:00+08:00' }));
    const window = under(facts, V1, policy(2, { minimumDays: 365, minimumHours: 8760 }));
    expect(window).toMatchObject({
      requiredByLaw: true,
      dueOn: '2027-02-28',
      latestAt: '2027-03-01T16:00:00Z',
      policyVersions: [V1.version, expect.stringMatching(/^container-security@2\+/)],
    });
    expect(window.steps.some(({ rule, text }) => rule === 'CC-4' && /law asks/.test(text))).toBe(
      true,
    );
  });

  it('is the window of that version alone where only one has been in force', () => {
    const facts = parseFacts(asset());
    expect(under(facts, V1)).toEqual(computeWindow(facts, CONTEXT));
  });
});

describe('a promised end', () => {
  const requested = parseFacts(
    configuration({ deletionRequests: [{ receivedAt: '2026-03-02T09:00:00+08:00' }] }),
  );
  // 30 working days of it end on 14 April.
  const withDays = (requestWorkingDays: number): Window =>
    under(requested, V1, policy(2, { requestWorkingDays }));

  it.each([
    ['one day before', 29, '2026-04-13T16:00:00Z'],
    ['with', 30, '2026-04-14T16:00:00Z'],
    ['one day after', 31, '2026-04-14T16:00:00Z'],
  ])('stays or comes forward when another version ends %s it [CC-2]', (...row) => {
    const [, days, latestAt] = row;
    expect(withDays(days).latestAt).toBe(latestAt);
  });

  it('stays when no other version was ever in force [CC-2]', () => {
    expect(under(requested, V1).latestAt).toBe('2026-04-14T16:00:00Z');
  });
});

describe('a use that begins again', () => {
  // A year of minimum keeps what the first version would let go on 31 March 2026.
  const V2 = policy(2, { minimumDays: 730, minimumHours: 17_520 });
  const again = (startedAt: string): Facts =>
    parseFacts(
      asset({
        links: [
          link('2023-01-01T00:00:00+08:00', '2026-03-01T15:00:00+08:00'),
          link(startedAt, null),
        ],
      }),
    );

  it.each([
    ['before', '2027-01-10T15:59:59Z', null],
    ['at', '2027-01-10T16:00:00Z', '2027-01-10'],
    ['after', '2027-01-10T16:00:01Z', '2027-01-10'],
  ])('continues when it starts before the strictest beginning: %s [AB-2]', (...row) => {
    const [, startedAt, dueOn] = row;
    expect(under(again(startedAt), V1, V2).dueOn).toBe(dueOn);
  });

  it('is over by every version when it never does [AB-2]', () => {
    expect(under(parseFacts(asset()), V1, V2).dueOn).toBe('2027-01-10');
  });
});

describe('strictestDuty', () => {
  const duty = (earliest: bigint, latest: bigint): Parameters<typeof strictestDuty>[0][0] => ({
    earliest,
    latest,
    dueOn: `day ${earliest}`,
    rules: ['AB-3'],
  });

  it.each([
    ['one before', 19n, 20n, false],
    ['at', 20n, 30n, true],
    ['after', 21n, 30n, true],
  ])('moves the end only when another keeps beyond it: %s [CC-4]', (...row) => {
    const [, earliest, latest, requiredByLaw] = row;
    expect(strictestDuty([duty(10n, 20n), duty(earliest, 30n)])).toMatchObject({
      earliest,
      latest,
      requiredByLaw,
    });
  });

  it('moves nothing when there is no other [CC-4]', () => {
    expect(strictestDuty([duty(10n, 20n)])).toMatchObject({ latest: 20n, requiredByLaw: false });
  });
});

describe('strictestParameters', () => {
  it('takes the later beginning and the earlier end of each number', () => {
    const other = policy(2, { guardHours: 4, afterHoldDays: 5, coolingOffDays: 3, strayDays: 9 });
    expect(strictestParameters([V1, other])).toEqual({
      ...V1.parameters,
      guardHours: 4,
      afterHoldDays: 5,
    });
  });
});
