import { createHash } from 'node:crypto';
import { createBodyStaging } from '../../src/activities/staging/body-staging';
import { createStagingWriter } from '../../src/activities/staging/staging-writer';
import type { SqlPool } from '../../src/contracts/sql';
import { createControlHarness } from '../support/control';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';

const CONFIGURATION_BYTES_MAX = 16 * 1024 * 1024;
const REPORT_BYTES_MAX = 48 * 1024 * 1024;
const TENANT = 'tn_staging0000000001';
let environment: SqlEnvironment;
let stager: SqlPool;
let root: SqlPool;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  stager = environment.pool('stager');
  root = environment.pool('root');
});
afterAll(() => environment.remove());

describe('staging a body', () => {
  it('keeps the canonical bytes under their digest, whatever the order of the fields', async () => {
    const writer = createBodyStaging(stager).configuration;
    const first = await writer.stage(TENANT, { b: [1, 'ü'], a: null });
    const second = await writer.stage(TENANT, { a: null, b: [1, 'ü'] });
    expect(first.digest).toBe(second.digest);
    expect(first.stagingId).toMatch(/^st_[0-9a-f]{32}$/);
    expect(second.stagingId).not.toBe(first.stagingId);
    const [row] = await root.query(
      'SELECT tenant_id, body, digest FROM staging WHERE staging_id = ?',
      [first.stagingId],
    );
    const body = row?.['body'] as Buffer;
    expect(body.toString('utf8')).toBe('{"a":null,"b":[1,"ü"]}');
    expect(String(row?.['tenant_id'])).toBe(TENANT);
    expect(createHash('sha256').update(body).digest('hex')).toBe(first.digest);
    expect(String(row?.['digest'])).toBe(first.digest);
  });

  it("dates it by the database's clock, so that what nobody accepts is erased after a day [ST-2]", async () => {
    const { stagingId } = await createBodyStaging(stager).configuration.stage(TENANT, {});
    const [row] = await root.query(
      'SELECT staged_at BETWEEN lethe_now() - INTERVAL 1 MINUTE AND lethe_now() AS fresh FROM staging WHERE staging_id = ?',
      [stagingId],
    );
    expect(Number(row?.['fresh'])).toBe(1);
  });

  it('cannot be read back, listed or removed with the login that staged it', async () => {
    for (const statement of ['SELECT * FROM staging', 'DELETE FROM staging WHERE 1 = 0']) {
      await expect(stager.execute(statement)).rejects.toThrow(/DENIED/);
    }
  });

  it('takes a host report of the largest size, and refuses one byte more of a configuration', async () => {
    const reports = createStagingWriter(stager, 'host-report');
    const { stagingId } = await reports.stage(TENANT, 'x'.repeat(REPORT_BYTES_MAX - 2));
    const [row] = await root.query('SELECT LENGTH(body) AS n FROM staging WHERE staging_id = ?', [
      stagingId,
    ]);
    expect(Number(row?.['n'])).toBe(REPORT_BYTES_MAX);
    const tooLong = 'x'.repeat(CONFIGURATION_BYTES_MAX - 1);
    await expect(
      createBodyStaging(stager).configuration.stage(TENANT, tooLong),
    ).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      field: 'body',
    });
  });

  it.each([
    ['nothing', undefined],
    ['a number that is none', { a: NaN }],
    ['a function', () => 0],
  ])('refuses %s, and stages nothing', async (...[, body]) => {
    const count = async (): Promise<number> =>
      Number((await root.query('SELECT COUNT(*) AS n FROM staging'))[0]?.['n']);
    const before = await count();
    await expect(createBodyStaging(stager).configuration.stage(TENANT, body)).rejects.toMatchObject(
      {
        code: 'INVALID_INPUT',
        field: 'body',
      },
    );
    expect(await count()).toBe(before);
  });

  it('refuses a body of nobody', async () => {
    await expect(createBodyStaging(stager).configuration.stage('', {})).rejects.toMatchObject({
      code: 'INVALID_TENANT_ID',
    });
  });
});

describe('what waits in staging is taken', () => {
  const taken = async (
    role: 'collector' | 'console',
    place: 'staged_report' | 'staged_configuration',
    [tenantId, stagingId]: readonly [string, string],
  ): Promise<string | null> => {
    const statement = `SELECT ${place}(?, ?) AS body`;
    const [row] = await environment.pool(role).query(statement, [tenantId, stagingId]);
    return (row?.['body'] as Buffer | null)?.toString('utf8') ?? null;
  };

  it('by who collects when it is a report of the named tenant, and not when it is configuration [PU-1]', async () => {
    const { configuration, grounds } = createBodyStaging(stager);
    const reports = createStagingWriter(stager, 'host-report');
    const report = await reports.stage(TENANT, { host: 'a' });
    const take = (stagingId: string, tenantId = TENANT): Promise<string | null> =>
      taken('collector', 'staged_report', [tenantId, stagingId]);
    expect(await take(report.stagingId)).toBe('{"host":"a"}');
    expect(await take(report.stagingId, 'tn_staging0000000002')).toBeNull();
    for (const writer of [configuration, grounds]) {
      expect(await take((await writer.stage(TENANT, { a: 1 })).stagingId)).toBeNull();
    }
  });

  it('by the console when it is configuration of the named tenant, and not when it is a report [PU-1]', async () => {
    const { configuration, grounds } = createBodyStaging(stager);
    const reports = createStagingWriter(stager, 'host-report');
    const change = await configuration.stage(TENANT, { a: 1 });
    const take = (stagingId: string, tenantId = TENANT): Promise<string | null> =>
      taken('console', 'staged_configuration', [tenantId, stagingId]);
    expect(await take(change.stagingId)).toBe('{"a":1}');
    expect(await take(change.stagingId, 'tn_staging0000000002')).toBeNull();
    for (const writer of [reports, grounds]) {
      expect(await take((await writer.stage(TENANT, { a: 1 })).stagingId)).toBeNull();
    }
  });

  it.each(['collector', 'console'] as const)(
    'and read in no other way: login %s can neither list staging nor use the function of the other [PU-1]',
    async (role) => {
      const other = role === 'collector' ? 'staged_configuration' : 'staged_report';
      const pool = environment.pool(role);
      for (const statement of ['SELECT body FROM staging', `SELECT ${other}('a', 'b')`]) {
        await expect(pool.query(statement)).rejects.toThrow(/DENIED/);
      }
      await expect(pool.execute("CALL erase_staging('st_1')")).rejects.toThrow(/DENIED/);
    },
  );

  it('away by who collects only by tenant, id and digest, and only when it is a report [ST-2]', async () => {
    const { configuration } = createBodyStaging(stager);
    const reports = createStagingWriter(stager, 'host-report');
    const isThere = async (stagingId: string): Promise<boolean> =>
      (await root.query('SELECT 1 FROM staging WHERE staging_id = ?', [stagingId])).length === 1;
    const erase = async (...order: readonly string[]): Promise<unknown> =>
      environment.pool('collector').execute('CALL erase_staged_report(?, ?, ?)', order);
    const change = await configuration.stage(TENANT, { a: 1 });
    const report = await reports.stage(TENANT, { host: 'a' });
    await erase(TENANT, change.stagingId, change.digest);
    await erase('tn_staging0000000002', report.stagingId, report.digest);
    await erase(TENANT, report.stagingId, change.digest);
    expect([await isThere(change.stagingId), await isThere(report.stagingId)]).toEqual([
      true,
      true,
    ]);
    await erase(TENANT, report.stagingId, report.digest);
    expect(await isThere(report.stagingId)).toBe(false);
  });
});

describe('a command whose body is staged', () => {
  it('is the same command when its body is staged again, and another one with another body', async () => {
    const harness = createControlHarness(environment);
    const tenantId = await harness.subscribed('CVM');
    const writer = createStagingWriter(stager, 'host-report');
    const order = async (body: unknown) => {
      const report = await writer.stage(tenantId, body);
      return harness.send(tenantId, 'requestScan', { source: 'host-report', report }, 'scan');
    };
    const first = await order({ host: 'a' });
    const again = await order({ host: 'a' });
    expect(again.receipt).toEqual({ ...first.receipt, repeated: true });
    await expect(order({ host: 'b' })).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });
});
