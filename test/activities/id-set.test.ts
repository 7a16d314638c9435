import fc from 'fast-check';
import { IdSet, type PlacedId } from '../../src/activities/verification/id-set';

const id: fc.Arbitrary<PlacedId> = fc.record({
  location: fc.constantFrom('mysql:assets.scans', 'mongodb:assets.images'),
  assetId: fc.stringMatching(/^as_[0-9a-z]{1,4}$/),
  versionId: fc.stringMatching(/^[0-9a-z]{1,4}$/),
});
const textOf = ({ location, assetId, versionId }: PlacedId): string =>
  `${location} ${assetId} ${versionId}`;

describe('a set of record ids', () => {
  it('has exactly what was added, each once', () => {
    fc.assert(
      fc.property(fc.array(id, { maxLength: 200 }), fc.array(id), (members, others) => {
        const set = new IdSet(others.length * 100);
        const known = new Set(members.map(textOf));
        for (const member of [...members, ...members]) set.add(member);
        expect(set.size).toBe(known.size);
        for (const one of [...members, ...others])
          expect(set.has(one)).toBe(known.has(textOf(one)));
      }),
    );
  });

  it('keeps a number with each member while it grows, and forgets all of them at once', () => {
    const set = new IdSet(0, true);
    const nth = (n: number): PlacedId => ({
      ...{ location: 'mysql:assets.scans', assetId: `as_${n % 3}`, versionId: `vr_${n}` },
    });
    for (let round = 0; round < 2; round += 1) {
      for (let n = 0; n < 5000; n += 1) set.add(nth(n), n * (round + 1));
      for (let n = 0; n < 5000; n += 1) expect(set.numberOf(nth(n))).toBe(n * (round + 1));
      expect(set.numberOf(nth(5000))).toBeUndefined();
      set.clear();
      expect([set.size, set.has(nth(1)), set.numberOf(nth(1))]).toEqual([0, false, undefined]);
    }
  });

  it.each([
    ['while it grows', 0],
    ['when so many were expected', 100_000],
    ['when fewer were expected', 5000],
  ])('tells a hundred thousand apart %s', (_, expected) => {
    const set = new IdSet(expected);
    const nth = (n: number): PlacedId => ({
      location: 'mysql:assets.image_risks',
      assetId: `as_${n % 7}`,
      versionId: `vr_${n}`,
    });
    for (let n = 0; n < 100_000; n += 1) set.add(nth(n));
    expect(set.size).toBe(100_000);
    let strangers = 0;
    for (let n = 100_000; n < 200_000; n += 1) strangers += set.has(nth(n)) ? 1 : 0;
    expect(strangers).toBe(0);
  });
});
