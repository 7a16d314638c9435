import { randomBytes } from 'node:crypto';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { LetheError } from '../../domain/errors';
import { ROLE_GRANTS, grantStatements, type SqlRole } from './grants';
import { DATABASES, loadMigrations, type Migration } from './sql-files';

/** Login of one role. */
export interface SqlLogin {
  readonly user: string;
  readonly password: string;
}

/** What the migrator needs: an administrator's connection and the environment's names. */
export interface MysqlMigration {
  readonly host: string;
  readonly port: number;
  readonly adminUser: string;
  readonly adminPassword: string;
  /** Database prefix of the environment. */
  readonly prefix: string;
  readonly simulation: boolean;
  /** Logins that exist already and keep their passwords. */
  readonly logins?: Readonly<Partial<Record<SqlRole, SqlLogin>>>;
}

/**
 * Brings the SQL schemas, procedures, accounts and grants of an environment to the current version and
 * returns the logins.
 *
 * Safe to run again: applied migrations are on record with their checksum; an edited one is refused.
 *
 * @throws LetheError ENVIRONMENT_MISMATCH when the environment exists with another kind of clock.
 */
export async function migrateMysql(
  options: MysqlMigration,
): Promise<Readonly<Record<SqlRole, SqlLogin>>> {
  const connection = await createConnection({
    host: options.host,
    port: options.port,
    user: options.adminUser,
    password: options.adminPassword,
    multipleStatements: false,
    timezone: 'Z',
  });
  try {
    await connection.query("SET time_zone = '+00:00'");
    await createDatabases(connection, options.prefix);
    await createDefiner(connection, options.prefix);
    await applyMigrations(connection, options);
    return await createLogins(connection, options);
  } finally {
    await connection.end();
  }
}

/** Removes an environment; only environments whose name says that they are tests or simulations. */
export async function dropMysqlEnvironment(
  options: Omit<MysqlMigration, 'simulation' | 'logins'>,
): Promise<void> {
  if (!/^t[0-9a-f]{8}|_sim$/.test(options.prefix)) {
    throw new LetheError('NOT_PERMITTED', 'only test and simulation environments can be removed');
  }
  const connection = await createConnection({
    host: options.host,
    port: options.port,
    user: options.adminUser,
    password: options.adminPassword,
  });
  try {
    for (const database of DATABASES) {
      await connection.query(`DROP DATABASE IF EXISTS \`${options.prefix}_${database}\``);
    }
    for (const role of [...roles(true), 'definer']) {
      await connection.query(`DROP USER IF EXISTS '${options.prefix}_${role}'@'%'`);
    }
  } finally {
    await connection.end();
  }
}

async function createDatabases(connection: Connection, prefix: string): Promise<void> {
  if (!/^[a-z][a-z0-9_]{0,18}$/.test(prefix)) {
    throw new LetheError('CONFIGURATION_INVALID', 'the environment name is not usable', {
      field: 'LETHE_ENVIRONMENT',
    });
  }
  for (const database of DATABASES) {
    await connection.query(
      `CREATE DATABASE IF NOT EXISTS \`${prefix}_${database}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
    );
  }
  await connection.query(
    `CREATE TABLE IF NOT EXISTS \`${prefix}_control\`.migrations (
       name VARBINARY(128) NOT NULL PRIMARY KEY, checksum VARBINARY(64) NOT NULL,
       applied_at DATETIME(6) NOT NULL) ENGINE=InnoDB`,
  );
}

/** The owner of every procedure: it can do everything in this environment and nobody can log in as it. */
async function createDefiner(connection: Connection, prefix: string): Promise<void> {
  const account = `'${prefix}_definer'@'%'`;
  const password = randomBytes(24).toString('hex');
  await connection.query(
    `CREATE USER IF NOT EXISTS ${account} IDENTIFIED BY '${password}' ACCOUNT LOCK`,
  );
  for (const database of DATABASES) {
    const name = `${prefix}_${database}`.replaceAll('_', '\\_');
    await connection.query(
      `GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE, TRIGGER ON \`${name}\`.* TO ${account}`,
    );
  }
}

async function applyMigrations(connection: Connection, options: MysqlMigration): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT CONVERT(name USING ascii) AS name, CONVERT(checksum USING ascii) AS checksum
       FROM \`${options.prefix}_control\`.migrations`,
  );
  const applied = new Map(rows.map((row) => [String(row['name']), String(row['checksum'])]));
  const hasMovableClock = applied.has('simulation/control');
  if (applied.size > 0 && hasMovableClock !== options.simulation) {
    throw new LetheError(
      'ENVIRONMENT_MISMATCH',
      'the environment exists with the other kind of clock; use another name',
      { field: 'LETHE_ENVIRONMENT' },
    );
  }
  for (const migration of loadMigrations(options.prefix, options.simulation)) {
    await applyMigration(connection, options.prefix, {
      migration,
      known: applied.get(migration.name),
    });
  }
}

async function applyMigration(
  connection: Connection,
  prefix: string,
  { migration, known }: { migration: Migration; known: string | undefined },
): Promise<void> {
  if (known === migration.checksum) return;
  if (known !== undefined) {
    throw new LetheError(
      'CONFIGURATION_INVALID',
      `migration ${migration.name} was edited after use`,
    );
  }
  for (const statement of migration.statements) await connection.query(statement);
  await connection.query(
    `INSERT INTO \`${prefix}_control\`.migrations (name, checksum, applied_at) VALUES (?, ?, UTC_TIMESTAMP(6))`,
    [migration.name, migration.checksum],
  );
}

function roles(simulation: boolean): readonly SqlRole[] {
  const own = Object.keys(ROLE_GRANTS) as SqlRole[];
  return simulation ? [...own, 'simulator'] : own;
}

async function createLogins(
  connection: Connection,
  options: MysqlMigration,
): Promise<Readonly<Record<SqlRole, SqlLogin>>> {
  const logins: Partial<Record<SqlRole, SqlLogin>> = {};
  for (const role of roles(options.simulation)) {
    const login = options.logins?.[role] ?? {
      user: `${options.prefix}_${role}`,
      password: randomBytes(24).toString('hex'),
    };
    const account = `'${login.user}'@'%'`;
    await connection.query(
      `CREATE USER IF NOT EXISTS ${account} IDENTIFIED BY '${login.password}'`,
    );
    await connection.query(`ALTER USER ${account} IDENTIFIED BY '${login.password}'`);
    for (const statement of grantStatements(role, account, options.prefix)) {
      await connection.query(statement);
    }
    logins[role] = login;
  }
  return logins as Readonly<Record<SqlRole, SqlLogin>>;
}
