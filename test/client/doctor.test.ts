import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrateObjects } from '../../src/activities/objects/migrate-objects';
import { examine } from '../../src/cli/examine';
import { Session } from '../../src/cli/session';
import { judgeClock, type CheckResult } from '../../src/contracts/doctor';
import type { SqlPool } from '../../src/contracts/sql';
import { createKekFile } from '../../src/platform/kek';
import { connectObjects } from '../../src/platform/objects';
import { compareGrants } from '../../src/platform/doctor/compare-grants';
import { createSigningKeys, type SigningKeyFiles } from '../../src/platform/signing-keys';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { runIn } from '../support/evidence-cli';
import { until } from '../support/live-engine';
import { Ports } from '../support/mocked-ports';
import { createTemporalEnvironment, type TemporalEnvironment } from '../support/temporal';

const folder = mkdtempSync(join(tmpdir(), 'lethe-doctor-'));
const kek = join(folder, 'kek.json');
const credentials = join(folder, 'credentials.json');
let sql: SqlEnvironment;
let engine: TemporalEnvironment;
let root: SqlPool;
let keys: SigningKeyFiles;
let admin: ReturnType<typeof connectObjects>;

beforeAll(async () => {
  sql = await createSqlEnvironment();
  engine = await createTemporalEnvironment(sql.name);
  root = sql.pool('root');
  admin = connectObjects({
    ...{ endpoint: process.env['LETHE_S3_ENDPOINT'] ?? '', region: 'us-east-1', pathStyle: true },
    accessKey: process.env['LETHE_S3_ADMIN_ACCESS_KEY'] ?? '',
    secretKey: process.env['LETHE_S3_ADMIN_SECRET_KEY'] ?? '',
  });
  await migrateObjects(admin, sql.name);
  writeFileSync(credentials, JSON.stringify({ mysql: sql.logins }), { mode: 0o600 });
  createKekFile(kek);
  keys = createSigningKeys(join(folder, 'keys'), 'lethe.example/doctor');
});
afterAll(async () => {
  await engine.close();
  for (const role of ['archive', 'backup', 'evidence', 'inbox']) {
    await admin.removeBucket(`${sql.name}-${role}`);
  }
  await sql.remove();
  rmSync(folder, { recursive: true });
});

type Variables = Readonly<Record<string, string | undefined>>;

const env = (over: Variables = {}): Variables => ({
  ...process.env,
  ...{ LETHE_ENVIRONMENT: sql.name, LETHE_TEMPORAL_NAMESPACE: '' },
  ...{ LETHE_KEYS_MYSQL_URL: '', LETHE_EVIDENCE_MYSQL_URL: '', LETHE_KEK_FILE: kek },
  LETHE_CREDENTIALS_FILE: credentials,
  LETHE_LOG_KEY_FILE: keys.logKey,
  LETHE_CERTIFICATE_KEY_FILE: keys.certificateKey,
  LETHE_PUBLIC_KEYS_FILE: keys.publicKeys,
  ...over,
});

async function checks(over: Variables = {}): Promise<readonly CheckResult[]> {
  const { stdout, stderr, exitCode } = await runIn(env(over), ['doctor', '--json']);
  expect(stderr).toBe('');
  const { checks: all } = JSON.parse(stdout) as { checks: readonly CheckResult[] };
  expect(exitCode).toBe(all.some(({ state }) => state === 'fail') ? 1 : 0);
  return all;
}

const inState = (all: readonly CheckResult[], state: CheckResult['state']): readonly string[] =>
  all.filter((check) => check.state === state).map(({ name }) => name);
const failing = async (over: Variables = {}): Promise<readonly string[]> =>
  inState(await checks(over), 'fail').filter((name) => !name.startsWith('workers on'));

/** The check of that name, which has failed and says what to do. */
async function failed(name: string, over: Variables = {}): Promise<string> {
  const all = await checks(over);
  const check = all.find((one) => one.name.startsWith(name));
  expect(check).toMatchObject({ state: 'fail' });
  expect((check?.remedy ?? '').length).toBeGreaterThan(5);
  const others = inState(all, 'fail').filter((one) => !one.startsWith('workers on'));
  expect(others).toEqual([check?.name]);
  return check?.found ?? '';
}

const account = (role: string): string => `'${sql.prefix}_${role}'@'%'`;

describe('lethe doctor', () => {
  it('finds nothing wrong where nothing is, and says what it could not look at', async () => {
    await engine.whileWorking(new Ports().activities, async () => {
      // The engine lists a worker once it has asked for work.
      await until(async () => inState(await checks(), 'fail').length === 0).catch(() => undefined);
      const all = await checks();
      expect(inState(all, 'fail')).toEqual([]);
      expect(inState(all, 'skipped')).toEqual(['control and the evidence']);
      expect(all.filter(({ name }) => name.startsWith('grants of')).length).toBeGreaterThan(10);
      expect(all.filter(({ state, remedy }) => (state === 'ok') !== (remedy === null))).toEqual([]);
      expect(inState(all, 'ok')).toEqual(
        expect.arrayContaining([
          ...['logins', 'key-encryption keys', 'signing keys', 'workflow engine', 'engine clock'],
          ...['search attributes', 'document server', 'object server', 'clock of the environment'],
          ...['workers on lethe-workflows', 'workers on lethe-io', 'workers on lethe-disposition'],
          ...['circuit breaker', 'freezes over everything', `bucket ${sql.name}-archive`],
        ]),
      );
    });
  });

  it('misses the workers of every queue', async () => {
    const all = await checks();
    expect(await failing()).toEqual([]);
    // The server remembers pollers for some minutes; a namespace nobody ever worked in has none.
    const other = await createTemporalEnvironment(`${sql.name}.idle`);
    const idle = await checks({ LETHE_TEMPORAL_NAMESPACE: other.namespace });
    await other.close();
    expect(inState(idle, 'fail')).toHaveLength(5);
    expect(inState(idle, 'skipped')).toContain('engine clock');
    expect(all).toHaveLength(idle.length);
  });

  it('finds a grant that is missing, and one that is too much [AB-1] [PU-1]', async () => {
    const table = `\`${sql.prefix}_control\`.permits`;
    await root.execute(`REVOKE SELECT ON ${table} FROM ${account('issuer')}`);
    expect(await failed('grants of issuer')).toBe(
      `missing: SELECT ON ${sql.prefix}_control.permits`,
    );
    await root.execute(`GRANT SELECT, DELETE ON ${table} TO ${account('issuer')}`);
    expect(await failed('grants of issuer')).toBe(
      `too much: DELETE ON ${sql.prefix}_control.permits`,
    );
    await root.execute(`REVOKE DELETE ON ${table} FROM ${account('issuer')}`);
    await root.execute(`GRANT SELECT ON *.* TO ${account('stager')}`);
    expect(await failed('grants of stager')).toBe('too much: SELECT ON *.*');
    await root.execute(`REVOKE SELECT ON *.* FROM ${account('stager')}`);
    expect(await failing()).toEqual([]);
  });

  it('finds a migration that is missing, one that was edited and one of another version', async () => {
    const name = 'control/0002-facts';
    const row = await root.query('SELECT checksum, applied_at FROM migrations WHERE name = ?', [
      name,
    ]);
    const applied = String(row[0]?.['applied_at']);
    const put = (checksum: string, as = name): Promise<unknown> =>
      root.execute('INSERT INTO migrations VALUES (?, ?, ?)', [as, checksum, applied]);
    const drop = (which: string): Promise<unknown> =>
      root.execute('DELETE FROM migrations WHERE name = ?', [which]);
    await drop(name);
    expect(await failed('SQL migrations')).toBe(`missing: ${name}`);
    await put('0'.repeat(64));
    expect(await failed('SQL migrations')).toBe(`edited after use: ${name}`);
    await drop(name);
    await put(String(row[0]?.['checksum']));
    await put('0'.repeat(64), 'control/9999-later');
    expect(await failed('SQL migrations')).toBe('of another version: control/9999-later');
    await drop('control/9999-later');
    expect(await failing()).toEqual([]);
  });

  it('finds a bucket without versions or lock, and one that is not there [ST-1]', async () => {
    const bucket = `${sql.name}-archive`;
    await admin.removeBucket(bucket);
    expect(await failed(`bucket ${bucket}`)).toBe('it is not there');
    await admin.makeBucket(bucket, 'us-east-1');
    expect(await failed(`bucket ${bucket}`)).toBe('it keeps no versions');
    await admin.setBucketVersioning(bucket, { Status: 'Enabled' });
    expect(await failed(`bucket ${bucket}`)).toBe('it has no Object Lock');
    await admin.removeBucket(bucket);
    await migrateObjects(admin, sql.name);
    expect(await failing()).toEqual([]);
  });

  it('finds private files that others can read, and keys that do not belong together', async () => {
    for (const [name, file] of [
      ['key-encryption keys', kek],
      ['signing keys', keys.logKey],
      ['signing keys', keys.certificateKey],
    ] as const) {
      chmodSync(file, 0o644);
      expect(await failed(name)).toContain('others can read it');
      chmodSync(file, 0o600);
    }
    const swapped = { LETHE_LOG_KEY_FILE: keys.certificateKey };
    expect(await failed('signing keys', swapped)).toContain('not in the list as a log key');
    chmodSync(credentials, 0o644);
    expect(await failed('logins')).toContain('others can read it');
    chmodSync(credentials, 0o600);
  });

  it('finds a search attribute that is missing', async () => {
    const { operatorService } = engine.connection;
    const { namespace } = engine;
    await operatorService.removeSearchAttributes({ namespace, searchAttributes: ['LetheBand'] });
    expect(await failed('search attributes')).toContain('LetheBand');
  });

  it('finds a clock that is off, in either direction', async () => {
    const session = new Session(env());
    const off = await examine(session, () => Date.now() + 3_600_000);
    await session.close();
    const clock = off.find(({ name }) => name.startsWith('SQL clock ('));
    expect(clock).toMatchObject({
      state: 'fail',
      found: expect.stringContaining('-36') as unknown,
    });
    expect(judgeClock(1_000_000, 0, 10)).toMatchObject({ state: 'fail' });
    expect(judgeClock(10_000, 0, 10)).toMatchObject({ state: 'warn' });
    expect(judgeClock(5, 0, 10)).toEqual({ state: 'ok', found: '0.0 s ahead of this machine' });
  });

  it('skips what this machine has no address or login for, and goes on', async () => {
    const all = await checks({
      ...{ LETHE_S3_ADMIN_ACCESS_KEY: '', LETHE_KEK_FILE: '', LETHE_LOG_KEY_FILE: '' },
      LETHE_MONGO_URL: '',
    });
    expect(inState(all, 'skipped')).toEqual(
      expect.arrayContaining([
        ...['key-encryption keys', 'signing keys', 'document server'],
        `bucket ${sql.name}-evidence`,
      ]),
    );
    const bare = await checks({ LETHE_CREDENTIALS_FILE: '' });
    expect(inState(bare, 'skipped')).toContain('logins');
    const away = await checks({ LETHE_TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect(inState(away, 'fail')).toContain('workflow engine');
  });

  it('shows a table for people, with what to do', async () => {
    const { stdout } = await runIn(env(), ['doctor']);
    expect(stdout).toMatch(/ok +logins/);
    expect(stdout).toContain('What to do');
  });
});

describe('comparing grants', () => {
  const line = (right: string): string => `GRANT ${right} TO 'x'@'%'`;

  it('sees through the order and the grouping of the server', () => {
    const wanted = [line('SELECT ON `a`.`b`'), line('INSERT ON `a`.`b`')];
    const shown = [
      line('USAGE ON *.*').concat(" IDENTIFIED BY PASSWORD '*1'"),
      line('INSERT, SELECT ON `a`.`b`'),
    ];
    expect(compareGrants(wanted, shown)).toEqual({ missing: [], extra: [] });
  });

  it.each([
    ['a wildcard in the name', line('SELECT ON `a_b`.*'), 'SELECT ON a_b.*'],
    ['the right to pass it on', `${line('USAGE ON *.*')} WITH GRANT OPTION`, 'GRANT OPTION ON *.*'],
    ['a role', "GRANT `r`@`%` TO 'x'@'%'", 'GRANT `r`@`%` … (not understood)'],
    ['everything', line('ALL PRIVILEGES ON *.*'), 'ALL PRIVILEGES ON *.*'],
    ['a column', line('UPDATE (c, d) ON `a`.`b`'), 'UPDATE (c, d) ON a.b'],
  ])('counts %s as too much', (...[, shown, extra]) => {
    expect(compareGrants([line('SELECT ON `a\\_b`.*')], [shown]).extra).toEqual([extra]);
  });
});
