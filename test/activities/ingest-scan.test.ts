import type { ScanPorts } from '../../src/activities/ingest/ports';
import type { Observation } from '../../src/contracts/observations';
import { LetheError } from '../../src/domain/errors';
import { account, assetId, host, port, seen, planEnd, type IngestHarness } from '../support/ingest';
import { createScanBench, type Scan, type ScanBench } from '../support/scans';

let bench: ScanBench;
let harness: IngestHarness;

beforeAll(async () => {
  bench = await createScanBench();
  ({ harness } = bench);
});
afterAll(() => bench.remove());

const run: ScanBench['run'] = (...given) => bench.run(...given);
const tenantWithHost: ScanBench['tenantWithHost'] = (...given) => bench.tenantWithHost(...given);
const stage: ScanBench['stage'] = (...given) => bench.stage(...given);
const stagedReport: ScanBench['stagedReport'] = (...given) => bench.stagedReport(...given);
const orderReport: ScanBench['orderReport'] = (...given) => bench.orderReport(...given);
const resultOf: ScanBench['resultOf'] = (...given) => bench.resultOf(...given);

const refusalsOf: ScanBench['refusalsOf'] = (...given) => bench.refusalsOf(...given);

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
