import { randomBytes } from 'node:crypto';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { LetheError } from '../../domain/errors';
import { applyMigrations, record } from './apply-migrations';
import { grantStatements } from './grant-statements';
import { ROLE_GRANTS, type SqlRole } from './grants';
import { DATABASES, type DatabaseName } from './sql-files';

/** Login of one role. */
export interface SqlLogin {
  readonly user: string;
  readonly password: string;
}

/** An administrator's login at one SQL server. */
export interface MysqlServer {
  readonly host: string;
  readonly port: number;
  readonly adminUser: string;
  readonly adminPassword: string;
  /** PEM text of the authority that signed the server's certificate. */
  readonly tlsCa?: string;
}

/** What the migrator needs: an administrator's connection and the environment's names. */
export interface MysqlMigration extends MysqlServer {
  /** Database prefix of the environment. */
  readonly prefix: string;
  readonly simulation: boolean;
  /** Databases that live on this server; all of them unless keys or evidence have their own. */
  readonly databases?: readonly DatabaseName[];
  /** Logins that exist already and keep their passwords. */
  readonly logins?: Readonly<Partial<Record<SqlRole, SqlLogin>>>;
}

/** How long a second migrator waits for the first one, in seconds. */
const LOCK_WAIT_SECONDS = 60;

/**
 * Brings the SQL schemas, procedures, accounts and grants of an environment to the current version and
 * returns the logins of the roles that have to do with this server.
 *
 * Safe to run again, also after a crash in the middle: applied migrations are on record with their
 * checksum (an edited one is refused), and so is every statement of the one that was interrupted.
 *
 * @throws LetheError ENVIRONMENT_MISMATCH when the environment exists with another kind of clock;
 *   CONFIGURATION_INVALID when the server lets everybody into databases of these names.
 */
export async function migrateMysql(
  options: MysqlMigration,
): Promise<Readonly<Record<SqlRole, SqlLogin>>> {
  assertPrefix(options.prefix);
  const databases = DATABASES.filter((name) => options.databases?.includes(name) ?? true);
  return withServer(options, async (connection) => {
    await oneAtATime(connection, options.prefix);
    await assertNobodyElse(connection, options.prefix, databases);
    await createDatabases(connection, options.prefix, databases);
    await createDefiner(connection, options.prefix, databases);
    await applyMigrations(connection, options, databases);
    return createLogins(connection, options, databases);
  });
}

/** True for environments that may be removed: those of tests, and simulations. */
export const isRemovable = (prefix: string): boolean =>
  /^t[0-9a-f]{8}$/.test(prefix) || prefix.endsWith('sim');

/**
 * Removes an environment's databases and accounts from one server. Safe to repeat.
 *
 * @throws LetheError NOT_PERMITTED unless its name says that it is a test or a simulation.
 */
export async function dropMysqlEnvironment(
  options: MysqlServer & { readonly prefix: string },
): Promise<void> {
  assertPrefix(options.prefix);
  if (!isRemovable(options.prefix)) {
    throw new LetheError(
      'NOT_PERMITTED',
      'only environments of tests and simulations can be removed; their names are t and eight hexadecimal digits, or end in sim',
      {
        field: 'LETHE_ENVIRONMENT',
      },
    );
  }
  await withServer(options, async (connection) => {
    for (const database of DATABASES) {
      await connection.query(`DROP DATABASE IF EXISTS \`${options.prefix}_${database}\``);
    }
    for (const role of [...roles(true), 'definer']) {
      await connection.query(`DROP USER IF EXISTS '${options.prefix}_${role}'@'%'`);
    }
  });
}

async function withServer<T>(
  server: MysqlServer,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await connect(server);
  try {
    await connection.query("SET time_zone = '+00:00'");
    return await work(connection);
  } finally {
    await connection.end();
  }
}

async function connect(server: MysqlServer): Promise<Connection> {
  try {
    return await createConnection({
      host: server.host,
      port: server.port,
      user: server.adminUser,
      password: server.adminPassword,
      connectTimeout: 10_000,
      multipleStatements: false,
      timezone: 'Z',
      ...(server.tlsCa !== undefined && { ssl: { ca: server.tlsCa, rejectUnauthorized: true } }),
    });
  } catch (cause) {
    const { code = 'unknown' } = cause as { code?: string };
    if (code === 'ER_ACCESS_DENIED_ERROR') {
      throw new LetheError(
        'ACCESS_DENIED',
        'the SQL server refused the administrator; check LETHE_MYSQL_ADMIN_PASSWORD',
        {
          field: 'LETHE_MYSQL_ADMIN_PASSWORD',
        },
      );
    }
    throw new LetheError('STORE_UNAVAILABLE', `the SQL server cannot be reached (${code})`, {
      cause,
    });
  }
}

function assertPrefix(prefix: string): void {
  if (/^[a-z][a-z0-9_]{0,18}$/.test(prefix)) return;
  throw new LetheError('CONFIGURATION_INVALID', 'the environment name is not usable', {
    field: 'LETHE_ENVIRONMENT',
  });
}

/** Two migrators of one environment would undo each other's passwords; the lock ends with the connection. */
async function oneAtATime(connection: Connection, prefix: string): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>('SELECT GET_LOCK(?, ?) AS got', [
    `${prefix}_migrate`,
    LOCK_WAIT_SECONDS,
  ]);
  if (Number(rows[0]?.['got']) !== 1) {
    throw new LetheError(
      'STORE_UNAVAILABLE',
      'another migrator of this environment is at work; wait until it is through',
    );
  }
}

/**
 * A server that came with the database `test` lets every login delete in databases whose names begin with it, and
 * no list of grants of an account shows that.
 */
async function assertNobodyElse(
  connection: Connection,
  prefix: string,
  databases: readonly DatabaseName[],
): Promise<void> {
  for (const database of databases) {
    const [rows] = await connection.query<RowDataPacket[]>(
      "SELECT 1 FROM mysql.db WHERE User IN ('', 'PUBLIC') AND ? LIKE Db",
      [`${prefix}_${database}`],
    );
    if (rows.length === 0) continue;
    throw new LetheError(
      'CONFIGURATION_INVALID',
      'the SQL server lets everybody into databases of that name: take the grants to PUBLIC and to nameless users away, or choose another name',
      { field: 'LETHE_ENVIRONMENT' },
    );
  }
}

async function createDatabases(
  connection: Connection,
  prefix: string,
  databases: readonly DatabaseName[],
): Promise<void> {
  for (const database of databases) {
    await connection.query(
      `CREATE DATABASE IF NOT EXISTS \`${prefix}_${database}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
    );
  }
  await connection.query(
    `CREATE TABLE IF NOT EXISTS ${record(prefix, databases)}.migrations (
       name VARBINARY(128) NOT NULL PRIMARY KEY, checksum VARBINARY(64) NOT NULL,
       applied_at DATETIME(6) NOT NULL) ENGINE=InnoDB`,
  );
  await connection.query(
    `CREATE TABLE IF NOT EXISTS ${record(prefix, databases)}.migration_steps (
       name VARBINARY(128) NOT NULL, checksum VARBINARY(64) NOT NULL, step INT UNSIGNED NOT NULL,
       PRIMARY KEY (name, checksum, step)) ENGINE=InnoDB`,
  );
}

/** The owner of every procedure: it can do everything in this environment and nobody can log in as it. */
async function createDefiner(
  connection: Connection,
  prefix: string,
  databases: readonly DatabaseName[],
): Promise<void> {
  const account = `'${prefix}_definer'@'%'`;
  const password = randomBytes(24).toString('hex');
  await connection.query(
    `CREATE USER IF NOT EXISTS ${account} IDENTIFIED BY '${password}' ACCOUNT LOCK`,
  );
  for (const database of databases) {
    const name = `${prefix}_${database}`.replaceAll('_', '\\_');
    await connection.query(
      `GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE, TRIGGER ON \`${name}\`.* TO ${account}`,
    );
  }
}

function roles(simulation: boolean): readonly SqlRole[] {
  const own = Object.keys(ROLE_GRANTS) as SqlRole[];
  return simulation ? [...own, 'simulator'] : own;
}

async function createLogins(
  connection: Connection,
  options: MysqlMigration,
  databases: readonly DatabaseName[],
): Promise<Readonly<Record<SqlRole, SqlLogin>>> {
  const logins: Partial<Record<SqlRole, SqlLogin>> = {};
  for (const role of roles(options.simulation)) {
    const login = options.logins?.[role] ?? {
      user: `${options.prefix}_${role}`,
      password: randomBytes(24).toString('hex'),
    };
    const account = `${connection.escape(login.user)}@'%'`;
    const grants = grantStatements(role, account, { prefix: options.prefix, databases });
    if (grants.length === 0) continue;
    const password = connection.escape(login.password);
    await connection.query(`CREATE USER IF NOT EXISTS ${account} IDENTIFIED BY ${password}`);
    await connection.query(`ALTER USER ${account} IDENTIFIED BY ${password}`);
    for (const statement of grants) await connection.query(statement);
    logins[role] = login;
  }
  return logins as Readonly<Record<SqlRole, SqlLogin>>;
}
