import { mkdirSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { loadConfig, required, type Config } from '../src/platform/config';
import { openStores, type Stores } from '../src/platform/connections';
import { readCredentials } from '../src/platform/credentials';
import { createKekFile } from '../src/platform/kek';
import { createSigningKeys } from '../src/platform/signing-keys';
import { createSimulator, type Simulator } from '../src/simulation/simulator';
import { Administrator } from './administrator/administrator';
import { writeAdvisories } from './inputs/advisories';
import { Actor, runTask } from './processes';

/** Name of the demonstration's environment; the end of it makes its clocks movable. */
const ENVIRONMENT = 'lethe-demo-sim';

/** Everything the stories are played on. */
export interface Stage {
  readonly config: Config;
  /** The environment's variables, as its processes have them. */
  readonly env: Variables;
  /** Folder of this run, with keys, credentials, logs and the hosting system's store. */
  readonly folder: string;
  /** The hosting system of record: a process and a store of its own. */
  readonly hosting: Actor;
  readonly hostingUrl: string;
  readonly worker: Actor;
  readonly stores: Stores;
  readonly connection: Connection;
  readonly simulator: Simulator;
  readonly administrator: Administrator;
  /** Ends every process and connection. Safe to repeat. */
  close(): Promise<void>;
}

type Variables = Readonly<Record<string, string | undefined>>;

const HOSTING_READY_MS = 10_000;
const MIGRATE_LIMIT_MS = 180_000;
const WORKER_READY_MS = 60_000;

/** Compiled code: this file is `dist/demo/stage.js`. */
const CODE = join(__dirname, '..');

/**
 * Prepares the stage on the servers that the variables name: keys, hosting system, schemas and accounts,
 * worker, simulator, administrator. What was started is ended again when a later step fails.
 *
 * @param cache - the project's cache folder.
 * @throws Error naming the step that failed, with the end of its log.
 */
export async function openStage(cache: string, given: Variables = process.env): Promise<Stage> {
  const folder = join(cache, 'demo', 'run');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const closing: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  closing.push(closeWhenInterrupted(close));
  try {
    return { ...(await prepare(folder, given, closing)), folder, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function prepare(
  folder: string,
  given: Variables,
  closing: (() => Promise<unknown>)[],
): Promise<Omit<Stage, 'folder' | 'close'>> {
  const hosting = hostingActor(folder, { env: given, port: await freePort() });
  closing.push(() => hosting.stop());
  const hostingUrl = (await hosting.start()).trim();
  const env = variablesOf(folder, {
    ...given,
    LETHE_HOSTING_URL: hostingUrl,
    LETHE_OSV_DIRECTORY: writeAdvisories(folder),
  });
  createKekFile(required(env['LETHE_KEK_FILE'], 'LETHE_KEK_FILE'));
  createSigningKeys(join(folder, 'signing'), `lethe.example/${ENVIRONMENT}`);
  await migrate(folder, env);

  const config = loadConfig(env);
  const worker = workerActor(folder, env);
  closing.push(() => worker.stop());
  await worker.start();
  const connection = await Connection.connect({ address: config.temporal.address });
  closing.push(() => connection.close());
  const stores = openStores(
    config,
    readCredentials(required(config.credentialsFile, 'LETHE_CREDENTIALS_FILE')),
  );
  closing.push(() => stores.close());
  return {
    config,
    env,
    hosting,
    hostingUrl,
    worker,
    stores,
    connection,
    simulator: simulatorOf(config, stores, connection),
    administrator: new Administrator(serversOf(config)),
  };
}

/** The environment's variables; whatever else is set for the servers stays. */
function variablesOf(folder: string, given: Variables): Variables {
  return {
    ...given,
    LETHE_ENVIRONMENT: ENVIRONMENT,
    LETHE_TEMPORAL_NAMESPACE: ENVIRONMENT,
    LETHE_KEK_FILE: join(folder, 'kek.json'),
    LETHE_LOG_KEY_FILE: join(folder, 'signing', 'log-key.pem'),
    LETHE_CERTIFICATE_KEY_FILE: join(folder, 'signing', 'certificate-key.pem'),
    LETHE_PUBLIC_KEYS_FILE: join(folder, 'signing', 'keys.json'),
    LETHE_CREDENTIALS_FILE: join(folder, 'credentials.json'),
    // The demonstration's own registry speaks plain HTTP on this machine, and only it may.
    LETHE_REGISTRY_ALLOW_HTTP: authorityOf(given['LETHE_REGISTRY_URL']),
    LETHE_REGISTRY_ALLOW_PRIVATE: authorityOf(given['LETHE_REGISTRY_URL']),
  };
}

const authorityOf = (url: string | undefined): string => (url ?? '').replace(/^https?:\/\//, '');

/** A port that is free now; a system that is killed and comes back is expected at the same address. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function hostingActor(
  folder: string,
  { env, port }: { readonly env: Variables; readonly port: number },
): Actor {
  return new Actor({
    name: 'hosting system',
    command: process.execPath,
    args: [
      join(CODE, 'demo', 'hosting-system.js'),
      ...['--port', String(port), '--file', join(folder, 'hosting.json')],
    ],
    env,
    ready: /^http:\/\/127\.0\.0\.1:\d+$/,
    readyMs: HOSTING_READY_MS,
    log: join(folder, 'hosting.log'),
  });
}

async function migrate(folder: string, env: Variables): Promise<void> {
  await runTask({
    name: 'migrator',
    command: process.execPath,
    args: [join(CODE, 'src', 'cli', 'main.js'), 'migrate', '--simulation'],
    env,
    limitMs: MIGRATE_LIMIT_MS,
    log: join(folder, 'migrate.log'),
  });
}

function workerActor(folder: string, env: Variables): Actor {
  return new Actor({
    name: 'worker',
    command: join(CODE, '..', 'bin', 'lethe-worker'),
    args: [],
    env,
    ready: /^lethe worker ready/,
    readyMs: WORKER_READY_MS,
    log: join(folder, 'worker.log'),
  });
}

function simulatorOf(config: Config, stores: Stores, connection: Connection): Simulator {
  return createSimulator({
    environment: config.environment,
    control: stores.sql('simulator', 'control'),
    keys: stores.sql('simulator', 'keys'),
    evidence: stores.sql('simulator', 'evidence'),
    connection,
    namespace: config.temporal.namespace,
  });
}

/** The administrator logs in with the servers' own accounts, not with one of the engine's. */
function serversOf(config: Config): ConstructorParameters<typeof Administrator>[0] {
  const endpoints = [config.mysql, config.keysMysql, config.evidenceMysql].map((endpoint) =>
    required(endpoint, 'LETHE_MYSQL_HOST'),
  );
  const sql = new Map(
    endpoints.map(({ host, port, adminUser, adminPassword }) => [
      `${host}:${port}`,
      { host, port, user: adminUser, password: adminPassword ?? '' },
    ]),
  );
  const s3 = required(config.s3, 'LETHE_S3_ENDPOINT');
  return {
    environment: config.environment,
    mongoUrl: required(config.mongoUrl, 'LETHE_MONGO_URL'),
    sql: [...sql.values()],
    objects: {
      endpoint: s3.endpoint,
      region: s3.region,
      pathStyle: s3.pathStyle,
      accessKey: required(s3.adminAccessKey, 'LETHE_S3_ADMIN_ACCESS_KEY'),
      secretKey: required(s3.adminSecretKey, 'LETHE_S3_ADMIN_SECRET_KEY'),
    },
    engine: { address: config.temporal.address, namespace: config.temporal.namespace },
  };
}

const SIGNALS = Object.freeze({ SIGINT: 130, SIGTERM: 143 });

/**
 * From now on an interrupt closes the stage and ends the program with the code that a shell expects; the
 * answer takes that back. Processes go even when closing itself fails.
 */
function closeWhenInterrupted(close: () => Promise<void>): () => Promise<void> {
  const handlers = Object.entries(SIGNALS).map(([signal, code]) => {
    const handler = (): void => {
      void close().finally(() => process.exit(code));
    };
    process.once(signal, handler);
    return [signal, handler] as const;
  });
  return () => {
    for (const [signal, handler] of handlers) process.removeListener(signal, handler);
    return Promise.resolve();
  };
}
