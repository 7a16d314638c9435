import { BSON } from 'mongodb';
import { encodeSqlRow } from '../../archive-format';
import type { CollectionLocation } from '../../contracts/documents';
import { recordTable } from '../../contracts/record-tables';
import type { RecordLocation } from '../../domain/inventory';
import { required, textRows, toInstant } from '../control/sql-text';
import { toArchivable } from '../disposition/live-assets';
import type { RunRow } from '../disposition/run-rows';
import { listGroups } from '../mongo/documents';
import { readRawGroup } from '../mongo/raw-documents';
import type { VerifierPorts } from './ports';
import type { SetMember } from './totals';

/**
 * The verifier reads live data in its own way: assets from the links themselves, all versions of an asset
 * at once, and C from a search in the asset's scans instead of from neighbours in a stream.
 */
export interface SeenRecord extends SetMember {
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

const TABLES = ['mysql:assets.image_risks', 'mysql:assets.assets'] as const;
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

/** Every live record of an asset with the instant until which it was seen. */
export async function* readSeenRecords(
  ports: LiveReader,
  asset: { readonly tenantId: string; readonly assetId: string },
): AsyncGenerator<SeenRecord> {
  const scans = await scansByKind(ports, asset);
  for (const location of TABLES) yield* withSightings(rowsOf(ports, location, asset), scans);
  for (const location of COLLECTIONS) {
    yield* withSightings(documentsOf(ports, { location, ...asset }), scans);
  }
  yield* ownRecords(ports, asset, scans.get('') ?? []);
}

/** Instants of complete scans by kind; the empty kind stands for any. */
async function scansByKind(
  ports: LiveReader,
  asset: { readonly tenantId: string; readonly assetId: string },
): Promise<ScansByKind> {
  const rows = await textRows(
    ports.assets,
    'SELECT observed_at, kinds FROM scans WHERE tenant_id = ? AND asset_id = ?',
    [asset.tenantId, asset.assetId],
  );
  const instants = new Map<string, string[]>();
  for (const row of rows) {
    for (const kind of ['', ...(JSON.parse(required(row, 'kinds')) as string[])]) {
      const known = instants.get(kind) ?? [];
      known.push(toInstant(required(row, 'observed_at')));
      instants.set(kind, known);
    }
  }
  for (const known of instants.values()) known.sort();
  return instants;
}

async function* withSightings(
  source: AsyncIterable<Sighting>,
  scans: ScansByKind,
): AsyncGenerator<SeenRecord> {
  const records = new Map<string, Sighting[]>();
  for await (const sighting of source) {
    const versions = records.get(sighting.recordId) ?? [];
    versions.push(sighting);
    records.set(sighting.recordId, versions);
  }
  for (const versions of records.values()) {
    versions.sort((a, b) =>
      a.observedAt === b.observedAt
        ? a.versionId.localeCompare(b.versionId)
        : a.observedAt < b.observedAt
          ? -1
          : 1,
    );
    for (const [index, version] of versions.entries()) {
      const until = versions[index + 1]?.observedAt;
      const seen = lastBefore(scans.get(version.kind) ?? [], until);
      const { location, assetId, versionId, content, observedAt } = version;
      const observedUntil = seen > observedAt ? seen : observedAt;
      yield { location, assetId, versionId, content, observedUntil };
    }
  }
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

async function* rowsOf(
  ports: LiveReader,
  location: (typeof TABLES)[number],
  asset: { readonly tenantId: string; readonly assetId: string },
): AsyncGenerator<Sighting> {
  const table = recordTable(location);
  const names = table.columns.map((column) => column.name);
  const rows = ports.assets.stream(
    `SELECT ${names.join(', ')} FROM ${table.table} WHERE tenant_id = ? AND asset_id = ?`,
    [asset.tenantId, asset.assetId],
  );
  for await (const row of rows) {
    const values = toArchivable(table, row);
    const value = (name: string): string => String(values[names.indexOf(name)]);
    yield {
      location,
      assetId: asset.assetId,
      versionId: value('version_id'),
      recordId: value('record_id'),
      kind: location === 'mysql:assets.assets' ? 'asset' : value('risk_kind'),
      observedAt: toInstant(value('observed_at')),
      content: encodeSqlRow(values),
    };
  }
}

async function* documentsOf(
  ports: LiveReader,
  group: {
    readonly location: CollectionLocation;
    readonly tenantId: string;
    readonly assetId: string;
  },
): AsyncGenerator<Sighting> {
  for await (const content of readRawGroup(ports.documents, group)) {
    const { _id, recordId, kind, observedAt } = BSON.deserialize(content) as Record<
      string,
      unknown
    >;
    yield {
      location: group.location as RecordLocation,
      assetId: group.assetId,
      versionId: String(_id),
      recordId: String(recordId),
      kind: String(kind),
      observedAt: String(observedAt),
      content,
    };
  }
}

async function* ownRecords(
  ports: LiveReader,
  asset: { readonly tenantId: string; readonly assetId: string },
  scans: readonly string[],
): AsyncGenerator<SeenRecord> {
  for (const [location, column] of [
    ['mysql:assets.asset_links', 'linked_at'],
    ['mysql:assets.scans', 'observed_at'],
  ] as const) {
    const table = recordTable(location);
    const names = table.columns.map(({ name }) => name);
    const rows = ports.assets.stream(
      `SELECT ${names.join(', ')} FROM ${table.table} WHERE tenant_id = ? AND asset_id = ?`,
      [asset.tenantId, asset.assetId],
    );
    for await (const row of rows) {
      const values = toArchivable(table, row);
      const own = toInstant(String(values[names.indexOf(column)]));
      const last = location === 'mysql:assets.asset_links' ? lastBefore(scans, undefined) : '';
      yield {
        location,
        assetId: asset.assetId,
        versionId: String(values[names.indexOf('version_id')]),
        observedUntil: last > own ? last : own,
        content: encodeSqlRow(values),
      };
    }
  }
}
