import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import type { SqlPool } from '../../src/contracts/sql';
import { ROLE_GRANTS, type SqlRole } from '../../src/platform/migrate/grants';
import { createSqlEnvironment, serverAddress, type SqlEnvironment } from '../support/environment';
import { insertHold } from '../support/released-holds';
import { createSealedRun, liveRows, newPermitId, type SealedRun } from '../support/sealed-run';

/** What somebody does with a login of the engine and a client of their own: no pool, no prepared statements. */
const ROLES = Object.keys(ROLE_GRANTS) as SqlRole[];
const TENANT = 'tn_intruders0000000a';

let environment: SqlEnvironment;
let root: SqlPool;
let everyRoutine: readonly Routine[];
const clients: Connection[] = [];

beforeAll(async () => {
  environment = await createSqlEnvironment();
  root = environment.pool('root', 'control');
  await root.execute(
    `INSERT INTO \`${environment.prefix}_assets\`.assets
       VALUES (?, 'as_1', 'v1', 'r1', 'host', 'sc_1', '2026-01-01 00:00:00', 0, 'd', '{}')`,
    [TENANT],
  );
  everyRoutine = await routines();
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.end()));
  await environment.remove();
});

async function intruder(role: SqlRole): Promise<Connection> {
  const { host, port } = serverAddress();
  const login = environment.logins[role];
  const client = await createConnection({ host, port, ...login, multipleStatements: true });
  clients.push(client);
  return client;
}

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? 'crashed';
const tried = (client: Connection, statement: string): Promise<string> =>
  client.query(statement).then(() => 'accepted', codeOf);

const NO_RIGHT =
  /^ER_(TABLEACCESS|COLUMNACCESS|DBACCESS|SPECIFIC_ACCESS|ACCESS|PROCACCESS)_DENIED(_ERROR)?$|^ER_CANNOT_USER$/;

/** Statements that no account may have carried out; `{env}` is the prefix of the environment. */
const STATEMENTS: readonly string[] = [
  'CREATE TABLE `{env}_assets`.mine (a INT)',
  'CREATE TEMPORARY TABLE `{env}_assets`.assets (a INT)',
  'CREATE TEMPORARY TABLE `{env}_control`.holds (hold_id VARBINARY(64))',
  'CREATE VIEW `{env}_control`.released_holds AS SELECT 1',
  'CREATE OR REPLACE VIEW `{env}_control`.released_holds AS SELECT 1',
  'CREATE TRIGGER `{env}_control`.mine BEFORE INSERT ON `{env}_control`.permits FOR EACH ROW SET @a = 1',
  'CREATE PROCEDURE `{env}_control`.mine() DELETE FROM `{env}_control`.holds',
  'CREATE FUNCTION `{env}_control`.lethe_now() RETURNS DATETIME RETURN NOW()',
  'CREATE EVENT `{env}_assets`.mine ON SCHEDULE EVERY 1 DAY DO DELETE FROM `{env}_assets`.assets',
  'CREATE DATABASE `{env}_mine`',
  'CREATE INDEX mine ON `{env}_assets`.assets (scan_id)',
  'DROP DATABASE `{env}_assets`',
  'DROP PROCEDURE `{env}_assets`.purge_assets',
  'DROP FUNCTION `{env}_control`.lethe_now',
  'DROP TRIGGER `{env}_control`.permits_under_no_hold',
  'DROP VIEW `{env}_control`.released_holds',
  'ALTER PROCEDURE `{env}_control`.issue_move_permit SQL SECURITY INVOKER',
  'ALTER DATABASE `{env}_assets` CHARACTER SET latin1',
  'RENAME TABLE `{env}_assets`.assets TO `{env}_assets`.gone',
  'LOCK TABLES `{env}_control`.interlocks WRITE',
  'TRUNCATE TABLE `{env}_assets`.assets',
  'REPLACE INTO `{env}_assets`.assets SELECT * FROM `{env}_assets`.assets',
  "INSERT INTO `{env}_assets`.assets SELECT * FROM `{env}_assets`.assets ON DUPLICATE KEY UPDATE body = ''",
  "LOAD DATA INFILE '/etc/hostname' INTO TABLE `{env}_assets`.assets",
  "SELECT * INTO OUTFILE '/tmp/{env}' FROM `{env}_assets`.assets",
  "SET STATEMENT max_statement_time = 5 FOR DELETE FROM `{env}_assets`.assets WHERE tenant_id = 'x'",
  "EXECUTE IMMEDIATE 'DELETE FROM `{env}_assets`.assets WHERE 1 = 1'",
  "PREPARE gone FROM 'DELETE FROM `{env}_assets`.assets WHERE 1 = 1'",
  'BEGIN NOT ATOMIC DELETE FROM `{env}_assets`.assets WHERE 1 = 1; END',
  'SELECT 1; DELETE FROM `{env}_assets`.assets WHERE 1 = 1',
  'DELETE FROM `{env}_assets`.assets USING `{env}_assets`.assets JOIN `{env}_assets`.scans',
  'DELETE FROM `{env}_assets`.assets WHERE 1 = 1 RETURNING body',
  "UPDATE `{env}_control`.interlocks SET epoch = 1 WHERE scope = 'global'",
  'GRANT DELETE ON `{env}_assets`.* TO CURRENT_USER',
  "CREATE USER '{env}_mine'@'%'",
  "ALTER USER '{env}_definer'@'%' ACCOUNT UNLOCK",
  "SET PASSWORD FOR '{env}_definer'@'%' = PASSWORD('x')",
  "DROP USER '{env}_purger'@'%'",
  'SET GLOBAL sql_safe_updates = 0',
  'SET GLOBAL event_scheduler = ON',
  'SET SESSION sql_log_bin = 0',
  'FLUSH TABLES WITH READ LOCK',
  'SHUTDOWN',
  'SELECT authentication_string FROM mysql.user',
];

describe.each(ROLES)('somebody with the login %s', (role) => {
  it('gets none of the statements carried out that change what others rely on [AB-1] [CC-4]', async () => {
    const client = await intruder(role);
    const accepted: string[] = [];
    for (const pattern of STATEMENTS) {
      const code = await tried(client, pattern.replaceAll('{env}', environment.prefix));
      if (!NO_RIGHT.test(code)) accepted.push(`${pattern}: ${code}`);
    }
    expect(accepted).toEqual([]);
    const rows = await root.query(
      `SELECT COUNT(*) AS n FROM \`${environment.prefix}_assets\`.assets WHERE tenant_id = ?`,
      [TENANT],
    );
    expect(Number(rows[0]?.['n'])).toBe(1);
  });

  it('calls no routine that is not its own, not even the parts of its own [AB-1]', async () => {
    const client = await intruder(role);
    const own = new Set(
      (ROLE_GRANTS[role as keyof typeof ROLE_GRANTS] as { execute?: readonly string[] }).execute ??
        [],
    );
    const called: string[] = [];
    let refused = 0;
    for (const { name, call } of everyRoutine) {
      if (own.has(name)) continue;
      const code = await tried(client, call);
      if (NO_RIGHT.test(code)) refused += 1;
      else called.push(`${name}: ${code}`);
    }
    expect(called).toEqual([]);
    expect(refused).toBeGreaterThan(50);
  });

  it('reads nothing of the bodies in staging by writing there, and sees no statement of others [SD-1]', async () => {
    const client = await intruder(role);
    const staging = `\`${environment.prefix}_control\`.staging`;
    const insert = `INSERT INTO ${staging} (staging_id, tenant_id, digest, body, staged_at, purpose)
      VALUES ('st_${role}', 'tn_x', 'd', 'secret', '2026-01-01', 'x')`;
    // Control's login carries bodies out; it reads them by right.
    const readings =
      role === 'control' ? [] : [`${insert} RETURNING body`, `HANDLER ${staging} OPEN`];
    for (const reading of readings) expect(await tried(client, reading)).toMatch(NO_RIGHT);
    const [shown] = await client.query<RowDataPacket[]>('SHOW FULL PROCESSLIST');
    const users = new Set(shown.map((row) => String(row['User'])));
    expect([...users]).toEqual([environment.logins[role].user]);
  });
});

interface Routine {
  readonly name: string;
  readonly call: string;
}

/** Every routine of the environment with as many arguments as it wants, all NULL. */
async function routines(): Promise<readonly Routine[]> {
  const rows = await root.query(
    `SELECT r.routine_schema AS place, r.routine_name AS name, r.routine_type AS type,
            (SELECT COUNT(*) FROM information_schema.parameters p
              WHERE p.specific_schema = r.routine_schema AND p.specific_name = r.specific_name
                AND p.ordinal_position > 0) AS arguments
       FROM information_schema.routines r WHERE r.routine_schema LIKE ?`,
    [`${environment.prefix.replaceAll('_', '\\_')}\\_%`],
  );
  return rows.map((row) => {
    const place = String(row['place']);
    const name = String(row['name']);
    const wanted = Array.from({ length: Number(row['arguments']) }, (_, at) => `@a${at}`).join(
      ', ',
    );
    const verb = row['type'] === 'FUNCTION' ? 'SELECT' : 'CALL';
    const database = place.slice(environment.prefix.length + 1);
    return { name: `${database}.${name}`, call: `${verb} \`${place}\`.\`${name}\`(${wanted})` };
  });
}

/** Sessions that an intruder prepares before the call; each is what a guard could lean on. */
const SESSIONS: readonly string[] = [
  'SET timestamp = 86400',
  'SET timestamp = 4102444800',
  "SET sql_mode = ''",
  "SET sql_mode = 'PIPES_AS_CONCAT,ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH'",
  'SET sql_select_limit = 0',
  'SET sql_safe_updates = 0',
  'SET foreign_key_checks = 0, unique_checks = 0, check_constraint_checks = 0',
  'SET autocommit = 0',
  'SET completion_type = 1',
  'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ',
  'SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED',
  'SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE',
  'SET SESSION TRANSACTION READ ONLY',
  'SET innodb_lock_wait_timeout = 1, lock_wait_timeout = 1',
  'SET max_statement_time = 0.001',
  'SET sql_auto_is_null = 1',
  'SET max_sort_length = 64',
  'SET group_concat_max_len = 4',
  'SET max_join_size = 1',
  'SET NAMES latin1',
  "SET collation_connection = 'utf8mb4_general_ci'",
  "SET character_set_client = 'gbk'",
  'START TRANSACTION WITH CONSISTENT SNAPSHOT',
  "SET time_zone = '+14:00'",
  "SET time_zone = 'SYSTEM'",
  "SET optimizer_switch = 'semijoin=off,materialization=off,index_merge=off'",
  'SET @a0 = 1, last_insert_id = 1, insert_id = 1, pseudo_thread_id = 1',
];

/** An act that must not happen, as the login that could do it if it might. */
interface Misuse {
  readonly what: string;
  readonly role: SqlRole;
  readonly call: string;
  /** What shows that nothing happened: it must read the same afterwards. */
  readonly trace: string;
}

describe('a guarded procedure', () => {
  it('refuses the same whatever its session pretends [AB-1] [AB-3] [CC-4]', async () => {
    const misuses = await misusesOf();
    const answers: string[] = [];
    let prepared = 0;
    for (const misuse of misuses) {
      const before = await root.query(misuse.trace);
      for (const session of SESSIONS) {
        const client = await intruder(misuse.role);
        await client.query("SET time_zone = '+00:00'");
        if ((await tried(client, session)) === 'accepted') prepared += 1;
        const code = await tried(client, misuse.call);
        if (code === 'accepted') answers.push(`${misuse.what} after ${session}`);
        await client.query('COMMIT').catch(() => undefined);
        client.destroy();
      }
      expect([misuse.what, await root.query(misuse.trace)]).toEqual([misuse.what, before]);
    }
    expect(answers).toEqual([]);
    // Companion: most of these sessions can be had, and the calls pass when nothing is wrong with them.
    expect(prepared).toBeGreaterThan(misuses.length * 18);
    await expectHonestCalls();
  });
});

async function expectHonestCalls(): Promise<void> {
  const run = await sealed({});
  const client = await intruder('issuer');
  await client.query("SET time_zone = '+00:00'");
  expect(await tried(client, destroyCall(run, newPermitId()))).toBe('accepted');
  const permit = newPermitId();
  expect(await tried(client, moveCall(run, permit))).toBe('accepted');
  const purger = await intruder('purger');
  await purger.query("SET time_zone = '+00:00'");
  expect(await tried(purger, purgeCall(run, permit))).toBe('accepted');
  expect(await liveRows(environment, run.tenantId)).toBe(0);
}

let serial = 0;
const sealed = (facts: object): Promise<SealedRun> => {
  serial += 1;
  const tenantId = `tn_intruder${String(serial).padStart(9, '0')}`;
  return createSealedRun(environment, { tenantId, ...facts });
};
const control = (name: string): string => `\`${environment.prefix}_control\`.${name}`;
const destroyCall = ({ tenantId, runId, dueOn }: SealedRun, permit: string): string =>
  `CALL ${control('issue_destroy_permit')}('${permit}', '${tenantId}', '${runId}', '${dueOn}',
    'asset:${runId}:${dueOn}', 0, ${control('lethe_now')}(), 60)`;
const moveCall = ({ tenantId, runId }: SealedRun, permit: string): string =>
  `CALL ${control('issue_move_permit')}('${permit}', '${tenantId}', '${runId}', 'mysql:assets.image_risks', 1, 60)`;
const purgeCall = ({ tenantId, ids }: SealedRun, permit: string, tenant = tenantId): string =>
  `CALL \`${environment.prefix}_assets\`.purge_image_risks('${permit}', '${tenant}', 1, '${ids}')`;

async function misusesOf(): Promise<readonly Misuse[]> {
  const [held, early, frozen, unverified] = [
    await sealed({}),
    await sealed({ collectedDaysAgo: 179 }),
    await sealed({}),
    await sealed({ verified: false }),
  ];
  await insertHold(root, 'hd_intruder', { tenantId: held.tenantId });
  await root.execute("INSERT INTO freezes VALUES ('fz_intruder', ?, lethe_now(), 'a')", [
    frozen.tenantId,
  ]);
  const [expired, used, foreign] = [await permitted(), await permitted(), await permitted()];
  await root.execute('UPDATE permits SET expires_at = lethe_now() WHERE permit_id = ?', [
    expired.permit,
  ]);
  await root.execute(
    'UPDATE permits SET used_at = lethe_now(), used_count = 3 WHERE permit_id = ?',
    [used.permit],
  );
  const permits = `SELECT COUNT(*) AS n FROM ${control('permits')}`;
  const rows = `SELECT COUNT(*) AS n FROM \`${environment.prefix}_assets\`.image_risks`;
  const keys = `\`${environment.prefix}_keys\``;
  await root.execute(
    `INSERT INTO ${keys}.data_keys VALUES ('asset:rn_young:2031-01-01', 'tn_x', '2099-01-01', lethe_now())`,
  );
  await root.execute(`INSERT INTO ${keys}.key_epochs VALUES ('tn_x', 1)`);
  const key = `SELECT (SELECT COUNT(*) FROM ${keys}.key_permits) AS p, (SELECT COUNT(*) FROM ${keys}.key_tombstones) AS t`;
  return [
    { what: 'held', role: 'issuer', call: destroyCall(held, 'pm_held'), trace: permits },
    { what: 'too early', role: 'issuer', call: destroyCall(early, 'pm_early'), trace: permits },
    { what: 'frozen', role: 'issuer', call: moveCall(frozen, 'pm_frozen'), trace: permits },
    {
      what: 'unverified',
      role: 'issuer',
      call: moveCall(unverified, 'pm_unverified'),
      trace: permits,
    },
    { what: 'expired', role: 'purger', call: purgeCall(expired.run, expired.permit), trace: rows },
    { what: 'used', role: 'purger', call: purgeCall(used.run, used.permit), trace: rows },
    {
      what: 'of another tenant',
      role: 'purger',
      call: purgeCall(foreign.run, foreign.permit, held.tenantId),
      trace: rows,
    },
    {
      what: 'a young key',
      role: 'issuer',
      call: `CALL ${keys}.issue_key_permit('pm_young', 'destroy', 'tn_x', 'asset:rn_young:2031-01-01', 1, 1, 60, '9999-01-01')`,
      trace: key,
    },
    {
      what: 'a key without a permit',
      role: 'destroyer',
      call: `CALL ${keys}.destroy_key('pm_none', 'tn_x', 'asset:rn_young:2031-01-01')`,
      trace: key,
    },
  ];
}

async function permitted(): Promise<{ readonly run: SealedRun; readonly permit: string }> {
  const run = await sealed({});
  const permit = newPermitId();
  await environment
    .pool('issuer')
    .execute("CALL issue_move_permit(?, ?, ?, 'mysql:assets.image_risks', 1, 600)", [
      permit,
      run.tenantId,
      run.runId,
    ]);
  return { run, permit };
}
