import { encodeSqlRow, type ArchivedRecord } from '../../src/archive-format';
import { FirstScans, lifeOf } from '../../src/activities/verification/archived-lives';
import { recordTable } from '../../src/contracts/record-tables';
import { observedUntil, type CompleteScan, type VersionLife } from '../../src/domain/observation';

const ASSET = 'as_0000000000000001';
const KINDS = ['account', 'port'];
const at = (day: number): string => `2030-01-${String(day).padStart(2, '0')}T00:00:00.000000Z`;

/** Repeatable numbers from 0 to below one. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const table = recordTable('mysql:assets.scans');
const schema: ArchivedRecord['schema'] = { kind: 'sql', columns: table.columns };

/** A row of the table of scans as it lies in the archive. */
function scanRow({ observedAt, kinds }: { observedAt: unknown; kinds: unknown }): ArchivedRecord {
  const values = { asset_id: ASSET, observed_at: observedAt, kinds, records: 1 };
  const row = table.columns.map(({ name }) => (values as Record<string, unknown>)[name] ?? name);
  const content = encodeSqlRow(row);
  return { location: 'mysql:assets.scans', assetId: ASSET, versionId: 'v', schema, content };
}

const archived = ({ observedAt, kinds }: CompleteScan): ArchivedRecord =>
  scanRow({
    observedAt: observedAt.replace('T', ' ').replace('Z', ''),
    kinds: JSON.stringify(kinds),
  });

interface History {
  readonly scans: readonly CompleteScan[];
  readonly versions: readonly VersionLife[];
}

/** Scans of up to 28 days, each of some kinds, and versions of three records that begin with scans. */
function history(random: () => number): History {
  const scans = Array.from({ length: 28 }, (_, index) => ({
    observedAt: at(index + 1),
    kinds: KINDS.filter(() => random() < 0.6),
  })).filter(() => random() < 0.4);
  const versions = scans.flatMap(({ observedAt }, index) =>
    ['r1', 'r2', 'r3']
      .filter(() => random() < 0.3)
      .map((recordId) => ({
        ...{ versionId: `${recordId}-${index}`, recordId, observedAt },
        kind: KINDS[recordId === 'r3' ? 1 : 0] ?? '',
      })),
  );
  return { scans, versions };
}

/** What the archive tells of a version, when `seen` versions lie in it. */
function untilOf(version: VersionLife, first: FirstScans, seen: readonly VersionLife[]) {
  const next = seen
    .filter(({ recordId, observedAt }) => {
      return recordId === version.recordId && observedAt > version.observedAt;
    })
    .map(({ observedAt }) => observedAt)
    .sort()[0];
  const { observedAt, recordId, kind } = version;
  return first.until(ASSET, { observedAt, recordId, kind }, next ?? null);
}

describe('the life of an archived record', () => {
  it('reaches into a range exactly when it was seen there, over hundreds of histories [CC-4]', () => {
    let covered = 0;
    let left = 0;
    for (let seed = 1; seed <= 400; seed += 1) {
      const random = numbers(seed);
      const { scans, versions } = history(random);
      const from = at(1 + Math.floor(random() * 28));
      const first = new FirstScans(from);
      for (const scan of scans) expect(first.add(archived(scan))).toBe(true);
      const truth = observedUntil(versions, scans);
      for (const version of versions) {
        const until = untilOf(version, first, versions) ?? '9';
        const isSeen = (truth.get(version.versionId) ?? '') >= from;
        expect(until >= from).toBe(isSeen);
        // When later versions lie elsewhere it is kept rather than let go.
        const alone = untilOf(version, first, [version]) ?? '9';
        expect(isSeen && alone < from).toBe(false);
        if (isSeen) covered += 1;
        else left += 1;
      }
    }
    expect(covered).toBeGreaterThan(500);
    expect(left).toBeGreaterThan(500);
  });

  it('is not known without an instant or a kind, nor from a scan that does not say what it read [CC-4]', () => {
    const first = new FirstScans(at(5));
    const known = { observedAt: at(1), recordId: 'r1', kind: 'port' };
    expect(first.until(ASSET, known, null)).toBe(at(1));
    expect(first.until(ASSET, { ...known, observedAt: null }, null)).toBeNull();
    expect(first.until(ASSET, { ...known, kind: null }, null)).toBeNull();
    const observedAt = '2030-01-09 00:00:00.000000';
    for (const kinds of ['account', '{"port":1}', '[1]']) {
      expect(first.add(scanRow({ observedAt, kinds }))).toBe(false);
    }
    expect(first.add(scanRow({ observedAt: 'yesterday', kinds: '[]' }))).toBe(false);
    expect(first.add(scanRow({ observedAt, kinds: '["port"]' }))).toBe(true);
    expect(first.until(ASSET, known, null)).toBe(at(9));
    expect(first.until(ASSET, known, at(9))).toBe(at(1));
    // A scan is seen once, whatever comes after it.
    expect(lifeOf(scanRow({ observedAt, kinds: '[]' }))).toMatchObject({ observedAt: at(9) });
    expect(first.until(ASSET, lifeOf(archived({ observedAt: at(2), kinds: [] })), null)).toBe(
      at(2),
    );
  });
});
