import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { MongoClient } from 'mongodb';
import { runCli } from '../../src/cli/run-cli';
import { loadConfig } from '../../src/platform/config';
import { openStores, type Stores } from '../../src/platform/connections';
import { readCredentials } from '../../src/platform/credentials';
import { SEARCH_ATTRIBUTES } from '../../src/contracts/search-attributes';
import { createSqlEnvironment } from '../support/environment';

const environment = `t${randomBytes(4).toString('hex')}-sim`;
const prefix = environment.replace('-', '_');
const folder = mkdtempSync(join(tmpdir(), 'lethe-migrate-'));
const variables = (over: Readonly<Record<string, string>> = {}) => ({
  ...process.env,
  LETHE_ENVIRONMENT: environment,
  LETHE_CREDENTIALS_FILE: join(folder, 'credentials.json'),
  LETHE_KEK_FILE: join(folder, 'kek.json'),
  LETHE_TEMPORAL_NAMESPACE: '',
  ...over,
});

async function migrate(
  flags: readonly string[],
  over: Readonly<Record<string, string>> = {},
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const out = { stdout: '', stderr: '' };
  const exitCode = await runCli(['migrate', ...flags], {
    stdout: (text) => {
      out.stdout += text;
    },
    stderr: (text) => {
      out.stderr += text;
    },
    read: () => '',
    env: variables(over),
  });
  return { exitCode, ...out };
}

const config = () => loadConfig(variables());
const stores = (): Stores =>
  openStores(config(), readCredentials(join(folder, 'credentials.json')));

async function databases(): Promise<readonly string[]> {
  const other = await createSqlEnvironment();
  try {
    const rows = await other
      .pool('root')
      .query(
        'SELECT schema_name AS name FROM information_schema.schemata WHERE schema_name LIKE ?',
        [`${prefix.replaceAll('_', '\\_')}\\_%`],
      );
    return rows.map((row) => String(row['name'])).sort();
  } finally {
    await other.remove();
  }
}

afterAll(async () => {
  await migrate(['--remove', '--confirm', environment]);
  rmSync(folder, { recursive: true });
});

describe('lethe migrate', () => {
  it('makes the whole environment and shows no secret', async () => {
    const { exitCode, stdout, stderr } = await migrate(['--simulation', '--json']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      environment,
      clock: 'simulated',
      namespace: environment,
      objectAccounts: 'made',
      kekFile: 'made',
    });
    const written = readFileSync(join(folder, 'credentials.json'), 'utf8');
    const secrets = [...written.matchAll(/"(?:password|secretKey)": "([^"]+)"/g)];
    expect(secrets.length).toBeGreaterThan(15);
    for (const [, secret = ''] of secrets) expect(stdout).not.toContain(secret);
    expect(await databases()).toEqual(
      ['assets', 'configuration', 'control', 'evidence', 'keys'].map((name) => `${prefix}_${name}`),
    );
  });

  it('leaves files that only their owner reads', () => {
    for (const name of ['credentials.json', 'kek.json']) {
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    }
  });

  it('makes logins with which every store answers', async () => {
    const opened = stores();
    try {
      const [row] = await opened.sql('reader', 'control').query('SELECT lethe_now() AS now');
      expect(String(row?.['now'])).toMatch(/^\d{4}-/);
      await opened.sql('simulator', 'control').query('SELECT * FROM simulation_clock');
      const documents = (await opened.mongo('archiver')).db(`${prefix}_assets`);
      const indexes = await documents.collection('images').indexes();
      expect(indexes.map(({ name }) => name)).toContain('tenant_asset_id');
      expect(await opened.mongo('archiver')).toBe(await opened.mongo('archiver'));
      expect(await opened.objects('verifier').bucketExists(opened.buckets.archive)).toBe(true);
      await expect(
        opened.objects('verifier').putObject(opened.buckets.archive, 'tn/x', Buffer.from('x')),
      ).rejects.toMatchObject({ code: 'AccessDenied' });
    } finally {
      await opened.close();
    }
    await expect(opened.mongo('archiver')).rejects.toThrow(/closed/);
  });

  it('makes the namespace with its search attributes', async () => {
    const connection = await Connection.connect({ address: config().temporal.address });
    try {
      const known = await connection.operatorService.listSearchAttributes({
        namespace: environment,
      });
      expect(Object.keys(known.customAttributes)).toEqual(
        expect.arrayContaining(Object.keys(SEARCH_ATTRIBUTES)),
      );
    } finally {
      await connection.close();
    }
  });

  it('keeps passwords, keys and data when it runs again', async () => {
    const before = ['credentials.json', 'kek.json'].map((name) =>
      readFileSync(join(folder, name), 'utf8'),
    );
    const opened = stores();
    await opened
      .sql('stager', 'control')
      .execute(
        `INSERT INTO staging VALUES ('st_1', 'tn_1', 'd', 'body', lethe_now(), 'host-report')`,
      );
    const { exitCode, stdout } = await migrate(['--simulation', '--json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ kekFile: 'kept' });
    const after = ['credentials.json', 'kek.json'].map((name) =>
      readFileSync(join(folder, name), 'utf8'),
    );
    expect(after).toEqual(before);
    const rows = await opened.sql('control', 'control').query('SELECT COUNT(*) AS n FROM staging');
    expect(Number(rows[0]?.['n'])).toBe(1);
    await opened.close();
  });

  it('says what it does, step by step, to a person', async () => {
    const { exitCode, stdout, stderr } = await migrate(['--simulation', '--keep-object-accounts']);
    expect(exitCode).toBe(0);
    expect(stderr.split('\n').length).toBeGreaterThan(4);
    expect(stdout).toContain('clock');
    expect(stdout).toMatch(/object accounts +kept/);
  });

  it('never turns one kind of clock into the other', async () => {
    const { exitCode, stderr } = await migrate([]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('ENVIRONMENT_MISMATCH');
  });

  it('is completed by the next run when it was interrupted between a change and its record', async () => {
    const opened = stores();
    const root = await createSqlEnvironment();
    const sql = root.pool('root');
    const last = `SELECT name, MAX(step) AS step FROM \`${prefix}_control\`.migration_steps WHERE name = 'control/0002-facts' GROUP BY name`;
    const [row] = await sql.query(last);
    await sql.execute(
      `DELETE FROM \`${prefix}_control\`.migrations WHERE name = 'control/0002-facts'`,
    );
    await sql.execute(
      `DELETE FROM \`${prefix}_control\`.migration_steps WHERE name = 'control/0002-facts' AND step = ?`,
      [Number(row?.['step'])],
    );
    expect((await migrate(['--simulation'])).exitCode).toBe(0);
    // Without any record of a beginning, a table that is there is somebody else's.
    await sql.execute(
      `DELETE FROM \`${prefix}_control\`.migrations WHERE name = 'control/0002-facts'`,
    );
    await sql.execute(
      `DELETE FROM \`${prefix}_control\`.migration_steps WHERE name = 'control/0002-facts'`,
    );
    expect((await migrate(['--simulation'])).exitCode).toBe(1);
    await opened.close();
    await root.remove();
  });

  it('replaces no credentials file that it cannot read', async () => {
    const file = join(folder, 'damaged.json');
    writeFileSync(file, '{', { mode: 0o600 });
    const { exitCode, stderr } = await migrate(['--simulation'], { LETHE_CREDENTIALS_FILE: file });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('LETHE_CREDENTIALS_FILE');
    expect(readFileSync(file, 'utf8')).toBe('{');
  });

  it('names the administrator of a server that refuses it', async () => {
    const { exitCode, stderr } = await migrate(['--simulation'], {
      LETHE_MYSQL_ADMIN_PASSWORD: 'wrong',
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('ACCESS_DENIED');
    expect(stderr).toContain('LETHE_MYSQL_ADMIN_PASSWORD');
  });

  it('removes all of it, also what is locked, and can do so twice', async () => {
    const opened = stores();
    const archiver = opened.objects('archiver');
    const name = 'tn_migrate0000000001/x';
    await archiver.putObject(opened.buckets.archive, name, Buffer.from('sealed'));
    const documents = (await opened.mongo('collector')).db(`${prefix}_assets`);
    await documents.collection('images').insertOne({ tenantId: 'tn_1', assetId: 'as_1' });
    await opened.close();
    for (let round = 0; round < 2; round += 1) {
      const { exitCode, stderr } = await migrate(['--remove', '--confirm', environment, '--json']);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    }
    expect(await databases()).toEqual([]);
    const client = await MongoClient.connect(process.env['LETHE_MONGO_URL'] ?? '');
    const { databases: left } = await client.db('admin').admin().listDatabases();
    await client.close();
    expect(left.filter((database) => database.name.startsWith(prefix))).toEqual([]);
  });
});

describe('lethe migrate with a server of its own for the keys', () => {
  const name = `t${randomBytes(4).toString('hex')}`;
  const keysUrl = (): string => {
    const admin = `${process.env['LETHE_MYSQL_ADMIN_USER'] ?? 'root'}:${process.env['LETHE_MYSQL_ADMIN_PASSWORD'] ?? ''}`;
    // The same server under another name: to the migrator it is another one.
    return `mysql://${admin}@localhost:${process.env['LETHE_MYSQL_PORT'] ?? ''}`;
  };
  const own = () => ({
    LETHE_ENVIRONMENT: name,
    LETHE_CREDENTIALS_FILE: join(folder, 'split.json'),
    LETHE_KEYS_MYSQL_URL: keysUrl(),
  });
  afterAll(async () => {
    await migrate(['--remove', '--confirm', name], own());
  });

  it('makes each database where it lives, and one login for all of a role', async () => {
    for (let round = 0; round < 2; round += 1) {
      const { exitCode, stderr } = await migrate(['--json'], own());
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    }
    const opened = openStores(
      loadConfig(variables(own())),
      readCredentials(own().LETHE_CREDENTIALS_FILE),
    );
    try {
      await opened.sql('control', 'control').query('SELECT COUNT(*) FROM tenants');
      await opened.sql('control', 'keys').query('SELECT COUNT(*) FROM key_epochs');
      for (const database of ['control', 'keys']) {
        const reader = database === 'control' ? 'control' : 'verifier';
        const rows = await opened
          .sql(reader, 'control')
          .query(
            `SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = ? AND table_name = 'migrations'`,
            [`${name}_${database}`],
          );
        // Each server keeps its own record.
        expect(Number(rows[0]?.['n'])).toBe(1);
      }
    } finally {
      await opened.close();
    }
  });
});
