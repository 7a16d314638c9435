import { recordName, type Records } from '../support/archive-reader';
import { archivedOutside, judgeSplit, type Split, type SplitSight } from '../support/split-verdict';
import { judgeSeen, line, nothingFound, type Expected, type Seen } from '../support/verdict';

const [HELD, OTHER] = ['as_1', 'as_2'];
const PLACE = 'mysql:assets.scans';
const records = (...assets: readonly string[]): Records =>
  new Map(assets.map((asset) => [recordName(PLACE, asset, 'vr_1'), `bytes of ${asset}`]));

const [WHOLE_KEY, OWN_KEY] = ['asset:rn_1:2034-07-06', 'asset:rn_2:2034-07-06'];
const SPLIT: Split = {
  assetId: HELD,
  restBefore: '2034-07-07T16:00:00Z',
  placed: { holdId: 'hd_1', key: WHOLE_KEY },
  isLost: false,
  records: records(HELD, OTHER),
};
const PART = { notBefore: '2034-07-06T01:00:00Z', rows: { [PLACE]: 1 } };
const EXPECTED: Expected = {
  tenantId: 'tn_1',
  parts: [PART, PART],
  holds: [{ from: '2034-02-01T00:00:00Z', to: null }],
  neighbours: {},
  split: SPLIT,
};

const ended = (keyRef: string, at: string): Seen['tombstones'][number] => ({
  ...{ keyRef, at, kind: 'destroy' },
});
const AT_END = ended(WHOLE_KEY, '2034-07-06 18:00:01');
const SEEN: Seen = {
  now: '2034-07-06 18:00:02',
  ...{ rows: {}, archived: { [PLACE]: 1 }, objects: 4, stamped: 0, openPermits: 0 },
  ...{ wrappings: 1, readableKeys: 1, manifests: 2, verdicts: 2, splits: 1, splitVerdicts: 1 },
  tombstones: [AT_END],
  readableDespiteTombstone: 0,
  certificates: [{ cohort: 'rn_1 2034-07-06', objectsLeft: 0, keysLeft: 0 }],
};
const WITHHELD = {
  ...{ holdId: 'hd_1', runId: 'rn_2', records: 1 },
  locations: [{ location: PLACE, records: 1 }],
};
const SIGHT: SplitSight = {
  live: new Map(),
  readable: [{ keyRef: OWN_KEY, records: records(HELD) }],
  outside: [],
  certificates: [{ keyRef: WHOLE_KEY, withheld: [WITHHELD] }],
};
const naming = (...withheld: readonly object[]): Partial<SplitSight> => ({
  certificates: [{ keyRef: WHOLE_KEY, withheld: withheld as (typeof WITHHELD)[] }],
});

describe('what the oracle says of a due day that was split', () => {
  it('is nothing while the rest is gone, what is held stays, and the certificate names it [CC-4]', () => {
    expect(judgeSplit(SIGHT, SEEN, EXPECTED)).toEqual(nothingFound());
    expect(judgeSeen(SEEN, EXPECTED, false)).toEqual(nothingFound());
  });

  it('is nothing while what control has lost can be read by its key and objects, and else a loss [CC-4]', () => {
    const outside = { readable: [], outside: SIGHT.readable };
    const lost = { ...EXPECTED, split: { ...SPLIT, isLost: true } };
    expect(archivedOutside(outside)).toEqual({ [PLACE]: 1 });
    expect(judgeSplit({ ...SIGHT, ...outside }, SEEN, lost)).toEqual(nothingFound());
    // Nobody lost it, so that what lies outside is no split; and nothing lies there.
    expect(judgeSplit({ ...SIGHT, ...outside }, SEEN, EXPECTED)).toMatchObject({ held: 2 });
    expect(judgeSplit({ ...SIGHT, readable: [] }, SEEN, lost)).toMatchObject({ held: 2 });
  });

  it.each<readonly [string, Partial<SplitSight>, object]>([
    ['held records that are gone', { readable: [] }, { lost: 1, held: 2 }],
    [
      'a held record with other bytes',
      {
        readable: [
          { keyRef: OWN_KEY, records: new Map([[recordName(PLACE, HELD, 'vr_1'), 'other bytes']]) },
        ],
      },
      { lost: 1, held: 2 },
    ],
    [
      'a record of the rest behind its certificate',
      { readable: [{ keyRef: OWN_KEY, records: records(HELD, OTHER) }] },
      { lies: 1, held: 1 },
    ],
    ['a certificate that is silent', naming(), { lies: 1 }],
    ['another hold', naming({ ...WITHHELD, holdId: 'hd_2' }), { lies: 1 }],
    ['another run', naming({ ...WITHHELD, runId: 'rn_3' }), { lies: 1 }],
    ['another count', naming({ ...WITHHELD, records: 2 }), { lies: 1 }],
    ['another place', naming({ ...WITHHELD, locations: [] }), { lies: 1 }],
    ['one too many', naming(WITHHELD, WITHHELD), { lies: 1 }],
    [
      'a certificate that withholds what it ends',
      {
        certificates: [
          { keyRef: WHOLE_KEY, withheld: [WITHHELD] },
          { keyRef: OWN_KEY, withheld: [WITHHELD] },
        ],
      },
      { lies: 1 },
    ],
  ])('tells %s [CC-4] [AB-3]', (_, sight, findings) => {
    expect(judgeSplit({ ...SIGHT, ...sight }, SEEN, EXPECTED)).toEqual({
      ...nothingFound(),
      ...findings,
    });
  });

  it('tells a record of the rest that is gone while its key is there [AB-1]', () => {
    const sight = { ...SIGHT, certificates: [] };
    const seen = { ...SEEN, tombstones: [], certificates: [] };
    expect(judgeSplit(sight, seen, EXPECTED)).toEqual({ ...nothingFound(), lost: 1 });
  });

  it.each<readonly [string, Partial<Seen>, object]>([
    [
      'the end of what is held',
      { tombstones: [AT_END, ended(OWN_KEY, '2034-07-06 18:00:01')] },
      { held: 1 },
    ],
    [
      'an end before the day',
      { tombstones: [ended(WHOLE_KEY, '2034-07-05 18:00:01')] },
      { early: 1 },
    ],
    [
      'a rest that outlived its promise',
      { tombstones: [ended(WHOLE_KEY, '2034-07-07 16:00:00')] },
      { ghosts: 1 },
    ],
    [
      'more ends than one attempt that died can explain',
      {
        tombstones: [AT_END, 1, 2, 3].map((one) =>
          typeof one === 'number' ? ended(`asset:rn_${one + 1}:x`, '2034-01-01 00:00:00') : one,
        ),
      },
      { dup: 1, early: 3 },
    ],
  ])('tells %s [AB-3] [CC-4]', (_, seen, findings) => {
    expect(judgeSeen({ ...SEEN, ...seen }, EXPECTED, false)).toEqual({
      ...nothingFound(),
      ...findings,
    });
  });
});

describe('the line that a suite prints', () => {
  it('has every counter by its name', () => {
    const counted = { lost: 1, early: 2, held: 3, cross: 4, lies: 5, ghosts: 6, dup: 7 };
    expect(line(9, counted)).toBe('faults=9 lost=1 early=2 held=3 cross=4 lies=5 ghosts=6 dup=7');
  });
});
