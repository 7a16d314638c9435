import { createHash } from 'node:crypto';
import {
  CONFIGURATION_BYTES_MAX,
  createStagingWriter,
  REPORT_BYTES_MAX,
} from '../../src/activities/staging/staging-writer';
import type { SqlPool } from '../../src/contracts/sql';
import { createControlHarness } from '../support/control';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';

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
    const writer = createStagingWriter(stager);
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
    const { stagingId } = await createStagingWriter(stager).stage(TENANT, {});
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
    const reports = createStagingWriter(stager, { bytesMax: REPORT_BYTES_MAX });
    const { stagingId } = await reports.stage(TENANT, 'x'.repeat(REPORT_BYTES_MAX - 2));
    const [row] = await root.query('SELECT LENGTH(body) AS n FROM staging WHERE staging_id = ?', [
      stagingId,
    ]);
    expect(Number(row?.['n'])).toBe(REPORT_BYTES_MAX);
    const tooLong = 'x'.repeat(CONFIGURATION_BYTES_MAX - 1);
    await expect(createStagingWriter(stager).stage(TENANT, tooLong)).rejects.toMatchObject({
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
    await expect(createStagingWriter(stager).stage(TENANT, body)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      field: 'body',
    });
    expect(await count()).toBe(before);
  });

  it('refuses a body of nobody', async () => {
    await expect(createStagingWriter(stager).stage('', {})).rejects.toMatchObject({
      code: 'INVALID_TENANT_ID',
    });
  });
});

describe('a command whose body is staged', () => {
  it('is the same command when its body is staged again, and another one with another body', async () => {
    const harness = createControlHarness(environment);
    const tenantId = await harness.subscribed('CVM');
    const writer = createStagingWriter(stager);
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
