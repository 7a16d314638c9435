import type { Collection, MongoClient } from 'mongodb';
import { LetheError } from '../../domain/errors';
import type { CollectionLocation, StoredDocument } from '../../contracts/documents';

/** Collections of an environment by their place in the inventory. */
const COLLECTIONS: ReadonlySet<string> = new Set([
  'mongodb:assets.fingerprints',
  'mongodb:assets.images',
  'mongodb:configuration.detection_settings',
  'mongodb:configuration.whitelists',
]);

/** All of them. */
export const COLLECTION_LOCATIONS = [...COLLECTIONS] as readonly CollectionLocation[];

/**
 * The collection of a location in the environment's databases.
 *
 * @throws LetheError UNSAFE_STATEMENT for a location that is not in the inventory.
 */
export function collectionOf(
  client: MongoClient,
  prefix: string,
  location: CollectionLocation,
): Collection<StoredDocument> {
  if (!COLLECTIONS.has(location)) {
    throw new LetheError('UNSAFE_STATEMENT', 'location is no collection of the inventory');
  }
  const [database = '', collection = ''] = location.slice('mongodb:'.length).split('.');
  return client.db(`${prefix}_${database}`).collection<StoredDocument>(collection);
}

/**
 * Creates the collections and the one index that every statement uses. No index expires anything: documents
 * are removed by id under a permit only.
 *
 * @idempotency what is there stays as it is.
 * @source AB-1
 */
export async function migrateMongo(client: MongoClient, prefix: string): Promise<void> {
  for (const location of COLLECTION_LOCATIONS) {
    const collection = collectionOf(client, prefix, location);
    await collection.createIndex(
      { tenantId: 1, assetId: 1, _id: 1 },
      { name: 'tenant_asset_id' },
      {},
    );
  }
}
