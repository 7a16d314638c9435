import { createHash } from 'node:crypto';
import { createScanActivities } from '../../src/activities/ingest';
import type { RegistryReading, ScanPorts } from '../../src/activities/ingest/ports';
import type { Observation } from '../../src/contracts/observations';
import { LetheError } from '../../src/domain/errors';
import {
  account,
  assetId,
  createIngestHarness,
  host,
  image,
  port,
  seen,
  type IngestHarness,
  planEnd,
} from '../support/ingest';

let harness: IngestHarness;

beforeAll(async () => {
  harness = await createIngestHarness({ simulation: true });
});
afterAll(() => harness.remove());

type Scan = { readonly tenantId: string; readonly scanId: string };
type Report = Omit<Observation, 'tenantId' | 'scanId'>;

const parseReport: ScanPorts['parseReport'] = (bytes, scan) => ({
  ...(JSON.parse(bytes.toString('utf8')) as Report),
  ...scan,
});
const ports = (given: Partial<ScanPorts> = {}): ScanPorts => ({
  ...harness.ports,
  parseReport,
  observeRegistry: () => Promise.reject(new Error('not part of this scan')),
  ...given,
});
const run = (scan: Scan, given: Partial<ScanPorts> = {}) =>
  createScanActivities(ports(given)).runScan(scan);

async function tenantWithHost(): Promise<string> {
  const tenantId = await harness.control.subscribed('CVM');
  await harness.control.links.link({
    tenantId,
    assetId: assetId(1),
    services: ['CVM'],
    linkedAt: await harness.now(),
  });
  return tenantId;
}

let staged = 0;
/** Puts a body into staging as the stager's login does. */
async function stage(
  tenantId: string,
  body: Buffer,
): Promise<{ stagingId: string; digest: string }> {
  const stagingId = `st_${String((staged += 1)).padStart(16, '0')}`;
  const digest = createHash('sha256').update(body).digest('hex');
  await harness.environment
    .pool('stager')
    .execute("INSERT INTO staging VALUES (?, ?, ?, ?, lethe_now(), 'host-report')", [
      stagingId,
      tenantId,
      digest,
      body,
    ]);
  return { stagingId, digest };
}

async function stagedReport(tenantId: string, ...assets: Observation['assets']) {
  const report = { source: 'host-report', observedAt: await harness.now(), assets };
  await harness.advance(1);
  return stage(tenantId, Buffer.from(JSON.stringify(report)));
}

async function order(
  tenantId: string,
  body: Parameters<typeof harness.control.send<'requestScan'>>[2],
): Promise<Scan> {
  const accepted = await harness.control.send(tenantId, 'requestScan', body);
  return { tenantId, scanId: String(accepted.receipt.result['scanId']) };
}

const orderReport = (tenantId: string, report: { stagingId: string; digest: string }) =>
  order(tenantId, { source: 'host-report', report });

async function resultOf(scan: Scan): Promise<{ outcome: string; counts: object } | null> {
  const [row] = await harness.ports.control.query(
    'SELECT CAST(outcome AS CHAR) AS outcome, counts FROM scan_results WHERE tenant_id = ? AND scan_id = ?',
    [scan.tenantId, scan.scanId],
  );
  if (row === undefined) return null;
  return { outcome: String(row['outcome']), counts: JSON.parse(String(row['counts'])) as object };
}

async function refusalsOf(tenantId: string): Promise<string[]> {
  const rows = await harness.environment
    .pool('control')
    .query('SELECT CAST(reason AS CHAR) AS reason FROM refused_observations WHERE tenant_id = ?', [
      tenantId,
    ]);
  return rows.map((row) => String(row['reason']));
}

const stagedBodies = async (tenantId: string): Promise<number> => {
  const rows = await harness.environment
    .pool('control')
    .query('SELECT COUNT(*) AS n FROM staging WHERE tenant_id = ?', [tenantId]);
  return Number(rows[0]?.['n']);
};

describe('the scan of a host report', () => {
  it('stores it, records the counts and erases the delivered body [DC-1]', async () => {
    const tenantId = await tenantWithHost();
    const scan = await orderReport(tenantId, await stagedReport(tenantId, host([port(22)])));
    expect(await run(scan)).toMatchObject({ done: true, blockedOn: null, counts: { versions: 2 } });
    expect(await resultOf(scan)).toEqual({
      outcome: 'complete',
      counts: {
        assets: 1,
        redacted: 0,
        refusedAssets: 0,
        records: 2,
        versions: 2,
        vanished: 0,
        'kind:asset': 1,
        'kind:port': 1,
      },
    });
    expect(await stagedBodies(tenantId)).toBe(0);
    expect((await harness.live(tenantId))['scans']).toMatchObject([{ scan_id: scan.scanId }]);
    const snapshot = await harness.control.activities.refresh({ tenantId, workflowNow: '' });
    expect(snapshot).toMatchObject({ stage: 'active', work: [], counters: { scans: 1 } });
  });

  it('answers a repetition from its record, without the body and without writing', async () => {
    const tenantId = await tenantWithHost();
    const scan = await orderReport(tenantId, await stagedReport(tenantId, host([port(22)])));
    const first = await run(scan);
    const once = await harness.live(tenantId);
    expect(await run(scan)).toEqual(first);
    expect(await harness.live(tenantId)).toEqual(once);
  });

  it('erases the body on the next try when it crashed after the result was on record', async () => {
    const tenantId = await tenantWithHost();
    const scan = await orderReport(tenantId, await stagedReport(tenantId, host([port(22)])));
    const execute: ScanPorts['control']['execute'] = (statement, params) =>
      statement.includes('erase_staged_report')
        ? Promise.reject(new LetheError('STORE_UNAVAILABLE', 'gone'))
        : harness.ports.control.execute(statement, params);
    await expect(
      run(scan, { control: { ...harness.ports.control, execute } }),
    ).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect([await stagedBodies(tenantId), (await resultOf(scan))?.outcome]).toEqual([
      1,
      'complete',
    ]);
    expect(await run(scan)).toMatchObject({ done: true });
    expect(await stagedBodies(tenantId)).toBe(0);
  });

  it('has one result and one set of rows when it runs twice at the same time', async () => {
    const tenantId = await tenantWithHost();
    const report = await stagedReport(tenantId, host([port(22), account('root')]));
    const scan = await orderReport(tenantId, report);
    const answers = await Promise.all([run(scan), run(scan), run(scan)]);
    expect(answers.some((answer) => answer.done)).toBe(true);
    for (const { done, blockedOn } of answers) expect(done || blockedOn === 'writers').toBe(true);
    expect(await run(scan)).toMatchObject({ done: true, counts: { versions: 3 } });
    const state = await harness.live(tenantId);
    expect([state['scans']?.length, state['fingerprints']?.length]).toEqual([1, 2]);
    expect(await refusalsOf(tenantId)).toEqual([]);
  });

  it.each<[string, string, () => Promise<Scan>]>([
    [
      'a body that is no report',
      'INVALID_INPUT',
      async () => {
        const tenantId = await tenantWithHost();
        return orderReport(tenantId, await stage(tenantId, Buffer.from('{')));
      },
    ],
    [
      'a body that is not the one that was ordered',
      'DIGEST_MISMATCH',
      async () => {
        const tenantId = await tenantWithHost();
        const report = await stagedReport(tenantId, host([port(22)]));
        return orderReport(tenantId, { ...report, digest: '0'.repeat(64) });
      },
    ],
    [
      'a body that is not there any more',
      'INVALID_INPUT',
      async () =>
        orderReport(await tenantWithHost(), {
          stagingId: 'st_nobody0000000000',
          digest: '0'.repeat(64),
        }),
    ],
  ])('fails for good on %s', async (_, code, given) => {
    const scan = await given();
    const before = await harness.count(scan.tenantId);
    expect(await run(scan)).toMatchObject({ done: true, counts: { failed: 1 } });
    expect(await resultOf(scan)).toEqual({ outcome: 'failed', counts: { code } });
    expect(await harness.count(scan.tenantId)).toBe(before);
    expect(await refusalsOf(scan.tenantId)).toEqual([]);
  });

  it("neither reads nor erases another tenant's body", async () => {
    const victim = await tenantWithHost();
    const report = await stagedReport(victim, host([port(22)]));
    const scan = await orderReport(await tenantWithHost(), report);
    expect(await run(scan)).toMatchObject({ done: true, counts: { failed: 1 } });
    expect(await stagedBodies(victim)).toBe(1);
  });

  it('fails for good when what was parsed speaks of another scan or tenant', async () => {
    const tenantId = await tenantWithHost();
    const other = await tenantWithHost();
    const scan = await orderReport(tenantId, await stagedReport(tenantId, host([port(22)])));
    const before = await harness.count(other);
    const foreign = (): Observation => seen(other, { number: 1 }, host([port(22)]));
    expect(await run(scan, { parseReport: foreign })).toMatchObject({ counts: { failed: 1 } });
    expect(await harness.count(other)).toBe(before);
  });

  it('is stored as late data until the end is planned [AB-2]', async () => {
    const tenantId = await tenantWithHost();
    const scan = await orderReport(tenantId, await stagedReport(tenantId, host([port(22)])));
    await harness.control.send(tenantId, 'endService', { service: 'CVM' });
    expect(await run(scan)).toMatchObject({ done: true, counts: { assets: 1 } });
  });

  it('ends refused behind the fence, is counted, and its body is erased [AB-2]', async () => {
    const tenantId = await tenantWithHost();
    const scan = await orderReport(tenantId, await stagedReport(tenantId, host([port(22)])));
    const ended = await harness.control.send(tenantId, 'endService', { service: 'CVM' });
    await planEnd(harness, tenantId, ended);
    expect(await run(scan)).toMatchObject({ done: true, counts: { refused: 1 } });
    expect(await resultOf(scan)).toEqual({
      outcome: 'refused',
      counts: { code: 'OBSERVATION_REFUSED' },
    });
    expect(await refusalsOf(tenantId)).toEqual(['OBSERVATION_REFUSED']);
    expect(await stagedBodies(tenantId)).toBe(0);
    const snapshot = await harness.control.activities.refresh({ tenantId, workflowNow: '' });
    expect(snapshot.counters).toMatchObject({ refusedObservations: 1, scans: 0 });
  });

  it('is complete when some of its assets were refused, and says so [HS-1]', async () => {
    const tenantId = await tenantWithHost();
    const report = await stagedReport(
      tenantId,
      host([port(22)]),
      host([], { assetId: assetId(2) }),
    );
    const scan = await orderReport(tenantId, report);
    expect(await run(scan)).toMatchObject({ counts: { assets: 1, refusedAssets: 1 } });
    expect((await resultOf(scan))?.outcome).toBe('complete');
    expect(await refusalsOf(tenantId)).toEqual(['ASSET_WITHOUT_LINK']);
  });

  it('tries again while a store is away, and records nothing until then', async () => {
    const tenantId = await tenantWithHost();
    const scan = await orderReport(tenantId, await stagedReport(tenantId, host([port(22)])));
    const away = () => Promise.reject(new LetheError('STORE_UNAVAILABLE', 'away'));
    const assets = { ...harness.ports.assets, execute: away };
    await expect(run(scan, { assets })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await resultOf(scan)).toBeNull();
    expect(await stagedBodies(tenantId)).toBe(1);
    expect(await run(scan)).toMatchObject({ done: true, counts: { versions: 2 } });
  });

  it('is refused to a tenant that did not order it', async () => {
    const tenantId = await tenantWithHost();
    const scan = await orderReport(tenantId, await stagedReport(tenantId, host([port(22)])));
    const other = await tenantWithHost();
    await expect(run({ tenantId: other, scanId: scan.scanId })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
    await expect(run({ tenantId: '', scanId: scan.scanId })).rejects.toMatchObject({
      code: 'INVALID_TENANT_ID',
    });
    expect(await resultOf(scan)).toBeNull();
  });
});

describe('the scan of a registry', () => {
  const REPOSITORY = { registry: 'https://registry.test:5000', repository: 'team/app' };

  async function sharing(): Promise<string> {
    const tenantId = await tenantWithHost();
    const validUntil = new Date(Date.parse(await harness.now()) + 86_400_000).toISOString();
    const grant = { registry: 'registry.test:5000', repositories: ['team/*'], validUntil };
    await harness.control.send(tenantId, 'grantSharing', {
      ...(await harness.control.stage(tenantId, grant)),
      authorizationId: `grant-${tenantId}`,
    });
    return tenantId;
  }

  const revoke = (tenantId: string) =>
    harness.control.send(tenantId, 'revokeSharing', { authorizationId: `grant-${tenantId}` });
  const orderRepository = async (tenantId: string): Promise<Scan> =>
    order(tenantId, { ...(await harness.control.stage(tenantId, REPOSITORY)), source: 'registry' });

  const observed = ({ tenantId, scanId, observedAt }: RegistryReading): Observation => ({
    tenantId,
    scanId,
    source: 'registry',
    observedAt,
    assets: [host([image('sha256:1')], { assetKind: 'image-repository', links: { to: 'all' } })],
  });

  it('stores what was read, as seen when the reading began by the database [DC-2]', async () => {
    const tenantId = await sharing();
    const scan = await orderRepository(tenantId);
    let reading: RegistryReading | undefined;
    const observeRegistry: ScanPorts['observeRegistry'] = async (given) => {
      reading = given;
      expect(await given.stillAuthorized()).toBe(true);
      return observed(given);
    };
    expect(await run(scan, { observeRegistry })).toMatchObject({ done: true });
    expect(reading).toMatchObject({ ...scan, ...REPOSITORY });
    expect((await harness.live(tenantId))['images']).toMatchObject([
      { observedAt: reading?.observedAt },
    ]);
    expect((await resultOf(scan))?.outcome).toBe('complete');
  });

  it('reads nothing without a valid authorization [SH-1]', async () => {
    const tenantId = await sharing();
    const scan = await orderRepository(tenantId);
    await revoke(tenantId);
    // The port of this suite fails when it is called.
    expect(await run(scan)).toMatchObject({ done: true, counts: { refused: 1 } });
    expect(await refusalsOf(tenantId)).toEqual(['AUTHORIZATION_REQUIRED']);
  });

  it('stops reading when the authorization is revoked, and stores nothing of it [SH-1]', async () => {
    const tenantId = await sharing();
    const before = await harness.count(tenantId);
    const scan = await orderRepository(tenantId);
    const observeRegistry: ScanPorts['observeRegistry'] = async (reading, signal) => {
      await revoke(tenantId);
      for (let poll = 0; poll < 1000 && !signal.aborted; poll += 1) await reading.stillAuthorized();
      expect(signal.aborted).toBe(true);
      return observed(reading);
    };
    expect(await run(scan, { observeRegistry, pause: () => Promise.resolve() })).toMatchObject({
      counts: { refused: 1 },
    });
    expect(await resultOf(scan)).toMatchObject({ counts: { code: 'AUTHORIZATION_REQUIRED' } });
    expect(await harness.count(tenantId)).toBe(before);
  });

  it('stores nothing when the authorization ended at the last moment [SH-1]', async () => {
    const tenantId = await sharing();
    const before = await harness.count(tenantId);
    const scan = await orderRepository(tenantId);
    const observeRegistry: ScanPorts['observeRegistry'] = async (reading) => {
      await harness.advance(86_401);
      return observed(reading);
    };
    expect(await run(scan, { observeRegistry })).toMatchObject({ counts: { refused: 1 } });
    expect(await harness.count(tenantId)).toBe(before);
  });

  it('tries a registry that is away again for a while, and then ends on record', async () => {
    const tenantId = await sharing();
    const scan = await orderRepository(tenantId);
    const observeRegistry = () =>
      Promise.reject(new LetheError('STORE_UNAVAILABLE', 'the registry is away'));
    await expect(run(scan, { observeRegistry })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(await resultOf(scan)).toBeNull();
    await harness.advance(901);
    expect(await run(scan, { observeRegistry })).toMatchObject({ done: true });
    expect(await resultOf(scan)).toEqual({
      outcome: 'failed',
      counts: { code: 'STORE_UNAVAILABLE' },
    });
  });

  it.each(['STORE_REFUSED', 'ACCESS_DENIED', 'DIGEST_MISMATCH'] as const)(
    'ends on record when the registry cannot be used: %s',
    async (code) => {
      const scan = await orderRepository(await sharing());
      const observeRegistry = () => Promise.reject(new LetheError(code, 'no'));
      expect(await run(scan, { observeRegistry })).toMatchObject({ done: true });
      expect(await resultOf(scan)).toEqual({ outcome: 'failed', counts: { code } });
    },
  );
});
