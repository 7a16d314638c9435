import { createScanActivities } from '../../src/activities/ingest';
import { createControlReader } from '../../src/activities/control/reader';
import type { ScanPorts } from '../../src/activities/ingest/ports';
import { orderDueScans, type OrderPorts } from '../../src/activities/schedule/order-scans';
import {
  cancelScan,
  readScanSchedule,
  setScanSchedule,
} from '../../src/activities/schedule/scan-schedule';
import { createScanKeeper } from '../../src/activities/schedule/scan-keeper';
import { createStagingWriter } from '../../src/activities/staging/staging-writer';
import { connectEngine } from '../../src/client/connect-engine';
import { LifecycleClient, type LifecycleClientOptions } from '../../src/client/lifecycle-client';
import { LetheError } from '../../src/domain/errors';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { NO_CATALOG } from '../support/scans';
import { subscribed } from '../support/tenant-life';

const HOUR_MS = 3_600_000;
let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2032-03-01T01:00:00Z');
});
afterAll(() => engine.remove());

const schedules = () => ({
  control: engine.stores.sql('control', 'control'),
  ledger: engine.parts.ledger,
});
const ports = (over: Partial<OrderPorts> = {}): OrderPorts => ({
  control: engine.stores.sql('control', 'control'),
  staging: createStagingWriter(engine.stores.sql('stager', 'control'), 'configuration'),
  order: async (tenantId, command) =>
    (await engine.activities.acceptCommand({ tenantId, command, workflowNow: '' })).receipt,
  pulse: { beat: () => undefined },
  ...over,
});
const set = (tenantId: string, everyHours: number | null) =>
  setScanSchedule(schedules(), { tenantId, everyHours, setBy: 'operator' });
const pass = async (hours: number): Promise<void> => {
  const at = Date.parse(await engine.now()) + hours * HOUR_MS;
  await engine.setClock(new Date(at).toISOString());
};

/** A tenant in use that shares its repositories and had these scanned. */
async function scanned(...repositories: readonly string[]): Promise<string> {
  const tenantId = await subscribed(engine, 'CVM');
  const validUntil = new Date(Date.parse(await engine.now()) + 90 * 24 * HOUR_MS).toISOString();
  const grant = { registry: 'registry.test', repositories: ['team/*'], validUntil };
  await engine.send(tenantId, 'grantSharing', {
    ...(await engine.stage(tenantId, grant)),
    authorizationId: `grant-${tenantId}`,
  });
  for (const repository of repositories) {
    await engine.send(tenantId, 'requestScan', {
      ...(await engine.stage(tenantId, { registry: 'https://registry.test', repository })),
      source: 'registry',
    });
  }
  await endAll(tenantId);
  return tenantId;
}

const observeRegistry = (): Promise<never> =>
  Promise.reject(new LetheError('STORE_REFUSED', 'no such registry'));
const scanPorts = async (over: Partial<ScanPorts> = {}): Promise<ScanPorts> => ({
  control: engine.stores.sql('collector', 'control'),
  assets: engine.stores.sql('collector', 'assets'),
  documents: await engine.parts.documents('collector'),
  heartbeat: () => undefined,
  pause: () => Promise.resolve(),
  parseReport: () => {
    throw new Error('not part of this scan');
  },
  observeRegistry,
  ...NO_CATALOG,
  ...over,
});
const open = async (tenantId: string): Promise<readonly string[]> =>
  (await engine.snapshot(tenantId)).work.flatMap((item) =>
    item.kind === 'scan' ? [item.scanId] : [],
  );
/** Every scan that waits runs to its end; the registry of these tests knows nothing. */
async function endAll(tenantId: string): Promise<void> {
  const scans = createScanActivities(await scanPorts());
  // A tenant's process carries the next ten only.
  for (let ids = await open(tenantId); ids.length > 0; ids = await open(tenantId)) {
    for (const scanId of ids) await scans.runScan({ tenantId, scanId });
  }
}
const outcomeOf = async (scanId: string) => {
  const [row] = await engine
    .root('control')
    .query('SELECT CAST(outcome AS CHAR) AS outcome FROM scan_results WHERE scan_id = ?', [scanId]);
  return row?.['outcome'];
};

describe('a schedule', () => {
  it('orders a scan of every repository again when its period is over, once, and not before [DC-2]', async () => {
    const tenantId = await scanned('team/app', 'team/other');
    await set(tenantId, 24);
    await pass(23.9);
    expect((await orderDueScans(ports())).tenantsToWake).not.toContain(tenantId);
    await pass(3);
    expect((await orderDueScans(ports())).tenantsToWake).toContain(tenantId);
    expect(await open(tenantId)).toHaveLength(2);
    await pass(48);
    await orderDueScans(ports());
    expect(await open(tenantId)).toHaveLength(2);
    await endAll(tenantId);
    await orderDueScans(ports());
    expect(await open(tenantId)).toHaveLength(2);
    await endAll(tenantId);
    await set(tenantId, null);
  });

  it('says when the next scan is due, and spreads repositories of one time', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `team/app-${index}`);
    const tenantId = await scanned(...names);
    await set(tenantId, 100);
    const began = Date.parse(await engine.now());
    const due: number[] = [];
    for (let turn = 0; turn < names.length; turn += 1) {
      const { nextAt } = await orderDueScans(ports());
      due.push(Date.parse(nextAt ?? '') - began);
      await engine.setClock(new Date(Date.parse(nextAt ?? '') + 1_000).toISOString());
    }
    expect(new Set(due).size).toBe(names.length);
    for (const milliseconds of due) {
      expect(milliseconds).toBeGreaterThan(99.9 * HOUR_MS);
      expect(milliseconds).toBeLessThan(110 * HOUR_MS);
    }
    await orderDueScans(ports());
    expect(await open(tenantId)).toHaveLength(names.length);
    await endAll(tenantId);
    await set(tenantId, null);
  });

  it('that was taken back orders nothing more', async () => {
    const tenantId = await scanned('team/app');
    await set(tenantId, 24);
    await set(tenantId, null);
    await pass(48);
    await orderDueScans(ports());
    expect(await open(tenantId)).toEqual([]);
    expect(await readScanSchedule(schedules().control, tenantId)).toMatchObject({
      number: 2,
      everyHours: null,
    });
  });

  it('orders nothing while the use is suspended or the authorization is revoked, and goes on afterwards [SH-1, PU-1]', async () => {
    const [suspended, revoked] = [await scanned('team/app'), await scanned('team/app')];
    for (const tenantId of [suspended, revoked]) await set(tenantId, 24);
    await engine.send(suspended, 'endFeature', {});
    await engine.send(revoked, 'revokeSharing', { authorizationId: `grant-${revoked}` });
    await pass(30);
    const round = await orderDueScans(ports());
    expect([await open(suspended), await open(revoked)]).toEqual([[], []]);
    expect(round.tenantsToWake).toEqual(expect.not.arrayContaining([suspended, revoked]));
    expect(round.nextAt).not.toBeNull();
    await engine.send(suspended, 'reactivateFeature', {});
    await orderDueScans(ports());
    expect(await open(suspended)).toHaveLength(1);
    expect(await open(revoked)).toEqual([]);
    await endAll(suspended);
    for (const tenantId of [suspended, revoked]) await set(tenantId, null);
  });

  it('lets tenants take turns: one with many repositories does not keep another one waiting', async () => {
    const many = Array.from({ length: 60 }, (_, index) => `team/app-${index}`);
    const flood = await scanned(...many);
    const calm = await scanned('team/app');
    for (const tenantId of [flood, calm]) await set(tenantId, 24);
    await pass(48);
    const round = await orderDueScans(ports());
    expect(round).toMatchObject({ more: true });
    expect(round.tenantsToWake).toContain(calm);
    expect((await orderDueScans(ports())).more).toBe(false);
    for (const tenantId of [flood, calm]) await set(tenantId, null);
  });

  it('is set by nobody for nobody, and never to nonsense', async () => {
    await expect(set('tn_nobody00000000000', 24)).rejects.toMatchObject({ code: 'UNKNOWN_TENANT' });
    const tenantId = await scanned();
    for (const hours of [0, -1, 1.5, 10_000]) {
      await expect(set(tenantId, hours)).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        field: 'everyHours',
      });
    }
    expect((await readScanSchedule(schedules().control, tenantId)).number).toBe(0);
  });
});

describe('a scan that is cancelled', () => {
  const cancel = (tenantId: string, scanId: string) =>
    cancelScan(schedules(), { tenantId, scanId, cancelledBy: 'operator' });
  const ordered = async () => {
    const tenantId = await scanned();
    await engine.send(tenantId, 'requestScan', {
      ...(await engine.stage(tenantId, {
        registry: 'https://registry.test',
        repository: 'team/app',
      })),
      source: 'registry',
    });
    const [scanId = ''] = await open(tenantId);
    return { tenantId, scanId };
  };

  it('does not begin any more when it still waits', async () => {
    const scan = await ordered();
    expect(await cancel(scan.tenantId, scan.scanId)).toBe(true);
    expect(await open(scan.tenantId)).toEqual([]);
    const scans = createScanActivities(await scanPorts());
    expect(await scans.runScan(scan)).toMatchObject({ done: true, counts: { cancelled: 1 } });
    expect(await cancel(scan.tenantId, scan.scanId)).toBe(false);
  });

  it('stops at its next look when it runs, and stores nothing after that', async () => {
    const scan = await ordered();
    const reading: ScanPorts['observeRegistry'] = async (order, signal) => {
      await cancel(scan.tenantId, scan.scanId);
      for (let poll = 0; poll < 1000 && !signal.aborted; poll += 1) await order.stillAuthorized();
      expect(signal.aborted).toBe(true);
      throw signal.reason;
    };
    const scans = createScanActivities(await scanPorts({ observeRegistry: reading }));
    expect(await scans.runScan(scan)).toMatchObject({ done: true, counts: { cancelled: 1 } });
    expect(await outcomeOf(scan.scanId)).toBe('cancelled');
    const [refused] = await engine
      .root('control')
      .query('SELECT COUNT(*) AS n FROM refused_observations WHERE tenant_id = ?', [scan.tenantId]);
    expect(Number(refused?.['n'])).toBe(0);
  });

  it('keeps the result that it had', async () => {
    const scan = await ordered();
    await endAll(scan.tenantId);
    expect(await cancel(scan.tenantId, scan.scanId)).toBe(false);
    expect(await outcomeOf(scan.scanId)).toBe('failed');
  });

  it('is one of the tenant itself', async () => {
    const scan = await ordered();
    await expect(cancel(await scanned(), scan.scanId)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      field: 'scanId',
    });
    expect(await open(scan.tenantId)).toEqual([scan.scanId]);
  });
});

describe('the facade', () => {
  const connection = connectEngine('127.0.0.1:1');
  afterAll(() => connection.close());
  const facade = (over: Partial<LifecycleClientOptions> = {}): LifecycleClient =>
    new LifecycleClient({
      ...{ connection, namespace: 'none', scans: createScanKeeper(schedules()) },
      control: createControlReader(
        engine.stores.sql('reader', 'control'),
        engine.stores.sql('reader', 'evidence'),
      ),
      ...over,
    });
  const by = (tenantId: string) => ({ tenantId, requestedBy: 'console' });

  it('sets, shows and ends a schedule as the command line does, also while the engine is away [DC-2]', async () => {
    const tenantId = await scanned('team/app');
    const client = facade();
    expect(await client.scanSchedule(tenantId)).toMatchObject({ number: 0, everyHours: null });
    expect(await client.scheduleScans(by(tenantId), { everyHours: 24 })).toMatchObject({
      ...{ number: 1, everyHours: 24, setBy: 'console' },
    });
    await pass(30);
    expect((await orderDueScans(ports())).tenantsToWake).toContain(tenantId);
    await client.scheduleScans(by(tenantId), { everyHours: null });
    expect(await client.scanSchedule(tenantId)).toMatchObject({ number: 2, everyHours: null });
  });

  it('refuses what the command line refuses, with the same codes, and changes nothing', async () => {
    const tenantId = await scanned('team/app');
    const client = facade();
    const [nobody, never] = ['tn_nobody00000000000', `sc_${'0'.repeat(24)}`];
    const wrong: readonly (readonly [() => Promise<unknown>, string, string])[] = [
      [() => client.scheduleScans(by(nobody), { everyHours: 24 }), 'UNKNOWN_TENANT', 'tenantId'],
      [() => client.scanSchedule(nobody), 'UNKNOWN_TENANT', 'tenantId'],
      [() => client.scans(nobody), 'UNKNOWN_TENANT', 'tenantId'],
      [() => client.scheduleScans(by('shop'), { everyHours: 24 }), 'INVALID_TENANT_ID', 'tenantId'],
      [() => client.scheduleScans(by(tenantId), { everyHours: 0 }), 'INVALID_INPUT', 'everyHours'],
      [
        () => client.scheduleScans(by(tenantId), { everyHours: '24' as never }),
        'INVALID_INPUT',
        'everyHours',
      ],
      [
        () => client.scheduleScans({ tenantId, requestedBy: 'a b' }, { everyHours: 1 }),
        'INVALID_INPUT',
        'requestedBy',
      ],
      [
        () => client.cancelScan({ tenantId, requestedBy: '' }, never),
        'INVALID_INPUT',
        'requestedBy',
      ],
      [() => client.cancelScan(by(tenantId), never), 'INVALID_INPUT', 'scanId'],
      [() => client.scanSummary(tenantId, never), 'INVALID_INPUT', 'scanId'],
      [() => client.scanSummary(tenantId, 'x'), 'INVALID_INPUT', 'scanId'],
      [
        () => facade({ scans: undefined as never }).scans(tenantId),
        'CONFIGURATION_INVALID',
        'scans',
      ],
    ];
    for (const [refused, code, field] of wrong) {
      await expect(refused()).rejects.toMatchObject({ code, field });
    }
    expect(await client.scanSchedule(tenantId)).toMatchObject({ number: 0 });
  });

  it('tells what came of scans, the newest first, and ends one that waits [DC-2]', async () => {
    const tenantId = await scanned('team/app');
    const client = facade();
    await pass(1);
    const order = { registry: 'https://registry.test', repository: 'team/app' };
    const staged = await engine.stage(tenantId, order);
    await engine.send(tenantId, 'requestScan', { ...staged, source: 'registry' });
    const [waiting, failed] = await client.scans(tenantId);
    expect(waiting).toMatchObject({ source: 'registry', result: null, refusedBecause: null });
    expect(failed?.result).toMatchObject({ outcome: 'failed', counts: { code: 'STORE_REFUSED' } });
    const scanId = waiting?.scanId ?? '';
    expect(await client.cancelScan(by(tenantId), scanId)).toBe(true);
    expect(await client.scanSummary(tenantId, scanId)).toMatchObject({
      scanId,
      result: { outcome: 'cancelled', finishedAt: expect.stringMatching(/Z$/) as string },
    });
    expect(await client.cancelScan(by(tenantId), scanId)).toBe(false);
    await expect(client.scanSummary(await scanned(), scanId)).rejects.toMatchObject({
      field: 'scanId',
    });
  });
});
