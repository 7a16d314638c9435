import { BSON } from 'mongodb';
import { encodeSqlRow } from '../../archive-format';
import type { CollectionLocation } from '../../contracts/documents';
import { recordTable, type RecordTable } from '../../contracts/record-tables';
import type { SqlPool } from '../../contracts/sql';
import {
  lastSighting,
  linkObservedUntil,
  OWN_BASICS,
  type CompleteScan,
} from '../../domain/observation';
import type { RecordLocation } from '../../domain/inventory';
import { textRows, required, toInstant } from '../control/sql-text';
import { readRawGroup } from '../mongo/raw-documents';
import { listGroups, type DocumentStore } from '../mongo/documents';

/** One live record as it will be archived. */
export interface LiveRecord {
  readonly location: RecordLocation;
  readonly assetId: string;
  readonly versionId: string;
  /** C: until when it was seen to be so. */
  readonly observedUntil: string;
  /** A typed line, or the document's own bytes without the stamp of a purge attempt. */
  readonly content: Buffer;
}

/** Where live asset data is read, with the archiver's logins. */
export interface LiveSource {
  readonly assets: SqlPool;
  readonly documents: DocumentStore;
}

const VERSIONED_TABLES = ['mysql:assets.assets', 'mysql:assets.image_risks'].map(recordTable);
const COLLECTIONS: readonly CollectionLocation[] = [
  'mongodb:assets.fingerprints',
  'mongodb:assets.images',
];

/** What decides which assets a run takes. */
export interface AssetSelection {
  readonly tenantId: string;
  readonly subjects: readonly string[];
  readonly eventKind: string;
}

/**
 * Assets whose live links are exactly the run's services, in the order of their ids; under a run of
 * strays also those that have lost their links. @source HS-1
 */
export async function listAssetsOf(
  source: LiveSource,
  run: AssetSelection,
): Promise<readonly string[]> {
  const linked = await listLinkedAssets(source.assets, run.tenantId, run.subjects);
  if (run.eventKind !== 'stray') return linked;
  return [...new Set([...linked, ...(await listUnlinkedAssets(source, run.tenantId))])].sort();
}

async function listLinkedAssets(
  assets: SqlPool,
  tenantId: string,
  services: readonly string[],
): Promise<readonly string[]> {
  const rows = await textRows(
    assets,
    `SELECT asset_id FROM asset_links WHERE tenant_id = ? GROUP BY asset_id
     HAVING GROUP_CONCAT(DISTINCT service ORDER BY service SEPARATOR '|') = ? ORDER BY asset_id`,
    [tenantId, Buffer.from([...services].sort().join('|'))],
  );
  return rows.map((row) => required(row, 'asset_id'));
}

/** Assets that belong to no service in particular. @source HS-1 */
export async function assetsOfAll(assets: SqlPool, tenantId: string): Promise<ReadonlySet<string>> {
  const rows = await textRows(
    assets,
    'SELECT DISTINCT asset_id FROM asset_links WHERE tenant_id = ? AND belongs_to_all = 1',
    [tenantId],
  );
  return new Set(rows.map((row) => required(row, 'asset_id')));
}

async function listUnlinkedAssets(
  source: LiveSource,
  tenantId: string,
): Promise<readonly string[]> {
  const { assets, documents } = source;
  const known = await textRows(
    assets,
    `SELECT asset_id FROM assets WHERE tenant_id = ? UNION SELECT asset_id FROM scans
      WHERE tenant_id = ? UNION SELECT asset_id FROM image_risks WHERE tenant_id = ?`,
    [tenantId, tenantId, tenantId],
  );
  const ids = new Set(known.map((row) => required(row, 'asset_id')));
  for (const location of COLLECTIONS) {
    for (const id of (await listGroups(documents, location, tenantId)).keys()) ids.add(id);
  }
  const linked = await textRows(
    assets,
    'SELECT DISTINCT asset_id FROM asset_links WHERE tenant_id = ?',
    [tenantId],
  );
  for (const row of linked) ids.delete(required(row, 'asset_id'));
  return [...ids];
}

/**
 * Streams everything live of one asset. Versions come record by record in the order of time, so that the
 * end of one's life is known from the next; only the asset's scans are held in memory.
 */
export async function* readLiveAsset(
  source: LiveSource,
  asset: { readonly tenantId: string; readonly assetId: string },
): AsyncGenerator<LiveRecord> {
  const scans = await readScans(source.assets, asset);
  for (const table of VERSIONED_TABLES) {
    yield* sighted(readTable(source.assets, table, asset), scans);
  }
  for (const location of COLLECTIONS) {
    yield* sighted(readCollection(source.documents, { location, ...asset }), scans);
  }
  yield* readOwnRecords(source.assets, asset, scans);
}

/** Complete scans of an asset in the order of time. */
async function readScans(
  assets: SqlPool,
  asset: { readonly tenantId: string; readonly assetId: string },
): Promise<readonly CompleteScan[]> {
  const rows = await textRows(
    assets,
    `SELECT observed_at, kinds FROM scans WHERE tenant_id = ? AND asset_id = ?
      ORDER BY observed_at, version_id`,
    [asset.tenantId, asset.assetId],
  );
  return rows.map((row) => ({
    observedAt: toInstant(required(row, 'observed_at')),
    kinds: JSON.parse(required(row, 'kinds')) as string[],
  }));
}

/** A version before it is known until when it was seen. */
interface Version extends Omit<LiveRecord, 'observedUntil'> {
  readonly recordId: string;
  readonly kind: string;
  readonly observedAt: string;
}

/** Adds C to versions that arrive record by record in the order of time. */
async function* sighted(
  versions: AsyncIterable<Version>,
  scans: readonly CompleteScan[],
): AsyncGenerator<LiveRecord> {
  let waiting: Version | undefined;
  for await (const version of versions) {
    if (waiting !== undefined) {
      const next = waiting.recordId === version.recordId ? version.observedAt : null;
      yield finished(waiting, scans, next);
    }
    waiting = version;
  }
  if (waiting !== undefined) yield finished(waiting, scans, null);
}

function finished(
  { location, assetId, versionId, content, kind, observedAt }: Version,
  scans: readonly CompleteScan[],
  nextObservedAt: string | null,
): LiveRecord {
  const observedUntil = lastSighting({ observedAt, kind, nextObservedAt }, scans);
  return { location, assetId, versionId, content, observedUntil };
}

async function* readTable(
  assets: SqlPool,
  table: RecordTable,
  asset: { readonly tenantId: string; readonly assetId: string },
): AsyncGenerator<Version> {
  const names = table.columns.map((column) => column.name);
  const at = (name: string): number => names.indexOf(name);
  const rows = assets.stream(
    `SELECT ${names.join(', ')} FROM ${table.table} WHERE tenant_id = ? AND asset_id = ?
      ORDER BY record_id, observed_at, version_id`,
    [asset.tenantId, asset.assetId],
  );
  const kindColumn = table.table === 'image_risks' ? at('risk_kind') : -1;
  for await (const row of rows) {
    const values = toArchivable(table, row);
    yield {
      location: table.location,
      assetId: asset.assetId,
      versionId: String(values[at('version_id')]),
      recordId: String(values[at('record_id')]),
      kind: kindColumn < 0 ? OWN_BASICS : String(values[kindColumn]),
      observedAt: toInstant(String(values[at('observed_at')])),
      content: encodeSqlRow(values),
    };
  }
}

/** Links and scans are records of their own: nothing follows them that would end their life. */
async function* readOwnRecords(
  assets: SqlPool,
  asset: { readonly tenantId: string; readonly assetId: string },
  scans: readonly CompleteScan[],
): AsyncGenerator<LiveRecord> {
  for (const name of ['mysql:assets.scans', 'mysql:assets.asset_links'] as const) {
    const table = recordTable(name);
    const names = table.columns.map((column) => column.name);
    const rows = assets.stream(
      `SELECT ${names.join(', ')} FROM ${table.table} WHERE tenant_id = ? AND asset_id = ?
        ORDER BY version_id`,
      [asset.tenantId, asset.assetId],
    );
    const isScan = name === 'mysql:assets.scans';
    for await (const row of rows) {
      const values = toArchivable(table, row);
      const own = toInstant(String(values[names.indexOf(isScan ? 'observed_at' : 'linked_at')]));
      yield {
        location: table.location,
        assetId: asset.assetId,
        versionId: String(values[names.indexOf('version_id')]),
        observedUntil: isScan ? own : linkObservedUntil(own, scans),
        content: encodeSqlRow(values),
      };
    }
  }
}

/** Ids are stored as bytes and are ASCII by construction; anything else stays binary. */
export function toArchivable(table: RecordTable, row: readonly unknown[]): readonly unknown[] {
  return table.columns.map((column, index) => {
    const value = row[index];
    if (column.type === 'binary' || !Buffer.isBuffer(value)) return value;
    const text = value.toString('latin1');
    return /^[\x20-\x7e]*$/.test(text) ? text : value;
  });
}

async function* readCollection(
  documents: DocumentStore,
  group: {
    readonly location: CollectionLocation;
    readonly tenantId: string;
    readonly assetId: string;
  },
): AsyncGenerator<Version> {
  for await (const content of readRawGroup(documents, group)) {
    const document = BSON.deserialize(content) as Record<string, unknown>;
    yield {
      location: group.location as RecordLocation,
      assetId: group.assetId,
      versionId: textField(document, '_id'),
      recordId: textField(document, 'recordId'),
      kind: textField(document, 'kind'),
      observedAt: textField(document, 'observedAt'),
      content,
    };
  }
}

/** A document without its own facts cannot be given a due day: it is kept and somebody is told. */
function textField(document: Readonly<Record<string, unknown>>, name: string): string {
  const value = document[name];
  if (typeof value !== 'string' || value === '') throw new Error(`a document has no ${name}`);
  return value;
}
