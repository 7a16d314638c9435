import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createConnection, type Connection } from 'mysql2/promise';
import { runTask } from '../demo/processes';
import { databasePrefix } from '../src/domain/environment-names';
import { loadConfig, required, type Config } from '../src/platform/config';
import { createKekFile } from '../src/platform/kek';

/** Name of the benchmark's environment; its clocks can be moved, so that lives fit into seconds. */
const ENVIRONMENT = 'lethe-bench-sim';
const MIGRATE_LIMIT_MS = 180_000;
/** Large enough that the disk of the machine is not what is measured, in bytes. */
const BUFFER_POOL_BYTES = 3 * 1024 * 1024 * 1024;

/** The servers and the environment on them. */
export interface Stage {
  readonly config: Config;
  /** Variables for processes of the product. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  /** Database of the assets. */
  readonly database: string;
  /** An administrator's connection to it. */
  readonly admin: Connection;
  /** Numbers of the server processes by name, where they are known. */
  readonly servers: Readonly<Record<string, number>>;
  close(): Promise<void>;
}

/** Makes the environment on the servers that the variables name. */
export async function openStage(cache: string): Promise<Stage> {
  const folder = join(cache, 'bench', 'run');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const env = {
    ...process.env,
    LETHE_ENVIRONMENT: ENVIRONMENT,
    LETHE_TEMPORAL_NAMESPACE: ENVIRONMENT,
    LETHE_KEK_FILE: join(folder, 'kek.json'),
    LETHE_CREDENTIALS_FILE: join(folder, 'credentials.json'),
  };
  createKekFile(env.LETHE_KEK_FILE);
  await runTask({
    name: 'migrator',
    command: process.execPath,
    args: [join(__dirname, '..', 'src', 'cli', 'main.js'), 'migrate', '--simulation'],
    env,
    limitMs: MIGRATE_LIMIT_MS,
    log: join(folder, 'migrate.log'),
  });
  const config = loadConfig(env);
  const database = `${databasePrefix(ENVIRONMENT)}_assets`;
  const admin = await connectAdmin(config, database);
  await admin.query(`SET GLOBAL innodb_buffer_pool_size = ${BUFFER_POOL_BYTES}`);
  return {
    ...{ config, env, folder, database, admin },
    servers: JSON.parse(process.env['LETHE_BENCH_SERVERS'] ?? '{}') as Record<string, number>,
    close: () => admin.end(),
  };
}

/** The administrator's own connection; the peers have no narrower account. */
export function connectAdmin(config: Config, database: string): Promise<Connection> {
  const { host, port, adminUser, adminPassword = '' } = required(config.mysql, 'LETHE_MYSQL_HOST');
  return createConnection({
    ...{ host, port, database },
    user: adminUser,
    password: adminPassword,
    timezone: 'Z',
    dateStrings: true,
  });
}
