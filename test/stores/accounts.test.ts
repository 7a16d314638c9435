import { randomBytes } from 'node:crypto';
import type { Sql, SqlPool } from '../../src/contracts/sql';
import { ROLE_GRANTS, type SqlRole } from '../../src/platform/migrate/grants';
import { dropMysqlEnvironment, migrateMysql } from '../../src/platform/migrate/migrate-mysql';
import { DATABASES } from '../../src/platform/migrate/sql-files';
import { probeClock } from '../../src/platform/mysql';
import { createSqlEnvironment, serverAddress, type SqlEnvironment } from '../support/environment';

const ROLES = Object.keys(ROLE_GRANTS) as SqlRole[];
const TENANT = 'tn_accounts00000000a';
const NO_PRIVILEGE =
  /refused a statement: ER_(TABLEACCESS|COLUMNACCESS|DBACCESS|SPECIFIC_ACCESS|ACCESS|PROCACCESS)_?DENIED/;

let environment: SqlEnvironment;
let root: SqlPool;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  root = environment.pool('root', 'assets');
  await root.execute(
    `INSERT INTO assets VALUES (?, 'as_1', 'v1', 'r1', 'host', 'sc_1', '2026-01-01 00:00:00', 0, 'd', '{}')`,
    [TENANT],
  );
});
afterAll(() => environment.remove());

async function tables(database: string): Promise<string[]> {
  const rows = await root.query(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ? AND table_type = 'BASE TABLE'`,
    [`${environment.prefix}_${database}`],
  );
  return rows.map((row) => String(row['name']));
}

/** A database that the role may enter: elsewhere the connection would be refused, and no statement tried. */
function homeOf(role: SqlRole): string {
  const grants: Readonly<Record<string, readonly string[]>> =
    ROLE_GRANTS[role as keyof typeof ROLE_GRANTS];
  const [first = ''] = Object.values(grants).flat();
  return first.split('.')[0] ?? '';
}

/** Tries a statement as a role and expects that the server refuses for want of a privilege. */
async function expectRefused(pool: SqlPool, statement: string): Promise<void> {
  await expect(pool.execute(statement)).rejects.toThrow(NO_PRIVILEGE);
}

describe.each(ROLES)('login account %s', (role) => {
  it('cannot delete, update, truncate or drop any table of the environment [AB-1]', async () => {
    const pool = environment.pool(role, homeOf(role));
    for (const database of DATABASES) {
      for (const table of await tables(database)) {
        const name = `\`${environment.prefix}_${database}\`.\`${table}\``;
        await expectRefused(pool, `DELETE FROM ${name} WHERE 1 = 0`);
        await expectRefused(pool, `TRUNCATE TABLE ${name}`);
        await expectRefused(pool, `DROP TABLE ${name}`);
        await expectRefused(pool, `ALTER TABLE ${name} ADD COLUMN x INT`);
      }
    }
  });

  it('cannot update a tenant row, a permit, a key or evidence [AB-1]', async () => {
    const pool = environment.pool(role, homeOf(role));
    const targets = [
      ['assets', 'assets', 'observed_at'],
      ['configuration', 'console_settings', 'changed_at'],
      ['control', 'permits', 'expires_at'],
      ['control', 'interlocks', 'epoch'],
      ['control', 'cohort_windows', 'delete_not_before'],
      ['keys', 'key_wrappings', 'wrapped'],
      ['evidence', 'entries', 'hash'],
    ] as const;
    for (const [database, table, column] of targets) {
      const name = `\`${environment.prefix}_${database}\`.\`${table}\``;
      await expectRefused(pool, `UPDATE ${name} SET ${column} = ${column} WHERE 1 = 0`);
    }
  });
});

describe('accounts', () => {
  it('let the administrator do what they refuse, so that the refusals above are real', async () => {
    const result = await root.execute(`DELETE FROM assets WHERE tenant_id = 'tn_nobody'`);
    expect(result.affectedRows).toBe(0);
  });

  it('keep the owner of the procedures from logging in', async () => {
    const rows = await root.query('SELECT user FROM mysql.user WHERE user = ?', [
      `${environment.prefix}_definer`,
    ]);
    expect(rows).toHaveLength(1);
    const shown = await root.query(`SHOW CREATE USER '${environment.prefix}_definer'@'%'`);
    expect(JSON.stringify(shown)).toContain('ACCOUNT LOCK');
  });

  it('run with UTC, strict modes and safe updates in every session', async () => {
    const rows = await environment
      .pool('reader')
      .query(
        'SELECT @@session.time_zone AS zone, @@session.sql_mode AS mode, @@sql_safe_updates AS safe',
      );
    expect(rows[0]).toMatchObject({ zone: '+00:00', safe: '1' });
    expect(String(rows[0]?.['mode'])).toContain('STRICT_ALL_TABLES');
  });
});

describe('a server that lets everybody into databases by their names', () => {
  it('gets no environment of such a name, and nothing is made [AB-1]', async () => {
    const prefix = `t${randomBytes(4).toString('hex')}`;
    const everybody = `\`${prefix}\\_%\`.*`;
    // MySQL knows no PUBLIC; a nameless user is everybody there.
    const isPublic = await root.query(`GRANT DELETE ON ${everybody} TO PUBLIC`).then(
      () => true,
      () => false,
    );
    const nameless = "''@'localhost'";
    if (!isPublic) {
      await root.query(`CREATE USER ${nameless}`);
      await root.query(`GRANT DELETE ON ${everybody} TO ${nameless}`);
    }
    const migrating = migrateMysql({ ...serverAddress(), prefix, simulation: false });
    await expect(migrating).rejects.toMatchObject({
      ...{ code: 'CONFIGURATION_INVALID', field: 'LETHE_ENVIRONMENT' },
    });
    const made = await root.query(
      'SELECT 1 FROM information_schema.schemata WHERE schema_name LIKE ?',
      [`${prefix}%`],
    );
    expect(made).toEqual([]);
    // Companion: without that grant the name is as good as any.
    await root.query(
      isPublic ? `REVOKE DELETE ON ${everybody} FROM PUBLIC` : `DROP USER ${nameless}`,
    );
    await migrateMysql({ ...serverAddress(), prefix, simulation: false });
    await dropMysqlEnvironment({ ...serverAddress(), prefix });
  });
});

describe('the clock of the database', () => {
  it('does not follow a session that moves its own timestamp', async () => {
    await expect(probeClock(environment.pool('reader'))).resolves.toBeUndefined();
  });

  it.each([
    ['follows the session', [{ year: '1970' }]],
    ['is not told', []],
    ['is told as something else', [{ year: 'now' }]],
  ])("is refused when the server's clock %s [AB-1]", async (...[, rows]) => {
    const sql: Sql = {
      execute: () => Promise.resolve({ affectedRows: 0 }),
      query: () => Promise.resolve(rows),
    };
    const pool = { transaction: <T>(work: (on: Sql) => Promise<T>) => work(sql) } as SqlPool;
    await expect(probeClock(pool)).rejects.toMatchObject({ code: 'CLOCK_UNSAFE' });
  });

  it('is refused to a session in another time zone', async () => {
    const pool = environment.pool('reader');
    await expect(
      pool.transaction(async (sql) => {
        await sql.execute("SET time_zone = '+08:00'");
        await sql.query('SELECT lethe_now()');
      }),
    ).rejects.toMatchObject({ code: 'CLOCK_UNSAFE' });
  });
});

describe('bound parameters', () => {
  it.each([
    ['undefined', undefined],
    ['a number that is not a number', Number.NaN],
    ['an object', { tenant_id: 1 }],
    ['a boolean', false],
    ['an invalid date', new Date(Number.NaN)],
    ['a list', ['a']],
  ])('never leave the process as %s', async (_, value) => {
    await expect(
      environment.pool('reader').query('SELECT ? AS x', [value as unknown as string]),
    ).rejects.toMatchObject({ code: 'UNSAFE_STATEMENT' });
  });
});
