import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection, type Connection } from 'mysql2/promise';
import { startKept, type KeptServer } from './kept-server';

const runFile = promisify(execFile);

/** An SQL server and one that follows it, both of the test's own. */
export interface ReplicatedSql {
  /** Address with the administrator's login, as a variable has it. */
  readonly sourceUrl: string;
  readonly sourceAddress: string;
  readonly replicaAddress: string;
  /** Carries out a statement at the replica as its administrator. */
  atReplica(statement: string): Promise<void>;
  /** Ends the replica at once, as a power cut would. */
  killReplica(): Promise<void>;
  remove(): Promise<void>;
}

const POLLS_MAX = 100;
const POLL_MS = 100;
const HOST = '127.0.0.1';
/** Debian keeps servers out of an ordinary user's search path. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
const AS_ROOT = process.getuid?.() === 0 ? ['--user=root'] : [];

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Installs both from one empty server and lets the second one follow the first one from its beginning. */
export async function startReplicatedSql(): Promise<ReplicatedSql> {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-pair-'));
  const password = randomBytes(12).toString('hex');
  const [source, replica] = [join(folder, 'source'), join(folder, 'replica')];
  mkdirSync(source);
  const at = [`--no-defaults`, `--datadir=${source}`, ...AS_ROOT];
  const env = { ...process.env, PATH };
  const auth = '--auth-root-authentication-method=normal';
  await runFile('mariadb-install-db', [...at, auth, '--skip-test-db'], { env });
  cpSync(source, replica, { recursive: true });
  const servers = [await startServer(source, 1), await startServer(replica, 2)] as const;
  const remove = async (): Promise<void> => {
    for (const { server } of servers) await server.end();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await follow(servers, password);
  } catch (error) {
    await remove();
    throw error;
  }
  const [{ port: sourcePort }, { port: replicaPort, server: replicaServer }] = servers;
  return {
    sourceUrl: `mysql://admin:${password}@${HOST}:${sourcePort}`,
    sourceAddress: `${HOST}:${sourcePort}`,
    replicaAddress: `${HOST}:${replicaPort}`,
    atReplica: (statement) => asRoot(replica, (sql) => sql.query(statement)),
    killReplica: () => replicaServer.end(),
    remove,
  };
}

interface Started {
  readonly folder: string;
  readonly port: number;
  readonly server: KeptServer;
}

async function startServer(folder: string, id: number): Promise<Started> {
  const port = await freePort();
  const options = [
    ...['--no-defaults', `--datadir=${folder}`, ...AS_ROOT, `--socket=${socketOf(folder)}`],
    ...[`--port=${port}`, `--bind-address=${HOST}`, `--server-id=${id}`, '--log-bin=log'],
    ...['--default-time-zone=+00:00', '--skip-name-resolve', '--secure-timestamp=YES'],
    ...['--character-set-server=utf8mb4', '--collation-server=utf8mb4_bin'],
    ...['--innodb-buffer-pool-size=32M', '--skip-slave-start', '--slave-net-timeout=5'],
  ];
  const server = startKept(folder, ['mariadbd', ...options], { ...process.env, PATH });
  for (let poll = 0; poll < POLLS_MAX; poll += 1) {
    const isUp = await asRoot(folder, (sql) => sql.query('SELECT 1')).then(
      () => true,
      () => false,
    );
    if (isUp) return { folder, port, server };
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  await server.end();
  throw new Error('an SQL server of the test does not start');
}

const socketOf = (folder: string): string => join(folder, 's');

async function asRoot(folder: string, work: (sql: Connection) => Promise<unknown>): Promise<void> {
  const sql = await createConnection({ socketPath: socketOf(folder), user: 'root' });
  try {
    await work(sql);
  } finally {
    await sql.end();
  }
}

async function follow(
  [source, replica]: readonly [Started, Started],
  password: string,
): Promise<void> {
  for (const { folder } of [source, replica]) {
    await asRoot(folder, async (sql) => {
      // What makes the accounts of both alike is no part of what is replicated.
      await sql.query('SET sql_log_bin = 0');
      await sql.query(`DELETE FROM mysql.global_priv WHERE User = ''`);
      await sql.query('FLUSH PRIVILEGES');
      await sql.query(`CREATE USER 'admin'@'${HOST}' IDENTIFIED BY '${password}'`);
      await sql.query(`GRANT ALL PRIVILEGES ON *.* TO 'admin'@'${HOST}' WITH GRANT OPTION`);
    });
  }
  await asRoot(replica.folder, async (sql) => {
    await sql.query(
      `CHANGE MASTER TO MASTER_HOST = '${HOST}', MASTER_PORT = ${source.port},
         MASTER_USER = 'admin', MASTER_PASSWORD = '${password}', MASTER_USE_GTID = slave_pos,
         MASTER_CONNECT_RETRY = 1`,
    );
    await sql.query('SET GLOBAL read_only = 1');
    await sql.query('START SLAVE');
  });
}
