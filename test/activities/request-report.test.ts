import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReportedRequest, RequestReport } from '../../src/contracts/request-report';
import { signStop } from '../../src/cli/order-documents';
import { digestOfDocument } from '../../src/transparency/signed-document';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { evidenceVariables, runIn, type CliRun } from '../support/evidence-cli';
import { hold } from '../support/holds';
import { officersOf, orderDeletion, signedPair } from '../support/orders';
import { hostReport, newAsset } from '../support/observations';
import { ended, requestedSetting, requestOf, subscribed, withHost } from '../support/tenant-life';
import { daysLater } from '../support/put-back';

let engine: EngineHarness;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lethe-report-'));
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00.000000Z');
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await engine.remove();
});

/** `lethe order report` with the reader's login and no other one. */
async function reported(from: string, to: string, ...options: readonly string[]): Promise<CliRun> {
  const { reader } = engine.credentials.mysql;
  const credentials = { mysql: { reader }, s3: {}, mongo: {} };
  const environment = engine.environment.name;
  const env = evidenceVariables(folder, { environment, credentials, keys: '{}' });
  return runIn(env, ['order', 'report', '--from', from, '--to', to, ...options]);
}

async function report(from: string, to: string): Promise<RequestReport> {
  const { exitCode, stdout, stderr } = await reported(from, to, '--json');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as RequestReport;
}

const of = ({ requests }: RequestReport, tenantId: string): ReportedRequest => {
  const found = requests.filter((request) => request.tenantId === tenantId);
  const [request] = found;
  if (request === undefined || found.length > 1) throw new Error(`${found.length} requests`);
  return request;
};

/** Whoever may approve denies the order instead. */
async function deny(tenantId: string): Promise<void> {
  const [, approver] = await officersOf(engine.environment);
  const { order } = await signedPair(engine.environment, tenantId);
  await engine.send(tenantId, 'submitOrder', { order });
  const [, payload = ''] = order.split('.');
  const { orderId } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as {
    orderId: string;
  };
  const denial = signStop(
    'denial',
    {
      ...{ orderId, tenantId, orderDigest: digestOfDocument(order), reason: 'no-match' },
      ...{ person: approver.personId, issuedAt: new Date(await engine.now()).toISOString() },
    },
    approver.key,
  );
  await engine.send(tenantId, 'denyOrder', { denial });
}

describe('the report over the requests of a period', () => {
  const tenants: Record<string, string> = {};
  const id = (name: string): string => tenants[name] ?? '';

  beforeAll(async () => {
    for (const name of ['kept', 'late', 'denied', 'held', 'forgotten', 'withdrawn']) {
      tenants[name] = await requestedSetting(engine);
    }
    tenants['nothing'] = await subscribed(engine, 'CVM');
    await engine.send(id('nothing'), 'requestDeletion', {
      requestId: requestOf(id('nothing')),
      recordClass: 'asset-basic-data',
    });
    await engine.runWork(id('nothing'));
    // The engine is away: it is received and nothing else happens.
    tenants['unsealed'] = await subscribed(engine, 'CVM');
    await engine.send(id('unsealed'), 'requestDeletion', {
      requestId: requestOf(id('unsealed')),
      recordClass: 'console-configuration-data',
    });
    tenants['asset'] = (await withHost(engine, 'CVM')).tenantId;
    await engine.send(id('asset'), 'requestDeletion', {
      requestId: requestOf(id('asset')),
      recordClass: 'asset-basic-data',
    });
    await engine.runWork(id('asset'));
    await deny(id('denied'));
    await orderDeletion(engine, id('kept'));
    await daysLater(engine, 1);
    await engine.send(id('withdrawn'), 'withdrawDeletion', {
      requestId: requestOf(id('withdrawn')),
    });
    await hold(engine, id('held'));
    await daysLater(engine, 7);
    await engine.destroy(id('kept'));
  });

  it('has every one of them once, open as they are [CC-2] [DR-1]', async () => {
    const open = await report('2030-01-07', '2030-01-08');
    expect(open.period).toEqual({ from: '2030-01-07', to: '2030-01-08', ended: true });
    const outcomes = Object.fromEntries(
      Object.entries(tenants).map(([name, tenantId]) => [name, of(open, tenantId).outcome]),
    );
    expect(outcomes).toEqual({
      ...{ kept: 'fulfilled_in_time', late: 'open', denied: 'denied', held: 'open' },
      ...{ forgotten: 'open', withdrawn: 'withdrawn', nothing: 'fulfilled_in_time' },
      ...{ unsealed: 'open', asset: 'open' },
    });
    expect(open.totals).toEqual({
      ...{ received: 9, fulfilled_in_time: 2, fulfilled_late: 0, open: 5, overdue: 0 },
      ...{ denied: 1, withdrawn: 1, breached: 0, medianDays: 4 },
    });
    const [requester, approver] = await officersOf(engine.environment);
    const kept = of(open, id('kept'));
    expect(kept).toMatchObject({
      ...{ state: 'fulfilled', receivedOn: '2030-01-07', days: 8, missed: [], stops: [] },
      ...{ requestedBy: 'console', orderedBy: requester.personId, approvedBy: [approver.personId] },
      internalDueAt: expect.stringMatching(/^2030-01-22T01:00:/) as string,
    });
    const [certified] = await engine.parts.certificates.listOf(id('kept'));
    expect(kept.dueDays).toMatchObject([
      { certificateId: certified?.certificate.certificateId, latestAt: kept.latestAt },
    ]);
    expect(of(open, id('denied')).stops).toMatchObject([
      { state: 'denied', reason: 'no-match', by: approver.personId },
    ]);
    expect(of(open, id('held'))).toMatchObject({
      ...{ state: 'on_hold', latestAt: null, holds: [{ releasedAt: null }] },
    });
    expect(of(open, id('withdrawn'))).toMatchObject({ state: 'revoked', days: 1 });
    // The agreement's 30 working days, although nobody has sealed anything.
    expect(of(open, id('unsealed')).latestAt).toBe(of(open, id('late')).latestAt);
  });

  it('hides no breach: not of a denied order, a late end, or an engine that was away [CC-2]', async () => {
    await daysLater(engine, 60);
    // What a worker does at the due instants.
    for (const name of ['late', 'denied', 'forgotten', 'held']) {
      await engine.runWork(id(name));
      await engine.destroy(id(name));
    }
    await orderDeletion(engine, id('late'));
    await engine.destroy(id('late'));
    const past = await report('2030-01-01', '2030-02-01');
    const outcomes = Object.fromEntries(
      Object.entries(tenants).map(([name, tenantId]) => [name, of(past, tenantId).outcome]),
    );
    expect(outcomes).toEqual({
      ...{ kept: 'fulfilled_in_time', late: 'fulfilled_late', denied: 'overdue', held: 'open' },
      ...{ forgotten: 'overdue', withdrawn: 'withdrawn', nothing: 'fulfilled_in_time' },
      ...{ unsealed: 'overdue', asset: 'open' },
    });
    expect(past.totals).toMatchObject({ fulfilled_late: 1, overdue: 3, breached: 4 });
    expect(of(past, id('late')).missed).toEqual([of(past, id('late')).latestAt]);
    expect(of(past, id('forgotten')).paged).toContain('internal');
    const { stdout } = await reported('2030-01-01', '2030-02-01');
    expect(stdout).toContain('FULFILLED LATE');
    expect(stdout).toMatch(/OVERDUE +3\n/);
    expect(stdout).toContain('open: hold');
  });

  it('calls a second request fulfilled when what the first one asked for is gone, and not before [CC-2]', async () => {
    const tenantId = id('forgotten');
    await engine.send(tenantId, 'requestDeletion', {
      requestId: `${requestOf(tenantId)}0`,
      recordClass: 'console-configuration-data',
    });
    await engine.runWork(tenantId);
    const today = (await engine.now()).slice(0, 10);
    const twice = (await report('2030-03-01', '2030-06-01')).requests;
    expect(twice).toMatchObject([{ tenantId, outcome: 'overdue', receivedOn: today }]);
    await orderDeletion(engine, tenantId);
    await daysLater(engine, 8);
    await engine.destroy(tenantId);
    const [second] = (await report('2030-03-01', '2030-06-01')).requests;
    expect(second).toMatchObject({ outcome: 'fulfilled_late', days: 8 });
  });

  it('is not blamed for what had ended late before anybody asked [AB-3] [DR-1]', async () => {
    const tenantId = await subscribed(engine, 'CVM', 'Lighthouse');
    const asset = newAsset();
    await engine.send(tenantId, 'linkAsset', { assetId: asset, services: ['CVM'] });
    await engine.observe(hostReport(tenantId, asset, { observedAt: await engine.now() }));
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.runWork(tenantId);
    engine.hosted = [ended('CVM')];
    await daysLater(engine, 200);
    const { snapshot } = await engine.destroy(tenantId);
    expect(snapshot.counters).toMatchObject({ breaches: 1, certificates: 1 });
    await engine.send(tenantId, 'requestDeletion', {
      requestId: requestOf(tenantId),
      recordClass: 'asset-basic-data',
    });
    await engine.runWork(tenantId);
    const { requests, period } = await report('2030-06-01', '2031-12-31');
    expect(period.ended).toBe(false);
    expect(requests).toMatchObject([
      { tenantId, outcome: 'fulfilled_in_time', missed: [], days: 0, dueDays: [] },
    ]);
  });

  it('says of a period that it has not ended, and that nothing was received in it', async () => {
    const { stdout, exitCode } = await reported('2031-01-01', '2032-01-01');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('HAS NOT ENDED');
    expect(stdout).toContain('no requests were received');
    expect((await report('2030-01-08', '2030-02-01')).totals.received).toBe(0);
    const lines = (await reported('2030-01-07', '2030-01-08', '--csv')).stdout.split('\r\n');
    expect(lines).toHaveLength(11);
    expect(lines[0]).toMatch(/^environment,from,to,ended,asOf,requestId,/);
  });

  it.each([
    ['from', '2030-02-30', '2030-04-01'],
    ['to', '2030-01-01', '2030-01-01'],
    ['csv', '2030-01-01', '2030-02-01'],
  ])('refuses a wrong %s and says what is right', async (field, from, to) => {
    const { exitCode, stdout, stderr } = await reported(from, to, '--json', '--csv');
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'INVALID_INPUT', field } });
  });
});
