import type { CollectionLocation } from '../../contracts/documents';
import type { SqlPool } from '../../contracts/sql';
import { required, textRows } from '../control/sql-text';
import { listGroups, type DocumentStore } from '../mongo/documents';

/** Where live asset data is read, with the archiver's logins. */
export interface LiveSource {
  readonly assets: SqlPool;
  readonly documents: DocumentStore;
}

/** Collections of asset data. */
export const COLLECTIONS: readonly CollectionLocation[] = [
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
