import { createEngineHarness, type EngineHarness } from '../support/engine';
import { hostReport } from '../support/observations';
import { orderDeletion } from '../support/orders';
import { daysLater } from '../support/put-back';
import {
  assetDays,
  ended,
  liveRecords,
  objectsOf,
  subscribed,
  withHost,
} from '../support/tenant-life';

const DAY_MS = 86_400_000;

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterAll(() => engine.remove());

const before = (instant: string): Promise<void> =>
  engine.setClock(new Date(Date.parse(instant) - 1000).toISOString());

const change = async (tenantId: string, settingId: string): Promise<void> => {
  const staged = await engine.stage(tenantId, { setting: 'automatic-renewal', enabled: true });
  await engine.send(tenantId, 'changeConfiguration', {
    ...staged,
    configurationKind: 'console-setting',
    settingId,
  });
};
const settings = async (tenantId: string): Promise<number> => {
  const rows = await engine
    .root('configuration')
    .query('SELECT 1 FROM console_settings WHERE tenant_id = ?', [tenantId]);
  return rows.length;
};
const requestOf = (tenantId: string): string => `rq_${tenantId.slice(3)}`;
const request = (
  tenantId: string,
  recordClass: 'asset-basic-data' | 'console-configuration-data',
): Promise<unknown> =>
  engine.send(tenantId, 'requestDeletion', { requestId: requestOf(tenantId), recordClass });

describe('configuration', () => {
  it('is refused once the Feature has ended, and nothing is left when the tenant has [CC-3]', async () => {
    const tenantId = await subscribed(engine, 'CVM');
    await change(tenantId, 'before');
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.send(tenantId, 'endFeature', {});
    await engine.runWork(tenantId);
    await expect(change(tenantId, 'after')).rejects.toMatchObject({ code: 'FEATURE_NOT_ACTIVE' });
    expect(await settings(tenantId)).toBe(1);
    await daysLater(engine, 33);
    const { snapshot } = await engine.destroy(tenantId);
    expect(snapshot.ended).toBe(true);
    expect(await settings(tenantId)).toBe(0);
  });

  it('is refused while an attestation is withdrawn, services in use or not [AT-1]', async () => {
    const tenantId = await subscribed(engine, 'CVM');
    await engine.send(tenantId, 'withdrawAttestation', { jurisdiction: 'SG' });
    await expect(change(tenantId, 'suspended')).rejects.toMatchObject({
      code: 'FEATURE_NOT_ACTIVE',
    });
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await expect(change(tenantId, 'ended')).rejects.toMatchObject({ code: 'ATTESTATION_REQUIRED' });
    expect(await settings(tenantId)).toBe(0);
  });
});

describe('a request that is received after the end', () => {
  it('of the Feature destroys after its cooling-off, not a second earlier, and cannot be withdrawn then [CC-2] [CC-3]', async () => {
    const tenantId = await subscribed(engine, 'CVM');
    await change(tenantId, 'before');
    await engine.send(tenantId, 'endFeature', {});
    await engine.runWork(tenantId);
    const received = Date.parse(await engine.now());
    await request(tenantId, 'console-configuration-data');
    await engine.runWork(tenantId);
    await orderDeletion(engine, tenantId);
    const { nextDueAt } = await engine.snapshot(tenantId);
    // Seven days of cooling-off and two hours of guard; the Feature's own month is later.
    expect(Date.parse(nextDueAt ?? '') - received).toBeGreaterThanOrEqual(7 * DAY_MS + 7_200_000);
    expect(Date.parse(nextDueAt ?? '') - received).toBeLessThan(7 * DAY_MS + 7_260_000);
    await before(nextDueAt ?? '');
    await engine.destroy(tenantId);
    expect(await settings(tenantId)).toBe(1);
    await engine.setClock(nextDueAt ?? '');
    const gone = await engine.destroy(tenantId);
    expect(gone.blockedOn).toBeNull();
    expect(await settings(tenantId)).toBe(0);
    const withdrawal = engine.send(tenantId, 'withdrawDeletion', {
      requestId: requestOf(tenantId),
    });
    await expect(withdrawal).rejects.toMatchObject({ code: 'REQUEST_IRREVOCABLE' });
  });

  it('of the services destroys old asset data after its cooling-off, not a second earlier [DR-1] [AB-1]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    await daysLater(engine, 200);
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.runWork(tenantId);
    engine.hosted = [ended('CVM')];
    await request(tenantId, 'asset-basic-data');
    const received = Date.parse(await engine.now());
    await engine.runWork(tenantId);
    await orderDeletion(engine, tenantId);
    const [due] = assetDays(await engine.snapshot(tenantId));
    const start = Date.parse(due?.deleteNotBefore ?? '');
    expect(Math.round((start - received) / 60_000)).toBe(7 * 24 * 60 + 120);
    await before(due?.deleteNotBefore ?? '');
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBeGreaterThan(0);
    await engine.setClock(due?.deleteNotBefore ?? '');
    expect((await engine.destroy(tenantId)).blockedOn).toBeNull();
    expect(await objectsOf(engine, tenantId)).toBe(0);
  });

  it('never beats the minimum of what was seen lately [AB-1] [DR-1]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    const seen = Date.parse(await engine.now());
    await daysLater(engine, 1);
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.runWork(tenantId);
    engine.hosted = [ended('CVM')];
    await request(tenantId, 'asset-basic-data');
    await engine.runWork(tenantId);
    await orderDeletion(engine, tenantId);
    await engine.setClock(new Date(seen + 179 * DAY_MS).toISOString());
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBeGreaterThan(0);
  });
});

describe('a request for asset data that is withdrawn', () => {
  it('after the services ended leaves the archive to the rule of their end, to the instant [DR-1] [AB-3]', async () => {
    const { tenantId, asset } = await withHost(engine, 'CVM');
    await daysLater(engine, 200);
    await request(tenantId, 'asset-basic-data');
    await engine.runWork(tenantId);
    await daysLater(engine, 1);
    await engine.observe(hostReport(tenantId, asset, { observedAt: await engine.now() }));
    await daysLater(engine, 1);
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    const endedAt = Date.parse(await engine.now());
    await engine.runWork(tenantId);
    await daysLater(engine, 1);
    await engine.send(tenantId, 'withdrawDeletion', { requestId: requestOf(tenantId) });
    const after = await engine.runWork(tenantId);
    expect(await liveRecords(engine, tenantId)).toMatchObject({ assets: 0, fingerprints: 0 });
    expect(assetDays(after).reduce((sum, { records }) => sum + records, 0)).toBe(13);
    const [first] = assetDays(after);
    // Seen long ago: thirty days after the end decide, in the tenant's civil days.
    expect(first?.because).toBe('AB-3');
    expect(Date.parse(first?.earliestAt ?? '') - endedAt).toBeGreaterThan(30 * DAY_MS);
    expect(Date.parse(first?.earliestAt ?? '') - endedAt).toBeLessThan(32 * DAY_MS);

    engine.hosted = [ended('CVM')];
    await before(first?.deleteNotBefore ?? '');
    await engine.destroy(tenantId);
    expect(assetDays(await engine.snapshot(tenantId))).toHaveLength(assetDays(after).length);
    await engine.setClock(first?.deleteNotBefore ?? '');
    const gone = await engine.destroy(tenantId);
    expect(gone.blockedOn).toBeNull();
    expect(assetDays(gone.snapshot)).toHaveLength(assetDays(after).length - 1);
    expect(gone.snapshot.counters).toMatchObject({ certificates: 1, breaches: 0 });
  });

  it('is destroyed by nobody when the tenant comes back after that [AB-2]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    await daysLater(engine, 200);
    await request(tenantId, 'asset-basic-data');
    await engine.runWork(tenantId);
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.runWork(tenantId);
    await engine.send(tenantId, 'withdrawDeletion', { requestId: requestOf(tenantId) });
    await engine.runWork(tenantId);
    await engine.send(tenantId, 'attachService', { service: 'CVM' });
    await engine.runWork(tenantId);
    expect(await liveRecords(engine, tenantId)).toMatchObject({ assets: 1, fingerprints: 3 });
    await daysLater(engine, 400);
    await engine.destroy(tenantId);
    expect(await liveRecords(engine, tenantId)).toMatchObject({ assets: 1, fingerprints: 3 });
  });
});

// Last: it trips the circuit breaker of the environment.
describe('configuration under a sealed generation', () => {
  it('that somebody wrote behind our back holds up the certificate [ST-2]', async () => {
    const tenantId = await subscribed(engine, 'CVM');
    await change(tenantId, 'before');
    await engine.send(tenantId, 'endFeature', {});
    await engine.runWork(tenantId);
    await engine.root('configuration').execute(
      `INSERT INTO console_settings (tenant_id, asset_id, version_id, setting_id, changed_at, payload)
       SELECT tenant_id, asset_id, CONCAT(version_id, 'x'), setting_id, changed_at, payload
         FROM console_settings WHERE tenant_id = ?`,
      [tenantId],
    );
    await daysLater(engine, 33);
    const { blockedOn, snapshot } = await engine.destroy(tenantId);
    expect(blockedOn).toBe('verification');
    expect(snapshot.counters.certificates).toBe(0);
  });
});
