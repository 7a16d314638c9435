import { COLLECTION_LOCATIONS, migrateMongo } from '../../activities/mongo/collections';
import { migrateObjects } from '../../activities/objects/migrate-objects';
import { LetheError } from '../../domain/errors';
import { bucketNames, databasePrefix, isSimulation } from '../../domain/environment-names';
import { required, type Config, type ObjectStoreEndpoint } from '../../platform/config';
import type { Credentials } from '../../platform/credentials';
import { createKekFile } from '../../platform/kek';
import { readKnownCredentials, writeCredentials } from '../../platform/migrate/credentials-file';
import type { SqlRole } from '../../platform/migrate/grants';
import { migrateMysql, type SqlLogin } from '../../platform/migrate/migrate-mysql';
import { migrateTemporal } from '../../platform/migrate/migrate-temporal';
import { createMongoAccounts } from '../../platform/migrate/mongo-accounts';
import { createObjectAccounts, OBJECT_ROLES } from '../../platform/migrate/object-accounts';
import { DATABASES } from '../../platform/migrate/sql-files';
import { sqlServers } from '../../platform/migrate/sql-servers';
import { connectMongo } from '../../platform/mongo';
import { connectObjects } from '../../platform/objects';

/** How an environment is to be made. */
export interface MigrationOrder {
  readonly config: Config;
  /** With the movable clock; only in an environment whose name ends in `sim`. */
  readonly simulation: boolean;
  /** Where the provider's accounts are made by somebody else: the keys in the file are taken as they are. */
  readonly keepObjectAccounts: boolean;
  /** Told before each step. */
  readonly onStep: (what: string) => void;
}

/** What an environment consists of after the migration; no secret is in it. */
export interface MigrationReport {
  readonly environment: string;
  readonly clock: 'real' | 'simulated';
  readonly databases: readonly string[];
  readonly sqlRoles: readonly string[];
  readonly collections: readonly string[];
  /** `none`: the document server knows no accounts, so only its address protects it. */
  readonly mongoAccounts: 'per-role' | 'none';
  readonly buckets: readonly string[];
  readonly objectAccounts: 'made' | 'kept';
  readonly namespace: string;
  readonly credentialsFile: string;
  readonly kekFile: 'made' | 'kept';
}

/**
 * Brings everything that an environment needs on its servers to the current version and writes the
 * logins. Everything it needs is checked before the first change.
 *
 * @idempotency what is there already stays: data, passwords, keys; a run that was interrupted is
 * completed by the next one.
 * @throws LetheError CONFIGURATION_INVALID naming what is missing; ENVIRONMENT_MISMATCH when simulation
 * and production would mix.
 */
export async function migrateEnvironment(order: MigrationOrder): Promise<MigrationReport> {
  const { config, onStep } = order;
  assertKind(order);
  const needs = needsOf(config);
  const known = readKnownCredentials(needs.credentialsFile);
  if (order.keepObjectAccounts) assertHasObjectAccounts(known);

  onStep('SQL databases, procedures and accounts');
  const mysql = await migrateSql(order, known);
  writeCredentials(needs.credentialsFile, { ...known, mysql });
  onStep('document collections and accounts');
  const mongo = await migrateDocuments(config, known);
  onStep('object store buckets and accounts');
  const s3 = order.keepObjectAccounts
    ? known.s3
    : await createObjectAccounts(needs.objectAdmin, config.environment, known.s3);
  await migrateObjects(connectObjects(needs.objectAdmin), config.environment);
  writeCredentials(needs.credentialsFile, { mysql, mongo: mongo ?? {}, s3 });
  onStep('namespace and search attributes of the workflow engine');
  await migrateTemporal(config.temporal.address, config.temporal.namespace);
  onStep('key-encryption key');
  const kekMade = createKekFile(needs.kekFile);
  return {
    environment: config.environment,
    clock: order.simulation ? 'simulated' : 'real',
    databases: DATABASES.map((name) => `${databasePrefix(config.environment)}_${name}`),
    sqlRoles: Object.keys(mysql).sort(),
    collections: COLLECTION_LOCATIONS,
    mongoAccounts: mongo === null ? 'none' : 'per-role',
    buckets: Object.values(bucketNames(config.environment)),
    objectAccounts: order.keepObjectAccounts ? 'kept' : 'made',
    namespace: config.temporal.namespace,
    credentialsFile: needs.credentialsFile,
    kekFile: kekMade ? 'made' : 'kept',
  };
}

function assertKind({ config, simulation }: MigrationOrder): void {
  if (isSimulation(config.environment) === simulation) return;
  throw new LetheError(
    'ENVIRONMENT_MISMATCH',
    simulation
      ? '--simulation needs an environment whose name ends in sim; set LETHE_ENVIRONMENT'
      : 'the name of the environment ends in sim: give --simulation, or set another LETHE_ENVIRONMENT',
    { field: 'LETHE_ENVIRONMENT' },
  );
}

interface Needs {
  readonly credentialsFile: string;
  readonly kekFile: string;
  readonly objectAdmin: ObjectStoreEndpoint & {
    readonly accessKey: string;
    readonly secretKey: string;
  };
}

/** Everything that must be set, so that a missing variable changes nothing anywhere. */
function needsOf(config: Config): Needs {
  sqlServers(config);
  required(config.mongoUrl, 'LETHE_MONGO_URL');
  return {
    credentialsFile: required(config.credentialsFile, 'LETHE_CREDENTIALS_FILE'),
    kekFile: required(config.kekFile, 'LETHE_KEK_FILE'),
    objectAdmin: objectAdministrator(config),
  };
}

/** The object store with its administrator's keys. @throws LetheError naming the variable. */
export function objectAdministrator(config: Config): Needs['objectAdmin'] {
  const s3 = required(config.s3, 'LETHE_S3_ENDPOINT');
  return {
    ...s3,
    accessKey: required(s3.adminAccessKey, 'LETHE_S3_ADMIN_ACCESS_KEY'),
    secretKey: required(s3.adminSecretKey, 'LETHE_S3_ADMIN_SECRET_KEY'),
  };
}

function assertHasObjectAccounts(known: Credentials): void {
  const absent = OBJECT_ROLES.find((role) => !Object.hasOwn(known.s3, role));
  if (absent === undefined) return;
  throw new LetheError(
    'CONFIGURATION_INVALID',
    `the credentials file has no s3.${absent}; --keep-object-accounts takes all of them from there`,
    { field: 'LETHE_CREDENTIALS_FILE' },
  );
}

async function migrateSql(
  { config, simulation }: MigrationOrder,
  known: Credentials,
): Promise<Credentials['mysql']> {
  let logins: Partial<Record<SqlRole, SqlLogin>> = known.mysql;
  const prefix = databasePrefix(config.environment);
  for (const server of sqlServers(config)) {
    const made = await migrateMysql({ ...server, prefix, simulation, logins });
    logins = { ...logins, ...made };
  }
  return logins;
}

async function migrateDocuments(
  config: Config,
  known: Credentials,
): Promise<Credentials['mongo'] | null> {
  const prefix = databasePrefix(config.environment);
  const client = await connectMongo(required(config.mongoUrl, 'LETHE_MONGO_URL'));
  try {
    await migrateMongo(client, prefix);
    return await createMongoAccounts({
      client,
      prefix,
      collections: COLLECTION_LOCATIONS,
      logins: known.mongo,
    });
  } finally {
    await client.close();
  }
}
