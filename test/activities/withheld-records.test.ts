import { createEngineHarness, type EngineHarness } from '../support/engine';
import { placeOver, release } from '../support/holds';
import { hostReport, newAsset } from '../support/observations';
import { assetDays, ended, objectsOf, withHost } from '../support/tenant-life';

let engine: EngineHarness;
beforeEach(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterEach(() => engine.remove());

const ASSETS = 'asset-basic-data';
const HOUR_MS = 3_600_000;
const at = (instant: string, shiftMs = 0): Promise<void> =>
  engine.setClock(new Date(Date.parse(instant) + shiftMs).toISOString());

interface Life {
  readonly tenantId: string;
  /** The asset that is held in these tests. */
  readonly asset: string;
  readonly other: string;
}

/** A tenant with two hosts whose archive of one due day waits; nothing is due yet. */
async function retained(): Promise<Life> {
  const { tenantId, asset } = await withHost(engine, 'CVM');
  const other = newAsset();
  await engine.send(tenantId, 'linkAsset', { assetId: other, services: ['CVM'] });
  await engine.observe(hostReport(tenantId, other, { observedAt: await engine.now() }));
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  await engine.send(tenantId, 'endFeature', {});
  await engine.runWork(tenantId);
  engine.hosted = [ended('CVM')];
  return { tenantId, asset, other };
}

async function dueDay(tenantId: string) {
  const [day] = assetDays(await engine.snapshot(tenantId));
  if (day === undefined) throw new Error('no due day');
  return day;
}

const rows = async (database: string, statement: string, params: readonly string[]) =>
  (await engine.root(database).query(statement, params)).map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value)])),
  );

const certificates = async (tenantId: string) =>
  (
    await rows('evidence', 'SELECT body FROM certificates WHERE tenant_id = ? ORDER BY issued_at', [
      tenantId,
    ])
  ).map((row) => JSON.parse(row['body'] ?? '') as Record<string, unknown>);

const keysGone = async (tenantId: string): Promise<readonly string[]> =>
  (
    await rows('keys', 'SELECT key_ref FROM key_tombstones WHERE tenant_id = ?', [tenantId])
  ).flatMap((row) => (row['key_ref']?.startsWith('asset:') === true ? [row['key_ref']] : []));

describe('a due day that a hold covers in part', () => {
  it('is split when its window opens: the rest goes, what is held stays, and both are certified in time [AB-3] [CC-4]', async () => {
    const { tenantId, asset } = await retained();
    const before = await dueDay(tenantId);
    const opensAt = before.deleteNotBefore ?? '';
    const { holdId } = await placeOver(engine, [{ tenantId, recordClass: ASSETS, assetId: asset }]);
    // Held, and yet the process wakes when the rest may go.
    expect(await engine.snapshot(tenantId)).toMatchObject({ blockedOn: 'hold' });
    expect(assetDays(await engine.snapshot(tenantId))).toMatchObject([{ deleteNotBefore: null }]);
    await at(opensAt, -1000);
    await engine.destroy(tenantId);
    expect(await keysGone(tenantId)).toEqual([]);
    expect((await engine.snapshot(tenantId)).nextDueAt).toBe(opensAt);
    await at(opensAt, 1);
    const split = await engine.destroy(tenantId);
    expect(assetDays(split.snapshot)).toHaveLength(1);
    const child = await dueDay(tenantId);
    expect([child]).toMatchObject([
      { dueOn: before.dueOn, splitFrom: { runId: before.runId, holdId }, deleteNotBefore: null },
    ]);
    expect(child.runId).not.toBe(before.runId);
    expect(await keysGone(tenantId)).toEqual([`asset:${before.runId}:${before.dueOn}`]);
    const [parent] = (await certificates(tenantId)).filter((one) => one['runId'] === before.runId);
    expect(parent).toMatchObject({
      withheld: [{ ground: 'legal-hold', holdId, runId: child.runId, records: child.records }],
    });
    expect(await objectsOf(engine, tenantId)).toBeGreaterThan(0);
    // Released, it goes from two hours after the effect on, under its own certificate.
    await release(engine, holdId);
    const releasedAt = await engine.now();
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBeGreaterThan(0);
    await at(releasedAt, 3 * HOUR_MS);
    expect((await engine.destroy(tenantId)).snapshot.ended).toBe(true);
    expect(await objectsOf(engine, tenantId)).toBe(0);
    const all = await certificates(tenantId);
    expect(all.filter((one) => one['recordClass'] === 'asset-basic-data')).toMatchObject([
      { runId: before.runId },
      { runId: child.runId, withheld: [] },
    ]);
  });
});
