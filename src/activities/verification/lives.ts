import { recordTable } from '../../contracts/record-tables';
import { required, textRows, toInstant } from '../control/sql-text';
import { placesOf } from '../disposition/live-records';
import { plainText } from '../disposition/row-source';
import { IdSet, type PlacedId } from './id-set';
import type { VerifierPorts } from './ports';

/** The store that the verifier's reading of rows needs. */
type RowReader = Pick<VerifierPorts, 'assets'>;

/** Assets that are read together. */
export interface AssetGroup {
  readonly tenantId: string;
  readonly assetIds: readonly string[];
}

/** Tables whose rows are versions of records: one ends with the next. */
export const TABLES = ['mysql:assets.image_risks', 'mysql:assets.assets'] as const;

/** When each version was followed is in memory for so many rows, however many rows the assets have. */
const ROWS_AT_ONCE = 4096;

/** Cuts a group of assets into smaller ones with few rows in a table; an asset with many has one of its own. */
export async function withFewRows(
  ports: RowReader,
  group: AssetGroup,
  location: (typeof TABLES)[number],
): Promise<readonly AssetGroup[]> {
  const { tenantId, assetIds } = group;
  const counts = await textRows(
    ports.assets,
    `SELECT asset_id, COUNT(*) AS many FROM ${recordTable(location).table}
      WHERE tenant_id = ? AND asset_id IN (${placesOf(group)}) GROUP BY asset_id`,
    [tenantId, ...assetIds],
  );
  const rowsOfAsset = new Map(
    counts.map((row) => [required(row, 'asset_id'), Number(required(row, 'many'))]),
  );
  const groups: string[][] = [];
  let sum = Infinity;
  // An asset without rows is asked for as well: rows may have come since they were counted.
  for (const assetId of assetIds) {
    const rows = rowsOfAsset.get(assetId) ?? 0;
    sum += rows;
    if (sum > ROWS_AT_ONCE) {
      groups.push([]);
      sum = rows;
    }
    groups.at(-1)?.push(assetId);
  }
  return groups.map((some) => ({ tenantId, assetIds: some }));
}

/** A version and when it was seen first. */
interface Life {
  readonly versionId: string;
  readonly observedAt: string;
}

/** The order of versions of one record. */
export const byTime = (a: Life, b: Life): number => {
  if (a.observedAt === b.observedAt) return a.versionId.localeCompare(b.versionId);
  return a.observedAt < b.observedAt ? -1 : 1;
};

/**
 * When versions were followed by the next of their records. One table is used again for group after group:
 * maps would outlive the quick collection of garbage, and a million rows leave hundreds of megabytes of them.
 *
 * Two versions of a group that look alike would have one end: the due days differ from those of the archive
 * then, and nothing is removed (see {@link IdSet}).
 */
export class Ends {
  private readonly versions = new IdSet(ROWS_AT_ONCE, true);
  /** Few instants are the ends of very many versions. */
  private instants: string[] = [];
  private readonly places = new Map<string, number>();

  /** Forgets all ends. */
  clear(): void {
    this.versions.clear();
    this.places.clear();
    this.instants = [];
  }

  /** Keeps when a version was followed. */
  add(version: PlacedId, followedAt: string): void {
    const place = this.places.get(followedAt) ?? this.instants.push(followedAt) - 1;
    this.places.set(followedAt, place);
    this.versions.add(version, place);
  }

  /** When a version was followed; undefined for the last one of its record. */
  of(version: PlacedId): string | undefined {
    const place = this.versions.numberOf(version);
    return place === undefined ? undefined : this.instants[place];
  }
}

/** Reads record by record when each version was followed by the next, in place of what `ends` has. */
export async function readEnds(
  ports: RowReader,
  ends: Ends,
  group: AssetGroup & { readonly location: (typeof TABLES)[number] },
): Promise<void> {
  const { location } = group;
  ends.clear();
  let current = { assetId: '', recordId: '' };
  let versions: Life[] = [];
  const endRecord = (): void => {
    const { assetId } = current;
    versions.sort(byTime).forEach(({ versionId }, index) => {
      const next = versions[index + 1];
      if (next !== undefined) ends.add({ location, assetId, versionId }, next.observedAt);
    });
    versions = [];
  };
  const chunks = ports.assets.chunks(
    `SELECT asset_id, record_id, CAST(observed_at AS CHAR), version_id
       FROM ${recordTable(location).table}
      WHERE tenant_id = ? AND asset_id IN (${placesOf(group)})
      ORDER BY asset_id, record_id`,
    [group.tenantId, ...group.assetIds],
  );
  for await (const rows of chunks) {
    for (const [asset, record, observedAt, version] of rows) {
      const next = { assetId: plainText(asset), recordId: plainText(record) };
      if (next.assetId !== current.assetId || next.recordId !== current.recordId) {
        assertInOrder(current, next);
        endRecord();
        current = next;
      }
      const versionId = plainText(version);
      versions.push({ versionId, observedAt: toInstant(plainText(observedAt)) });
    }
  }
  endRecord();
}

interface RecordName {
  readonly assetId: string;
  readonly recordId: string;
}

/** A record that came in two pieces would have lost an end of a life between them. */
function assertInOrder(before: RecordName, after: RecordName): void {
  if (before.assetId < after.assetId) return;
  if (before.assetId === after.assetId && before.recordId < after.recordId) return;
  throw new Error('the store gives records in another order than it was asked for');
}
