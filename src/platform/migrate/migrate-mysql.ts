import { randomBytes } from 'node:crypto';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { LetheError } from '../../domain/errors';
import { grantStatements } from './grant-statements';
import { ROLE_GRANTS, type SqlRole } from './grants';
import { DATABASES, loadMigrations, type DatabaseName, type Migration } from './sql-files';

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
    throw new LetheError('NOT_PERMITTED', 'only test and simulation environments can be removed', {
      field: 'LETHE_ENVIRONMENT',
    });
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
    throw new LetheError('STORE_UNAVAILABLE', 'another migrator of this environment is at work');
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

/** The server's first database keeps the record of what was applied there; quoted. */
const record = (prefix: string, databases: readonly DatabaseName[]): string =>
  `\`${prefix}_${databases[0] ?? 'control'}\``;

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

async function applyMigrations(
  connection: Connection,
  options: MysqlMigration,
  databases: readonly DatabaseName[],
): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT CONVERT(name USING ascii) AS name, CONVERT(checksum USING ascii) AS checksum
       FROM ${record(options.prefix, databases)}.migrations`,
  );
  const applied = new Map(rows.map((row) => [String(row['name']), String(row['checksum'])]));
  const hasMovableClock = [...applied.keys()].some((name) => name.startsWith('simulation/'));
  const wantsMovableClock = options.simulation && databases.some(hasClock);
  if (applied.size > 0 && hasMovableClock !== wantsMovableClock) {
    throw new LetheError(
      'ENVIRONMENT_MISMATCH',
      'the environment exists with the other kind of clock; use another name',
      { field: 'LETHE_ENVIRONMENT' },
    );
  }
  const migrations = loadMigrations(options.prefix, options.simulation).filter(({ database }) =>
    databases.includes(database),
  );
  for (const migration of migrations) {
    await applyMigration(connection, record(options.prefix, databases), {
      migration,
      known: applied.get(migration.name),
    });
  }
}

const hasClock = (database: DatabaseName): boolean =>
  database === 'control' || database === 'keys' || database === 'evidence';

async function applyMigration(
  connection: Connection,
  into: string,
  { migration, known }: { migration: Migration; known: string | undefined },
): Promise<void> {
  if (known === migration.checksum) return;
  if (known !== undefined) {
    throw new LetheError(
      'CONFIGURATION_INVALID',
      `migration ${migration.name} was edited after use`,
    );
  }
  const key = [migration.name, migration.checksum];
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS recorded FROM ${into}.migration_steps WHERE name = ? AND checksum = ?`,
    key,
  );
  const record = (step: number): Promise<unknown> =>
    connection.query(
      `INSERT INTO ${into}.migration_steps (name, checksum, step) VALUES (?, ?, ?)`,
      [...key, step],
    );
  // Step 0 says that it was begun; without it nothing of it may be there.
  const recorded = Number(rows[0]?.['recorded']);
  if (recorded === 0) await record(0);
  for (const [index, statement] of migration.statements.entries()) {
    const step = index + 1;
    if (step < recorded) continue;
    await carryOut(connection, statement, step === recorded);
    await record(step);
  }
  await connection.query(
    `INSERT INTO ${into}.migrations (name, checksum, applied_at) VALUES (?, ?, UTC_TIMESTAMP(6))`,
    key,
  );
}

/** What the first statement that is not on record may meet when a crash came before its record. */
const ALREADY_SO = new Set([
  'ER_TABLE_EXISTS_ERROR',
  'ER_SP_ALREADY_EXISTS',
  'ER_TRG_ALREADY_EXISTS',
  'ER_DUP_ENTRY',
  'ER_DUP_FIELDNAME',
  'ER_DUP_KEYNAME',
  'ER_SP_DOES_NOT_EXIST',
]);

/** Definitions cannot be part of a transaction, so a crash can come between one and its record. */
async function carryOut(
  connection: Connection,
  statement: string,
  mayBeThere: boolean,
): Promise<void> {
  try {
    await connection.query(statement);
  } catch (error) {
    if (mayBeThere && ALREADY_SO.has((error as { code?: string }).code ?? '')) return;
    throw error;
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
