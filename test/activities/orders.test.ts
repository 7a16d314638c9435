import { createEngineHarness, type EngineHarness } from '../support/engine';
import { officersOf, orderDeletion, previewOf, signedPair } from '../support/orders';
import {
  assetDays,
  ended,
  liveRecords,
  objectsOf,
  requestedSetting,
  requestOf,
  withHost,
} from '../support/tenant-life';
import { daysLater } from '../support/put-back';

const DAY = 86_400_000;
let engine: EngineHarness;

beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00.000000Z');
});
afterAll(() => engine.remove());

const settings = async (tenantId: string): Promise<number> => {
  const rows = await engine
    .root('configuration')
    .query('SELECT 1 FROM console_settings WHERE tenant_id = ?', [tenantId]);
  return rows.length;
};

const requested = (): Promise<string> => requestedSetting(engine);

const entriesOf = async (tenantId: string, kind: string): Promise<number> => {
  const rows = await engine
    .root('evidence')
    .query('SELECT 1 FROM entries WHERE tenant_id = ? AND kind = ?', [tenantId, kind]);
  return rows.length;
};

describe('a request without an approved order', () => {
  it('destroys nothing, calls somebody three times and is a recorded breach at its end [CC-2]', async () => {
    const tenantId = await requested();
    const waiting = await engine.snapshot(tenantId);
    expect(waiting).toMatchObject({ blockedOn: 'order', needsHuman: false });
    expect(waiting.dueDays).toMatchObject([{ deleteNotBefore: null, waitsForOrder: true }]);
    const latest = waiting.dueDays[0]?.latestAt ?? '';
    for (const [level, calls] of [
      ['internal', 1],
      ['warning', 2],
      ['end', 3],
    ] as const) {
      await engine.setClock((await engine.snapshot(tenantId)).nextDueAt ?? '');
      const { blockedOn, snapshot } = await engine.destroy(tenantId);
      expect([level, blockedOn, snapshot.blockedOn, snapshot.needsHuman]).toEqual([
        ...[level, null, 'order', true],
      ]);
      await engine.destroy(tenantId);
      expect(await entriesOf(tenantId, 'approval-missing')).toBe(calls);
    }
    expect(Date.parse(await engine.now())).toBeGreaterThanOrEqual(Date.parse(latest));
    expect(await entriesOf(tenantId, 'deadline-missed')).toBe(1);
    await daysLater(engine, 400);
    const { snapshot } = await engine.destroy(tenantId);
    expect(snapshot).toMatchObject({ nextDueAt: null, band: 'overdue' });
    expect(snapshot.counters.breaches).toBe(1);
    expect(await settings(tenantId)).toBe(1);
  });

  it('is carried out once two people have ordered it, and says so [CC-2]', async () => {
    const tenantId = await requested();
    const { order, approval } = await signedPair(engine.environment, tenantId);
    await daysLater(engine, 8);
    await engine.send(tenantId, 'submitOrder', { order });
    await engine.destroy(tenantId);
    expect(await settings(tenantId)).toBe(1);
    await engine.send(tenantId, 'approveOrder', { approval });
    const { snapshot } = await engine.destroy(tenantId);
    expect(await settings(tenantId)).toBe(0);
    expect(snapshot.counters.certificates).toBe(1);
    expect(snapshot.nextDueAt).toBeNull();
    const [issued] = await engine.parts.certificates.listOf(tenantId);
    expect(issued?.certificate.order).toMatchObject({ signed: order, approvals: [approval] });
    const [requester, approver] = await officersOf(engine.environment);
    expect(issued?.certificate.people).toEqual([
      { role: 'requester', personId: requester.personId },
      { role: 'approver', personId: approver.personId },
    ]);
  });

  it('destroys nothing under an order that somebody wrote into the store, or changed there [CC-2]', async () => {
    const tenantId = await requested();
    const { order, approval } = await orderDeletion(engine, tenantId);
    await daysLater(engine, 8);
    const control = engine.root('control');
    const [head = '', payload = ''] = order.split('.');
    const { orderId } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as {
      orderId: string;
    };
    const forgeries: readonly [string, string, string][] = [
      ['deletion_orders', order, `${head}.${payload}.${'A'.repeat(86)}`],
      ['deletion_approvals', approval, approval.replace(/.{10}$/, 'AAAAAAAAAA')],
      ['deletion_approvals', approval, order],
    ];
    const write = (table: string, document: string): Promise<unknown> =>
      control.execute(`UPDATE ${table} SET document = ? WHERE order_id = ?`, [document, orderId]);
    for (const [table, genuine, forged] of forgeries) {
      await write(table, forged);
      await expect(engine.destroy(tenantId)).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
      expect(await settings(tenantId)).toBe(1);
      await write(table, genuine);
    }
    // By their numbers: one, two; the third is in the total of the hour.
    expect(await entriesOf(tenantId, 'permit-refused')).toBe(2);
    await engine.destroy(tenantId);
    expect(await settings(tenantId)).toBe(0);
  });

  it('destroys nothing under rows that say more than what was signed [CC-2]', async () => {
    const tenantId = await requested();
    const expiresAt = new Date(Date.parse(await engine.now()) + 9 * DAY).toISOString();
    const { order, approval } = await signedPair(engine.environment, tenantId, { expiresAt });
    await engine.send(tenantId, 'submitOrder', { order });
    await engine.send(tenantId, 'approveOrder', { approval });
    const payload = Buffer.from(order.split('.')[1] ?? '', 'base64url').toString('utf8');
    const { orderId } = JSON.parse(payload) as { orderId: string };
    const control = engine.root('control');
    const write = (table: string, change: string): Promise<unknown> =>
      control.execute(`UPDATE ${table} SET ${change} WHERE order_id = ?`, [orderId]);
    await daysLater(engine, 8);
    await write('deletion_approvals', `approved_by = CONCAT(approved_by, '-2')`);
    await expect(engine.destroy(tenantId)).rejects.toMatchObject({ code: 'ORDER_REFUSED' });
    await write('deletion_approvals', `approved_by = LEFT(approved_by, LENGTH(approved_by) - 2)`);
    await daysLater(engine, 2);
    for (const table of ['deletion_orders', 'deletion_approvals']) {
      await write(table, 'expires_at = expires_at + INTERVAL 30 DAY');
    }
    await expect(engine.destroy(tenantId)).rejects.toMatchObject({ code: 'ORDER_REFUSED' });
    expect(await settings(tenantId)).toBe(1);
  });

  it('waits for the cooling-off although it was approved at once [CC-2]', async () => {
    const tenantId = await requested();
    await orderDeletion(engine, tenantId);
    const { dueDays } = await engine.snapshot(tenantId);
    await engine.destroy(tenantId);
    expect(await settings(tenantId)).toBe(1);
    await engine.setClock(dueDays[0]?.deleteNotBefore ?? '');
    await engine.destroy(tenantId);
    expect(await settings(tenantId)).toBe(0);
  });

  it('never delays the end of the Feature, which needs no order [CC-3]', async () => {
    const tenantId = await requested();
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.send(tenantId, 'endFeature', {});
    const { dueDays } = await engine.runWork(tenantId);
    const [due] = dueDays;
    expect(due).toMatchObject({ because: 'CC-2', waitsForOrder: true });
    const endedAt = Date.parse(await engine.now());
    expect(Date.parse(due?.deleteNotBefore ?? '')).toBeLessThan(endedAt + 33 * DAY);
    await engine.setClock(new Date(Date.parse(due?.deleteNotBefore ?? '') - 60_000).toISOString());
    await engine.destroy(tenantId);
    expect(await settings(tenantId)).toBe(1);
    await engine.setClock(due?.deleteNotBefore ?? '');
    await engine.destroy(tenantId);
    expect(await settings(tenantId)).toBe(0);
  });
});

describe('a request for asset data', () => {
  it('takes it out of use at once, and destroys it at the minimum only when it is ordered [DR-1] [AB-1]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    const observedAt = await engine.now();
    await engine.send(tenantId, 'requestDeletion', {
      requestId: requestOf(tenantId),
      recordClass: 'asset-basic-data',
    });
    await engine.runWork(tenantId);
    expect(await liveRecords(engine, tenantId)).toMatchObject({ assets: 0, fingerprints: 0 });
    const plan = await previewOf(engine.environment, tenantId);
    expect(plan).toMatchObject({ ready: true, scope: ['asset-basic-data'] });
    expect(plan.goes[0]?.counts).toMatchObject({ 'mysql:assets.assets': 1 });
    await engine.setClock(new Date(Date.parse(observedAt) + 190 * DAY).toISOString());
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBeGreaterThan(0);
    await orderDeletion(engine, tenantId);
    const [due] = assetDays(await engine.snapshot(tenantId));
    expect(due).not.toHaveProperty('waitsForOrder');
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBe(0);
  });

  it('never delays the end of its services, which needs no order [AB-3] [DR-1]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    await engine.send(tenantId, 'requestDeletion', {
      requestId: requestOf(tenantId),
      recordClass: 'asset-basic-data',
    });
    await engine.runWork(tenantId);
    await daysLater(engine, 200);
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.runWork(tenantId);
    engine.hosted = [ended('CVM')];
    const [due] = assetDays(await engine.snapshot(tenantId));
    const endedAt = Date.parse(await engine.now());
    expect(Date.parse(due?.deleteNotBefore ?? '')).toBeGreaterThan(endedAt + 30 * DAY);
    expect(Date.parse(due?.deleteNotBefore ?? '')).toBeLessThan(endedAt + 33 * DAY);
    await engine.setClock(new Date(Date.parse(due?.deleteNotBefore ?? '') - 60_000).toISOString());
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBeGreaterThan(0);
    await engine.setClock(due?.deleteNotBefore ?? '');
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBe(0);
  });
});
