import { readFileSync } from 'node:fs';
import type { MongoClient } from 'mongodb';
import type { Client } from 'minio';
import { bucketNames, databasePrefix, type BucketRole } from '../domain/environment-names';
import { LetheError } from '../domain/errors';
import type { SqlPool } from '../contracts/sql';
import { DISPOSITION_SLOTS } from '../contracts/task-queues';
import { required, type Config, type SqlEndpoint } from './config';
import { mongoLogin, objectLogin, sqlLogin, type Credentials } from './credentials';
import type { SqlRole } from './migrate/grants';
import type { MongoRole } from './migrate/mongo-accounts';
import type { ObjectRole } from './migrate/object-accounts';
import type { DatabaseName } from './migrate/sql-files';
import { connectMongo } from './mongo';
import { connectMysql } from './mysql';
import { connectObjects } from './objects';

/**
 * A run that is sealed holds one connection of the archiver to the end and needs another for its lease and
 * its finished parts; one that is verified reads on one connection and asks on others. With fewer
 * connections than this, runs that begin together would wait for each other for ever.
 */
const CONNECTIONS_OF_RUNS = DISPOSITION_SLOTS + 4;
const ROLES_OF_RUNS: readonly SqlRole[] = ['archiver', 'verifier'];

/** The stores of one environment, each opened at its first use with the narrow login of a role. */
export interface Stores {
  readonly environment: string;
  /** Prefix of the environment's databases. */
  readonly prefix: string;
  readonly buckets: Readonly<Record<BucketRole, string>>;
  /** One pool for each role and database; nothing is connected before its first statement. */
  sql(role: SqlRole, database: DatabaseName): SqlPool;
  /** Replicas of the server that rows are moved on; their login can read one row. */
  replicas(): readonly SqlPool[];
  /** Connected and asked once; where the server knows no accounts all roles share one client. */
  mongo(role: MongoRole): Promise<MongoClient>;
  objects(role: ObjectRole): Client;
  /** Closes what was opened. Safe to repeat; nothing can be opened afterwards. */
  close(): Promise<void>;
}

/**
 * Prepares the stores that a process may use; which of them it reaches is decided by what it asks for,
 * so a process without a variable fails at the first need of it, by name.
 *
 * @throws LetheError CONFIGURATION_INVALID naming the variable or the login that is missing.
 */
export function openStores(config: Config, credentials: Credentials): Stores {
  const pools = new Map<string, SqlPool>();
  const documents = new Map<string, Promise<MongoClient>>();
  const objects = new Map<string, Client>();
  let closed = false;
  const once = <T>(known: Map<string, T>, key: string, open: () => T): T => {
    if (closed) throw new LetheError('STORE_UNAVAILABLE', 'the connections are closed');
    const value = known.get(key) ?? open();
    known.set(key, value);
    return value;
  };
  const prefix = databasePrefix(config.environment);
  return {
    environment: config.environment,
    prefix,
    buckets: bucketNames(config.environment),
    sql: (role, database) =>
      once(pools, `${role} ${database}`, () =>
        connectMysql({
          ...addressOf(sqlEndpoint(config, database)),
          ...sqlLogin(credentials, role),
          database: `${prefix}_${database}`,
          ...(ROLES_OF_RUNS.includes(role) && { connectionsMax: CONNECTIONS_OF_RUNS }),
          ...(role === 'previewer' && { statementTimeoutMs: PREVIEW_TIMEOUT_MS }),
        }),
      ),
    replicas: () =>
      config.mysqlReplicas.map((replica) =>
        once(pools, `replica ${replica}`, () =>
          connectMysql({
            ...replicaAddress(config, replica),
            ...sqlLogin(credentials, 'watcher'),
            database: `${prefix}_control`,
            connectionsMax: 1,
            statementTimeoutMs: REPLICA_TIMEOUT_MS,
          }),
        ),
      ),
    mongo: async (role) => {
      const url = mongoUrl(config, credentials, role);
      const isPreview = role === 'previewer';
      // Where the server knows no accounts the address is the same, and the patience is not.
      const key = isPreview ? `${role} ${url}` : url;
      return once(documents, key, () =>
        connectMongo(url, isPreview ? { silenceTimeoutMs: PREVIEW_TIMEOUT_MS } : {}).catch(
          (error: unknown) => {
            // The server may be there next time; a failure is not kept.
            documents.delete(key);
            throw error;
          },
        ),
      );
    },
    objects: (role) =>
      once(objects, role, () =>
        connectObjects({
          ...required(config.s3, 'LETHE_S3_ENDPOINT'),
          ...objectLogin(credentials, role),
        }),
      ),
    close: async () => {
      closed = true;
      const clients = await Promise.allSettled(documents.values());
      await Promise.all([
        ...[...pools.values()].map((pool) => pool.close()),
        ...clients.map((client) => client.status === 'fulfilled' && client.value.close()),
      ]);
      pools.clear();
      documents.clear();
    },
  };
}

/** Who takes longer to say how far it is behind counts as behind. */
const REPLICA_TIMEOUT_MS = 2_000;

/** Somebody waits for a preview: a location that takes longer to count is said to be away. */
const PREVIEW_TIMEOUT_MS = 3_000;

/** Where a replica is; the authority that its source's certificate is checked by vouches for it, too. */
function replicaAddress(config: Config, replica: string): ReturnType<typeof addressOf> {
  const [host = '', port = ''] = replica.split(':');
  return addressOf({ ...sqlEndpoint(config, 'control'), host, port: Number(port) });
}

/** Keys and evidence may have servers of their own. */
export function sqlEndpoint(config: Config, database: DatabaseName): SqlEndpoint {
  if (database === 'keys') return required(config.keysMysql, 'LETHE_KEYS_MYSQL_URL');
  if (database === 'evidence') return required(config.evidenceMysql, 'LETHE_EVIDENCE_MYSQL_URL');
  return required(config.mysql, 'LETHE_MYSQL_HOST');
}

/** Host, port and trust of an endpoint; the login comes from elsewhere. */
export function addressOf(endpoint: SqlEndpoint): {
  readonly host: string;
  readonly port: number;
  readonly tlsCa?: string;
} {
  const { host, port, tlsCaFile } = endpoint;
  return tlsCaFile === undefined ? { host, port } : { host, port, tlsCa: readAuthority(tlsCaFile) };
}

function readAuthority(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new LetheError('CONFIGURATION_INVALID', 'LETHE_MYSQL_CA_FILE cannot be read', {
      field: 'LETHE_MYSQL_CA_FILE',
      cause,
    });
  }
}

/** The role's own login replaces one that the URL may carry. */
function mongoUrl(config: Config, credentials: Credentials, role: MongoRole): string {
  const url = required(config.mongoUrl, 'LETHE_MONGO_URL');
  const login = mongoLogin(credentials, role);
  if (login === undefined) return url;
  return withLogin(url, login);
}

/** A document-store URL with another login; accounts live in the database `admin`. */
export function withLogin(
  url: string,
  login: { readonly user: string; readonly password: string },
): string {
  const [, scheme = '', hosts = '', rest = ''] =
    /^(mongodb(?:\+srv)?:\/\/)(?:[^@/?]*@)?([^/?]*)(.*)$/.exec(url) ?? [];
  const user = `${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}`;
  const query = new URLSearchParams(rest.replace(/^\/?[^?]*\??/, ''));
  query.set('authSource', 'admin');
  return `${scheme}${user}@${hosts}/?${query.toString()}`;
}
