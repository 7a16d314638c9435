import fc from 'fast-check';
import {
  lastSighting,
  linkObservedUntil,
  observedUntil,
  OWN_BASICS,
  versionsToAdd,
  type CompleteScan,
  type RecordHead,
  type VersionLife,
} from '../../src/domain/observation';

/** The n-th minute of a day, in the fixed width. */
const at = (minute: number): string =>
  `2026-01-01T${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}:00.000000Z`;
const scan = (minute: number, ...kinds: string[]): CompleteScan => ({
  observedAt: at(minute),
  kinds: [...kinds, OWN_BASICS],
});
const version = (versionId: string, recordId: string, minute: number): VersionLife => ({
  versionId,
  recordId,
  kind: 'port',
  observedAt: at(minute),
});

describe('until when a version was seen', () => {
  it('is its own scan when nothing was read after it [AB-1]', () => {
    expect(observedUntil([version('v', 'r', 5)], [])).toEqual(new Map([['v', at(5)]]));
  });

  it('is the last complete scan of its kind, while no other version followed [AB-1]', () => {
    const scans = [scan(5, 'port'), scan(9, 'port'), scan(7, 'port')];
    expect(observedUntil([version('v', 'r', 5)], scans).get('v')).toBe(at(9));
  });

  it('ends before the scan that saw something else, one tick earlier and not at it', () => {
    const versions = [version('new', 'r', 9), version('old', 'r', 5), version('else', 's', 6)];
    const scans = [scan(5, 'port'), scan(8, 'port'), scan(9, 'port')];
    const until = observedUntil(versions, scans);
    expect(until.get('old')).toBe(at(8));
    expect(until.get('new')).toBe(at(9));
    expect(until.get('else')).toBe(at(9));
  });

  it('is not moved by scans that did not read its kind completely', () => {
    const scans = [scan(5, 'port'), scan(8, 'account'), scan(9)];
    expect(lastSighting({ ...version('v', 'r', 5), nextObservedAt: null }, scans)).toBe(at(5));
    expect(
      lastSighting({ ...version('v', 'r', 5), kind: OWN_BASICS, nextObservedAt: null }, scans),
    ).toBe(at(9));
  });

  it('is for a link the last complete scan of anything, and at least the linking', () => {
    expect(linkObservedUntil(at(3), [scan(5, 'port'), scan(7)])).toBe(at(7));
    expect(linkObservedUntil(at(8), [scan(5, 'port'), scan(7)])).toBe(at(8));
    expect(linkObservedUntil(at(8), [])).toBe(at(8));
  });

  it.each([
    '',
    '2026-01-01T00:00:00Z',
    '2026-01-01 00:00:00.000000',
    '2026-01-01T08:00:00.000000+08:00',
  ])('is not derived from an instant of another form: "%s"', (instant) => {
    const life = { observedAt: at(5), kind: 'port', nextObservedAt: null };
    expect(() => lastSighting({ ...life, observedAt: instant }, [])).toThrow(/six fractional/);
    expect(() => lastSighting({ ...life, nextObservedAt: instant }, [])).toThrow(/six fractional/);
    expect(() => lastSighting(life, [{ observedAt: instant, kinds: ['port'] }])).toThrow(
      /six fractional/,
    );
    expect(() => linkObservedUntil(instant, [])).toThrow(/six fractional/);
  });
});

const KINDS = ['port', 'account', 'process'];
const minute = fc.integer({ min: 0, max: 40 });
const anyScan = fc
  .record({ minute, kinds: fc.subarray(KINDS) })
  .map(({ minute: at_, kinds }) => scan(at_, ...kinds));
const anyVersion = fc.record({
  recordId: fc.constantFrom('a', 'b', 'c'),
  minute,
});

/** Minute by minute: a version was seen at its own, and at each that a complete scan of its kind found it. */
function oracle(
  versions: readonly { id: string; recordId: string; kind: string; minute: number }[],
  scans: readonly CompleteScan[],
): Map<string, string> {
  const until = new Map(versions.map(({ id, minute: own }) => [id, at(own)]));
  for (let now = 0; now <= 40; now += 1) {
    for (const reading of scans.filter((one) => one.observedAt === at(now))) {
      for (const kind of reading.kinds) {
        for (const recordId of new Set(versions.map((one) => one.recordId))) {
          const current = versions
            .filter((one) => one.recordId === recordId && one.minute <= now)
            .sort((a, b) => a.minute - b.minute)
            .at(-1);
          if (current?.kind === kind) until.set(current.id, at(now));
        }
      }
    }
  }
  return until;
}

describe('until when versions were seen, against a walk through time', () => {
  it('agrees for random histories, in whatever order they are given [AB-1]', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(anyVersion, {
          selector: ({ recordId, minute: own }) => `${recordId}${own}`,
          maxLength: 12,
        }),
        fc.array(anyScan, { maxLength: 12 }),
        (histories, scans) => {
          const versions = histories.map((one, index) => ({
            ...one,
            id: `v${index}`,
            kind: KINDS['abc'.indexOf(one.recordId)] ?? '',
          }));
          const lives = versions.map(({ id, recordId, kind, minute: own }) => ({
            versionId: id,
            recordId,
            kind,
            observedAt: at(own),
          }));
          expect(observedUntil(lives, scans)).toEqual(oracle(versions, scans));
        },
      ),
      { numRuns: 2000 },
    );
  });
});

/** What one scan of a small world sees: the state of each thing, or nothing of it. */
interface Look {
  readonly complete: readonly string[];
  readonly things: Readonly<Record<string, string | null>>;
  /** A deletion request is received before the scan. */
  readonly requested: boolean;
}

const THINGS = ['port:22', 'port:80', 'account:root'];
const kindOf = (thing: string): string => thing.split(':')[0] ?? '';
const anyLook: fc.Arbitrary<Look> = fc.record({
  complete: fc.subarray(['port', 'account']),
  things: fc.record(
    Object.fromEntries(
      THINGS.map((thing) => [thing, fc.constantFrom<(string | null)[]>('x', 'y', null)]),
    ),
  ),
  requested: fc.boolean(),
});

interface Stored extends RecordHead {
  readonly versionId: string;
}

/** Runs scans one after another, ten minutes apart; a request comes five minutes before its scan. */
function live(looks: readonly Look[]): {
  readonly versions: readonly Stored[];
  readonly scans: readonly CompleteScan[];
  readonly requestedAt: readonly string[];
} {
  const versions: Stored[] = [];
  const scans: CompleteScan[] = [];
  const requestedAt: string[] = [];
  for (const [index, look] of looks.entries()) {
    const observedAt = at(index * 10);
    if (look.requested) requestedAt.push(at(Math.max(0, index * 10 - 5)));
    const heads = new Map(versions.map((one) => [one.recordId, one]));
    const seen = Object.entries(look.things)
      .filter((entry): entry is [string, string] => entry[1] !== null)
      .map(([recordId, contentDigest]) => ({ recordId, kind: kindOf(recordId), contentDigest }));
    const completeKinds = new Set(look.complete);
    const add = versionsToAdd({ observedAt, completeKinds, seen, heads, requestedAt });
    const stored = (record: { recordId: string; kind: string }, digest: string): void => {
      const vanished = digest === '';
      const versionId = `v${versions.length}`;
      versions.push({ ...record, observedAt, vanished, contentDigest: digest, versionId });
    };
    for (const record of add.present) stored(record, record.contentDigest);
    for (const { recordId, kind } of add.vanished) stored({ recordId, kind }, '');
    scans.push(scan(index * 10, ...look.complete));
  }
  return { versions, scans, requestedAt };
}

const looks = fc.array(anyLook, { minLength: 1, maxLength: 20 });

describe('a record that a complete scan finds as it was', () => {
  const head = {
    recordId: 'r',
    kind: 'port',
    observedAt: at(10),
    vanished: false,
    contentDigest: 'x',
  };
  const added = (requestedAt: readonly string[], seen = [head]): number => {
    const { present, vanished } = versionsToAdd({
      observedAt: at(20),
      completeKinds: new Set(['port']),
      seen,
      heads: new Map([['r', head]]),
      requestedAt,
    });
    return present.length + vanished.length;
  };

  it.each([
    ['before its newest version', 9, 0],
    ['at its newest version', 10, 1],
    ['between it and the scan', 19, 1],
    ['at the scan', 20, 0],
    ['after the scan', 21, 0],
  ])(
    'is written anew only when a request came since its newest version: %s [DR-1]',
    (_, minute_, n) => {
      expect(added([at(minute_)])).toBe(n);
    },
  );

  it('is not written without a request, and once when it has gone', () => {
    expect(added([])).toBe(0);
    expect(added([], [])).toBe(1);
    expect(added([at(15)], [])).toBe(1);
  });
});

describe('the versions that scans add', () => {
  it('vouch for every single sighting: a version with that content lives until then or longer [AB-1]', () => {
    fc.assert(
      fc.property(looks, (given) => {
        const { versions, scans } = live(given);
        const until = observedUntil(versions, scans);
        for (const [index, look] of given.entries()) {
          for (const [thing, content] of Object.entries(look.things)) {
            if (content === null) continue;
            const vouching = versions.some(
              (one) =>
                one.recordId === thing &&
                !one.vanished &&
                one.contentDigest === content &&
                one.observedAt <= at(index * 10) &&
                (until.get(one.versionId) ?? '') >= at(index * 10),
            );
            expect(vouching).toBe(true);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('claim no sighting that a complete scan contradicts', () => {
    fc.assert(
      fc.property(looks, (given) => {
        const { versions, scans } = live(given);
        const until = observedUntil(versions, scans);
        for (const [index, look] of given.entries()) {
          const now = at(index * 10);
          for (const one of versions.filter(({ kind }) => look.complete.includes(kind))) {
            if (one.observedAt > now || (until.get(one.versionId) ?? '') < now) continue;
            const seen = look.things[one.recordId] ?? '';
            expect(one.contentDigest).toBe(seen);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('let no version of before a deletion request live past it, so that the request covers it [DR-1]', () => {
    fc.assert(
      fc.property(looks, (given) => {
        const { versions, scans, requestedAt } = live(given);
        const until = observedUntil(versions, scans);
        for (const received of requestedAt) {
          for (const one of versions.filter(({ observedAt }) => observedAt <= received)) {
            expect((until.get(one.versionId) ?? '') <= received).toBe(true);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('are none when a complete scan finds everything as it was', () => {
    fc.assert(
      fc.property(anyLook, fc.integer({ min: 1, max: 5 }), (look, times) => {
        const complete = { ...look, complete: ['port', 'account'], requested: false };
        const once = live([complete]).versions;
        const again = live(Array.from({ length: times + 1 }, () => complete)).versions;
        expect(again).toEqual(once);
      }),
    );
  });
});
