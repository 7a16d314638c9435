import { randomBytes } from 'node:crypto';
import { connectMysql } from '../../src/platform/mysql';
import {
  dropMysqlEnvironment,
  migrateMysql,
  type SqlLogin,
} from '../../src/platform/migrate/migrate-mysql';
import type { SqlRole } from '../../src/platform/migrate/grants';
import type { SqlPool } from '../../src/contracts/sql';

/** An SQL environment of one test file, with a login per role and a movable clock when wanted. */
export interface SqlEnvironment {
  readonly name: string;
  readonly prefix: string;
  /** Logins by role, as the migrator made them. */
  readonly logins: Readonly<Record<SqlRole, SqlLogin>>;
  pool(role: SqlRole | 'root', database?: string): SqlPool;
  remove(): Promise<void>;
}

/** Where the tests' SQL server is, and its administrator. */
export function serverAddress(): {
  host: string;
  port: number;
  adminUser: string;
  adminPassword: string;
} {
  const given = process.env['LETHE_MYSQL_URL'];
  if (given !== undefined) {
    const url = new URL(given);
    return {
      host: url.hostname,
      port: Number(url.port === '' ? 3306 : url.port),
      adminUser: decodeURIComponent(url.username),
      adminPassword: decodeURIComponent(url.password),
    };
  }
  return {
    host: process.env['LETHE_MYSQL_HOST'] ?? '127.0.0.1',
    port: Number(process.env['LETHE_MYSQL_PORT']),
    adminUser: 'root',
    adminPassword: process.env['LETHE_MYSQL_ADMIN_PASSWORD'] ?? '',
  };
}

/** Creates an environment of its own on the shared SQL server. */
export async function createSqlEnvironment(
  options: { readonly simulation?: boolean } = {},
): Promise<SqlEnvironment> {
  const simulation = options.simulation ?? false;
  const name = `t${randomBytes(4).toString('hex')}${simulation ? '-sim' : ''}`;
  const prefix = name.replaceAll('-', '_');
  const server = serverAddress();
  const logins: Readonly<Record<SqlRole, SqlLogin>> = await migrateMysql({
    ...server,
    prefix,
    simulation,
  });
  const pools: SqlPool[] = [];
  return {
    name,
    prefix,
    logins,
    pool: (role, database = 'control') => {
      const login =
        role === 'root' ? { user: server.adminUser, password: server.adminPassword } : logins[role];
      const pool = connectMysql({
        ...login,
        host: server.host,
        port: server.port,
        database: `${prefix}_${database}`,
      });
      pools.push(pool);
      return pool;
    },
    remove: async () => {
      await Promise.all(pools.map((pool) => pool.close()));
      await dropMysqlEnvironment({ ...server, prefix });
    },
  };
}
