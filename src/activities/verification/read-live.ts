import { documentTexts, type RowLines } from '../../archive-format';
import type { CollectionLocation } from '../../contracts/documents';
import { recordTable, type RecordTable } from '../../contracts/record-tables';
import type { RecordLocation } from '../../domain/inventory';
import { required, textRows, toInstant } from '../control/sql-text';
import { groupsOf, placesOf } from '../disposition/live-records';
import { linesOf, plainText, selectionOf } from '../disposition/row-source';
import type { RunRow } from '../disposition/run-rows';
import { listGroups } from '../mongo/documents';
import { readRawGroup } from '../mongo/raw-documents';
import { byTime, Ends, readEnds, TABLES, withFewRows, type AssetGroup } from './lives';
import type { VerifierPorts } from './ports';
import type { SetMember } from './totals';

/**
 * The verifier reads live data in its own way: assets from the links themselves, rows as they lie, the
 * instants of all versions beside them, and C from a search in the asset's scans instead of from
 * neighbours in a stream.
 */
export interface SeenRecord extends SetMember {
  /** When this version was seen first. */
  readonly observedAt: string;
  /** C as the verifier finds it. */
  readonly observedUntil: string;
}

/** Stores that live reading needs. */
export type LiveReader = Pick<VerifierPorts, 'assets' | 'documents'>;

interface Sighting extends SetMember {
  readonly recordId: string;
  readonly kind: string;
  readonly observedAt: string;
}

type ScansByKind = ReadonlyMap<string, readonly string[]>;

const OWN_TABLES = ['mysql:assets.asset_links', 'mysql:assets.scans'] as const;
const COLLECTIONS: readonly CollectionLocation[] = [
  'mongodb:assets.images',
  'mongodb:assets.fingerprints',
];

/** Assets that are linked to the run's services and to no other. @source HS-1 */
export async function assetsOfRun(ports: LiveReader, run: RunRow): Promise<readonly string[]> {
  const rows = await textRows(
    ports.assets,
    'SELECT DISTINCT asset_id, service FROM asset_links WHERE tenant_id = ?',
    [run.tenantId],
  );
  const links = new Map<string, Set<string>>();
  for (const row of rows) {
    const services = links.get(required(row, 'asset_id')) ?? new Set();
    links.set(required(row, 'asset_id'), services.add(required(row, 'service')));
  }
  const wanted = new Set(run.subjects);
  if (run.eventKind === 'stray') await addUnlinked(ports, run, links);
  return [...links]
    .filter(([, has]) => has.size === wanted.size && [...has].every((name) => wanted.has(name)))
    .map(([assetId]) => assetId)
    .sort();
}

/** A stray may have lost its links: it counts as one of the run that found it. */
async function addUnlinked(
  ports: LiveReader,
  run: RunRow,
  links: Map<string, Set<string>>,
): Promise<void> {
  const found: string[] = [];
  for (const table of ['assets', 'scans', 'image_risks']) {
    const rows = await textRows(
      ports.assets,
      `SELECT DISTINCT asset_id FROM ${table} WHERE tenant_id = ?`,
      [run.tenantId],
    );
    found.push(...rows.map((row) => required(row, 'asset_id')));
  }
  for (const location of COLLECTIONS) {
    found.push(...(await listGroups(ports.documents, location, run.tenantId)).keys());
  }
  for (const assetId of found) {
    if (!links.has(assetId)) links.set(assetId, new Set(run.subjects));
  }
}

/**
 * Every live record of the assets with the instant until which it was seen, many at a time. The content of
 * a record is there until the next ones are asked for.
 *
 * Bounds: of 32 assets the scans; the instants of 4,096 versions, or of one asset that has more; of one
 * asset its documents.
 */
export async function* readSeenRecords(
  ports: LiveReader,
  { tenantId, assetIds }: AssetGroup,
): AsyncGenerator<readonly SeenRecord[]> {
  const withDocuments = new Map<CollectionLocation, ReadonlyMap<string, number>>();
  for (const location of COLLECTIONS) {
    withDocuments.set(location, await listGroups(ports.documents, location, tenantId));
  }
  const lines = linesByTable();
  const ends = new Ends();
  for (const group of groupsOf(assetIds)) {
    const assets = { tenantId, assetIds: group, lines };
    const scans = await scansOf(ports, assets);
    for (const location of TABLES) {
      for (const few of await withFewRows(ports, assets, location)) {
        yield* seenRows(ports, { ...few, location, lines, ends }, scans);
      }
    }
    for (const location of COLLECTIONS) {
      for (const assetId of group) {
        if (withDocuments.get(location)?.has(assetId) !== true) continue;
        const documents = documentsOf(ports, { location, tenantId, assetId });
        yield await withSightings(documents, scans.get(assetId) ?? NO_SCANS);
      }
    }
    yield* ownRecords(ports, assets, scans);
  }
}

const NO_SCANS: ScansByKind = new Map();

/** One writer for all rows of a table: its block is used again and again. */
type LinesByTable = (location: (typeof TABLES | typeof OWN_TABLES)[number]) => RowLines;

function linesByTable(): LinesByTable {
  const known = new Map<string, RowLines>();
  return (location) => {
    const lines = known.get(location) ?? linesOf(recordTable(location));
    known.set(location, lines);
    return lines;
  };
}

/** Instants of complete scans by asset and kind; the empty kind stands for any. */
async function scansOf(
  ports: LiveReader,
  group: AssetGroup,
): Promise<ReadonlyMap<string, ScansByKind>> {
  const rows = await textRows(
    ports.assets,
    `SELECT asset_id, observed_at, kinds FROM scans
      WHERE tenant_id = ? AND asset_id IN (${placesOf(group)})`,
    [group.tenantId, ...group.assetIds],
  );
  const scans = new Map<string, Map<string, string[]>>();
  for (const row of rows) {
    const ofAsset = scans.get(required(row, 'asset_id')) ?? new Map<string, string[]>();
    scans.set(required(row, 'asset_id'), ofAsset);
    for (const kind of ['', ...(JSON.parse(required(row, 'kinds')) as string[])]) {
      const known = ofAsset.get(kind) ?? [];
      known.push(toInstant(required(row, 'observed_at')));
      ofAsset.set(kind, known);
    }
  }
  for (const ofAsset of scans.values()) for (const known of ofAsset.values()) known.sort();
  return scans;
}

/** Whole rows of a group of assets, their columns in the order of the table. */
const rowsOf = (
  ports: LiveReader,
  table: RecordTable,
  { tenantId, assetIds }: AssetGroup,
): AsyncIterable<readonly (readonly unknown[])[]> =>
  ports.assets.chunks(
    `SELECT ${selectionOf(table)} FROM ${table.table}
      WHERE tenant_id = ? AND asset_id IN (${placesOf({ assetIds })})`,
    [tenantId, ...assetIds],
  );

async function* seenRows(
  ports: LiveReader,
  group: AssetGroup & {
    readonly location: (typeof TABLES)[number];
    readonly lines: LinesByTable;
    readonly ends: Ends;
  },
  scans: ReadonlyMap<string, ScansByKind>,
): AsyncGenerator<readonly SeenRecord[]> {
  const { location, ends } = group;
  const table = recordTable(location);
  const names = table.columns.map((column) => column.name);
  const at = (name: string): number => names.indexOf(name);
  const columns = [at('asset_id'), at('version_id'), at('observed_at')] as const;
  const kindColumn = location === 'mysql:assets.assets' ? -1 : at('risk_kind');
  await readEnds(ports, ends, group);
  const lines = group.lines(location);
  for await (const rows of rowsOf(ports, table, group)) {
    lines.startOver();
    yield rows.map((row) => {
      const assetId = plainText(row[columns[0]]);
      const versionId = plainText(row[columns[1]]);
      const observedAt = toInstant(plainText(row[columns[2]]));
      const kind = kindColumn < 0 ? 'asset' : plainText(row[kindColumn]);
      const until = ends.of({ location, assetId, versionId });
      const seen = lastBefore(scans.get(assetId)?.get(kind) ?? [], until);
      const observedUntil = seen > observedAt ? seen : observedAt;
      const content = lines.lineOf(row);
      return { location, assetId, versionId, content, observedAt, observedUntil };
    });
  }
}

async function withSightings(
  source: AsyncIterable<Sighting>,
  scans: ScansByKind,
): Promise<readonly SeenRecord[]> {
  const records = new Map<string, Sighting[]>();
  for await (const sighting of source) {
    const versions = records.get(sighting.recordId) ?? [];
    versions.push(sighting);
    records.set(sighting.recordId, versions);
  }
  const seenRecords: SeenRecord[] = [];
  for (const versions of records.values()) {
    versions.sort(byTime).forEach((version, index) => {
      const until = versions[index + 1]?.observedAt;
      const seen = lastBefore(scans.get(version.kind) ?? [], until);
      const { location, assetId, versionId, content, observedAt } = version;
      const observedUntil = seen > observedAt ? seen : observedAt;
      seenRecords.push({ location, assetId, versionId, content, observedAt, observedUntil });
    });
  }
  return seenRecords;
}

/** The newest of the sorted instants before `end`, or the newest of all; empty when there is none. */
function lastBefore(instants: readonly string[], end: string | undefined): string {
  if (end === undefined) return instants.at(-1) ?? '';
  let low = 0;
  let high = instants.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((instants[middle] ?? '') < end) low = middle + 1;
    else high = middle;
  }
  return instants[low - 1] ?? '';
}

const FACTS = ['_id', 'recordId', 'kind', 'observedAt'] as const;

async function* documentsOf(
  ports: LiveReader,
  group: {
    readonly location: CollectionLocation;
    readonly tenantId: string;
    readonly assetId: string;
  },
): AsyncGenerator<Sighting> {
  for await (const answer of readRawGroup(ports.documents, group)) {
    for (const content of answer) {
      const texts = documentTexts(content, FACTS);
      const fact = (name: (typeof FACTS)[number]): string => texts.get(name) ?? 'undefined';
      yield {
        location: group.location as RecordLocation,
        assetId: group.assetId,
        versionId: fact('_id'),
        recordId: fact('recordId'),
        kind: fact('kind'),
        observedAt: fact('observedAt'),
        content,
      };
    }
  }
}

async function* ownRecords(
  ports: LiveReader,
  group: AssetGroup & { readonly lines: LinesByTable },
  scans: ReadonlyMap<string, ScansByKind>,
): AsyncGenerator<readonly SeenRecord[]> {
  for (const location of OWN_TABLES) {
    const column = location === 'mysql:assets.asset_links' ? 'linked_at' : 'observed_at';
    const table = recordTable(location);
    const names = table.columns.map(({ name }) => name);
    const lines = group.lines(location);
    for await (const rows of rowsOf(ports, table, group)) {
      lines.startOver();
      yield rows.map((row) => {
        const assetId = plainText(row[names.indexOf('asset_id')]);
        const own = toInstant(plainText(row[names.indexOf(column)]));
        const instants = scans.get(assetId)?.get('') ?? [];
        const last = location === 'mysql:assets.asset_links' ? lastBefore(instants, undefined) : '';
        return {
          location,
          assetId,
          versionId: plainText(row[names.indexOf('version_id')]),
          observedAt: own,
          observedUntil: last > own ? last : own,
          content: lines.lineOf(row),
        };
      });
    }
  }
}
