import { documentTexts } from '../../archive-format';
import type { CollectionLocation } from '../../contracts/documents';
import { recordTable, type RecordTable } from '../../contracts/record-tables';
import type { RecordLocation } from '../../domain/inventory';
import {
  lastSighting,
  linkObservedUntil,
  OWN_BASICS,
  type CompleteScan,
} from '../../domain/observation';
import { required, textRows, toInstant } from '../control/sql-text';
import { listGroups } from '../mongo/documents';
import { readRawGroups, type DocumentGroups } from '../mongo/raw-documents';
import { COLLECTIONS, type LiveSource } from './live-assets';
import { linesOf, plainText, selectionOf } from './row-source';

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

/** Assets of one statement: their scans are in memory together. */
const ASSETS_AT_ONCE = 32;
const VERSIONED_TABLES = ['mysql:assets.assets', 'mysql:assets.image_risks'].map(recordTable);

/** Complete scans of assets in the order of time. */
type Scans = ReadonlyMap<string, readonly CompleteScan[]>;

/** Assets that are read together. */
interface AssetGroup {
  readonly tenantId: string;
  readonly assetIds: readonly string[];
}

/**
 * Streams everything live of the assets, several assets and many records at a time. Versions come record
 * by record in the order of time, so that the end of one's life is known from the next; the order is the
 * same whenever nothing was written between. The content of a record is there until the next ones are asked
 * for.
 *
 * Bounds: of 32 assets the scans, of their records what arrived together.
 */
export async function* readLiveAssets(
  source: LiveSource,
  { tenantId, assetIds }: AssetGroup,
): AsyncGenerator<readonly LiveRecord[]> {
  const withDocuments = new Map<CollectionLocation, ReadonlyMap<string, number>>();
  for (const location of COLLECTIONS) {
    withDocuments.set(location, await listGroups(source.documents, location, tenantId));
  }
  for (const group of groupsOf(assetIds)) {
    const scans = await readScans(source, { tenantId, assetIds: group });
    for (const table of VERSIONED_TABLES) {
      yield* sighted(readTable(source, table, { tenantId, assetIds: group }), scans);
    }
    for (const location of COLLECTIONS) {
      const having = group.filter((assetId) => withDocuments.get(location)?.has(assetId));
      yield* sighted(readCollection(source, { location, tenantId, assetIds: having }), scans);
    }
    yield* readOwnRecords(source, { tenantId, assetIds: group }, scans);
  }
}

/** Cuts a list of assets into pieces that one statement takes. */
export function* groupsOf(assetIds: readonly string[]): Generator<readonly string[]> {
  for (let from = 0; from < assetIds.length; from += ASSETS_AT_ONCE) {
    yield assetIds.slice(from, from + ASSETS_AT_ONCE);
  }
}

/** A place for each asset of a group. */
export const placesOf = ({ assetIds }: Pick<AssetGroup, 'assetIds'>): string =>
  assetIds.map(() => '?').join(', ');

async function readScans({ assets }: LiveSource, group: AssetGroup): Promise<Scans> {
  const rows = await textRows(
    assets,
    `SELECT asset_id, observed_at, kinds FROM scans
      WHERE tenant_id = ? AND asset_id IN (${placesOf(group)})
      ORDER BY asset_id, observed_at, version_id`,
    [group.tenantId, ...group.assetIds],
  );
  const scans = new Map<string, CompleteScan[]>(group.assetIds.map((assetId) => [assetId, []]));
  for (const row of rows) {
    scans.get(required(row, 'asset_id'))?.push({
      observedAt: toInstant(required(row, 'observed_at')),
      kinds: JSON.parse(required(row, 'kinds')) as string[],
    });
  }
  return scans;
}

/** A version before it is known until when it was seen. */
interface Version extends Omit<LiveRecord, 'observedUntil'> {
  readonly recordId: string;
  readonly kind: string;
  readonly observedAt: string;
}

/** Adds C to versions that arrive record by record in the order of time. */
async function* sighted(
  source: AsyncIterable<readonly Version[]>,
  scans: Scans,
): AsyncGenerator<readonly LiveRecord[]> {
  let waiting: Version | undefined;
  for await (const versions of source) {
    const records: LiveRecord[] = [];
    for (const version of versions) {
      if (waiting !== undefined) records.push(finished(waiting, scans, version));
      waiting = version;
    }
    yield records;
    // The source writes its next versions over these.
    if (waiting !== undefined) waiting = { ...waiting, content: Buffer.from(waiting.content) };
  }
  if (waiting !== undefined) yield [finished(waiting, scans, undefined)];
}

function finished(
  { location, assetId, versionId, content, kind, observedAt, recordId }: Version,
  scans: Scans,
  next: Version | undefined,
): LiveRecord {
  const isSame = next !== undefined && next.recordId === recordId && next.assetId === assetId;
  const nextObservedAt = isSame ? next.observedAt : null;
  const life = { observedAt, kind, nextObservedAt };
  const observedUntil = lastSighting(life, scans.get(assetId) ?? []);
  return { location, assetId, versionId, content, observedUntil };
}

async function* readTable(
  { assets }: LiveSource,
  table: RecordTable,
  group: AssetGroup,
): AsyncGenerator<readonly Version[]> {
  const names = table.columns.map((column) => column.name);
  const at = (name: string): number => names.indexOf(name);
  const columns = {
    assetId: at('asset_id'),
    versionId: at('version_id'),
    recordId: at('record_id'),
    observedAt: at('observed_at'),
    kind: table.table === 'image_risks' ? at('risk_kind') : -1,
  };
  const chunks = assets.chunks(
    `SELECT ${selectionOf(table)} FROM ${table.table} FORCE INDEX (by_record)
      WHERE tenant_id = ? AND asset_id IN (${placesOf(group)})
      ORDER BY asset_id, record_id, observed_at, version_id`,
    [group.tenantId, ...group.assetIds],
  );
  const lines = linesOf(table);
  for await (const rows of chunks) {
    lines.startOver();
    yield rows.map((row) => ({
      location: table.location,
      assetId: plainText(row[columns.assetId]),
      versionId: plainText(row[columns.versionId]),
      recordId: plainText(row[columns.recordId]),
      kind: columns.kind < 0 ? OWN_BASICS : plainText(row[columns.kind]),
      observedAt: toInstant(plainText(row[columns.observedAt])),
      content: lines.lineOf(row),
    }));
  }
}

/** Links and scans are records of their own: nothing follows them that would end their life. */
async function* readOwnRecords(
  { assets }: LiveSource,
  group: AssetGroup,
  scans: Scans,
): AsyncGenerator<readonly LiveRecord[]> {
  for (const name of ['mysql:assets.scans', 'mysql:assets.asset_links'] as const) {
    const table = recordTable(name);
    const names = table.columns.map((column) => column.name);
    const chunks = assets.chunks(
      `SELECT ${selectionOf(table)} FROM ${table.table}
        WHERE tenant_id = ? AND asset_id IN (${placesOf(group)}) ORDER BY asset_id, version_id`,
      [group.tenantId, ...group.assetIds],
    );
    const isScan = name === 'mysql:assets.scans';
    const lines = linesOf(table);
    for await (const rows of chunks) {
      lines.startOver();
      yield rows.map((row) => {
        const own = toInstant(plainText(row[names.indexOf(isScan ? 'observed_at' : 'linked_at')]));
        const assetId = plainText(row[names.indexOf('asset_id')]);
        return {
          location: table.location,
          assetId,
          versionId: plainText(row[names.indexOf('version_id')]),
          observedUntil: isScan ? own : linkObservedUntil(own, scans.get(assetId) ?? []),
          content: lines.lineOf(row),
        };
      });
    }
  }
}

async function* readCollection(
  { documents }: LiveSource,
  groups: DocumentGroups,
): AsyncGenerator<readonly Version[]> {
  for await (const { assetId, contents } of readRawGroups(documents, groups)) {
    yield contents.map((content) => {
      const texts = documentTexts(content, FACTS);
      return {
        location: groups.location as RecordLocation,
        assetId,
        versionId: fact(texts, '_id'),
        recordId: fact(texts, 'recordId'),
        kind: fact(texts, 'kind'),
        observedAt: fact(texts, 'observedAt'),
        content,
      };
    });
  }
}

const FACTS = ['_id', 'recordId', 'kind', 'observedAt'] as const;

/** A document without its own facts cannot be given a due day: it is kept and somebody is told. */
function fact(texts: ReadonlyMap<string, string>, name: (typeof FACTS)[number]): string {
  const value = texts.get(name) ?? '';
  if (value === '') throw new Error(`a document has no ${name}`);
  return value;
}
