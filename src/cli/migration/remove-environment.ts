import {
  abortUploads,
  clearHoldAndDeleteVersion,
  removeDeleteMarker,
} from '../../activities/objects/destroy-version';
import { listEverything, namesIn } from '../../activities/objects/list-everything';
import type { ObjectStore } from '../../activities/objects/object-address';
import { LetheError } from '../../domain/errors';
import {
  bucketNames,
  databasePrefix,
  mongoDatabases,
  type BucketRole,
} from '../../domain/environment-names';
import { required, type Config } from '../../platform/config';
import { dropMysqlEnvironment, isRemovable } from '../../platform/migrate/migrate-mysql';
import { removeNamespace } from '../../platform/migrate/migrate-temporal';
import { removeMongoAccounts } from '../../platform/migrate/mongo-accounts';
import { removeObjectAccounts } from '../../platform/migrate/object-accounts';
import { sqlServers } from '../../platform/migrate/sql-servers';
import { connectMongo } from '../../platform/mongo';
import { connectObjects } from '../../platform/objects';
import { objectAdministrator } from './migrate-environment';

/**
 * Removes an environment of a test or a simulation from all servers: databases, buckets, accounts,
 * namespace. Safe to repeat.
 *
 * @throws LetheError NOT_PERMITTED for every other environment, before anything is touched.
 */
export async function removeEnvironment(
  config: Config,
  onStep: (what: string) => void,
): Promise<void> {
  const prefix = databasePrefix(config.environment);
  if (!isRemovable(prefix)) {
    throw new LetheError(
      'NOT_PERMITTED',
      'only the environment of a test or a simulation can be removed; its name says so',
      { field: 'LETHE_ENVIRONMENT' },
    );
  }
  const admin = objectAdministrator(config);
  const mongoUrl = required(config.mongoUrl, 'LETHE_MONGO_URL');
  const servers = sqlServers(config);
  onStep('namespace of the workflow engine');
  await removeNamespace(config.temporal.address, config.temporal.namespace);
  onStep('SQL databases and accounts');
  for (const server of servers) await dropMysqlEnvironment({ ...server, prefix });
  onStep('document databases and accounts');
  await removeDocuments(mongoUrl, config.environment);
  onStep('buckets and accounts of the object store');
  const store = { client: connectObjects(admin), environment: config.environment };
  for (const role of Object.keys(bucketNames(config.environment)) as BucketRole[]) {
    await removeBucket(store, role);
  }
  await removeObjectAccounts(admin, config.environment);
}

async function removeDocuments(url: string, environment: string): Promise<void> {
  const client = await connectMongo(url);
  try {
    const { assets, configuration } = mongoDatabases(environment);
    for (const name of [assets, configuration]) {
      await client.db(name).command({ dropDatabase: 1 });
    }
    await removeMongoAccounts(client, databasePrefix(environment));
  } finally {
    await client.close();
  }
}

/** Empties a bucket version by version, through the one module that deletes objects, and removes it. */
async function removeBucket(store: ObjectStore, role: BucketRole): Promise<void> {
  const bucket = bucketNames(store.environment)[role];
  if (!(await store.client.bucketExists(bucket))) return;
  for (const prefix of await topLevel(store, role)) {
    await abortUploads(store, { bucket: role, prefix });
    const found = await listEverything(store, { bucket: role, prefix });
    for (const { name, versionId } of found.versions) {
      await clearHoldAndDeleteVersion(store, { bucket: role, name, versionId });
    }
    for (const { name, versionId } of found.deleteMarkers) {
      await removeDeleteMarker(store, { bucket: role, name, versionId });
    }
  }
  await store.client.removeBucket(bucket);
}

/** First segments of all names that have versions, also of those that a marker hides. */
async function topLevel(store: ObjectStore, role: BucketRole): Promise<ReadonlySet<string>> {
  const prefixes = new Set<string>();
  for await (const name of namesIn(store, { bucket: role })) {
    const [first, ...rest] = name.split('/');
    if (first !== undefined && rest.length > 0) prefixes.add(`${first}/`);
  }
  return prefixes;
}
