import fc from 'fast-check';
import { Ends, readEnds, withFewRows } from '../../src/activities/verification/lives';
import type { SqlPool } from '../../src/contracts/sql';

interface Version {
  readonly assetId: string;
  readonly recordId: string;
  readonly versionId: string;
  readonly second: number;
}

const two = (n: number): string => String(n).padStart(2, '0');
const timeOf = (second: number): string => `2030-01-02 03:04:${two(second)}.000000`;
const instantOf = (second: number): string => `2030-01-02T03:04:${two(second)}.000000Z`;

/** A store that answers with these rows, a few at a time. */
function storeOf(versions: readonly Version[], atOnce = 3): { readonly assets: SqlPool } {
  const rows = versions.map(({ assetId, recordId, versionId, second }) => [
    ...[Buffer.from(assetId), Buffer.from(recordId)],
    ...[timeOf(second), Buffer.from(versionId)],
  ]);
  const chunks = async function* (): AsyncGenerator<readonly (readonly unknown[])[]> {
    for (let from = 0; from < rows.length; from += atOnce) {
      yield await Promise.resolve(rows.slice(from, from + atOnce));
    }
  };
  return { assets: { chunks } as unknown as SqlPool };
}

const location = 'mysql:assets.image_risks' as const;
const group = { tenantId: 'tn_a', assetIds: ['as_1', 'as_2'], location };
const inOrder = (a: Version, b: Version): number =>
  `${a.assetId} ${a.recordId}` < `${b.assetId} ${b.recordId}` ? -1 : 1;

describe('the end of a version', () => {
  it('is when the next of its record was seen, however the versions of a record are mixed [AB-2]', async () => {
    const records = fc.uniqueArray(
      fc.tuple(fc.constantFrom('as_1', 'as_2'), fc.constantFrom('rc_1', 'rc_2', 'rc_3')),
      { selector: String },
    );
    const seconds = fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { minLength: 1, maxLength: 9 });
    // One for all: what it had before must not show.
    const ends = new Ends();
    await fc.assert(
      fc.asyncProperty(records, seconds, async (names, times) => {
        const versions = names.flatMap(([assetId, recordId]) =>
          times.map((second) => ({
            ...{ assetId, recordId, second },
            versionId: `${recordId}-${second}`,
          })),
        );
        // The sort is stable: records come one after the other, their versions as they were.
        await readEnds(storeOf(versions.sort(inOrder)), ends, group);
        const sorted = [...times].sort((a, b) => a - b);
        for (const { assetId, versionId, second } of versions) {
          const next = sorted[sorted.indexOf(second) + 1];
          const expected = next === undefined ? undefined : instantOf(next);
          expect(ends.of({ location, assetId, versionId })).toBe(expected);
        }
      }),
    );
  });

  it('is not guessed when a record comes in two pieces', async () => {
    const version = (recordId: string, second: number): Version => ({
      ...{ assetId: 'as_1', recordId, second, versionId: `${recordId}-${second}` },
    });
    const versions = [version('rc_1', 1), version('rc_2', 1), version('rc_1', 2)];
    await expect(readEnds(storeOf(versions), new Ends(), group)).rejects.toThrow(/another order/);
  });
});

describe('assets that are read together', () => {
  const cut = async (many: Readonly<Record<string, number>>): Promise<unknown> => {
    const query = (): Promise<unknown> =>
      Promise.resolve(
        Object.entries(many)
          .filter(([, rows]) => rows > 0)
          .map(([asset, rows]) => ({ asset_id: Buffer.from(asset), many: rows })),
      );
    const store = { assets: { query } as unknown as SqlPool };
    const all = { tenantId: 'tn_a', assetIds: Object.keys(many) };
    const groups = await withFewRows(store, all, location);
    return groups.map(({ assetIds }) => assetIds.join());
  };

  it('have few rows together, and none is left out, also one without rows', async () => {
    expect(await cut({ a: 0, b: 4096, c: 0, d: 1, e: 9000, f: 2000, g: 2096, h: 0 })).toEqual([
      'a,b,c',
      'd',
      'e',
      'f,g,h',
    ]);
    expect(await cut({ a: 0, b: 0 })).toEqual(['a,b']);
    expect(await cut({ a: 50_000 })).toEqual(['a']);
  });
});
