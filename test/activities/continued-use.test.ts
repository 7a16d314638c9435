import type { HostingService } from '../../src/domain/record-class';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { hostReport, newAsset } from '../support/observations';
import { hold } from '../support/holds';
import {
  assetDays,
  ended,
  liveRecords,
  objectsOf,
  planned,
  subscribed,
} from '../support/tenant-life';

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterAll(() => engine.remove());

const later = async (days: number): Promise<void> =>
  engine.setClock(new Date(Date.parse(await engine.now()) + days * 86_400_000).toISOString());

const linked = async (tenantId: string, services: readonly HostingService[]): Promise<string> => {
  const assetId = newAsset();
  await engine.send(tenantId, 'linkAsset', { assetId, services });
  await engine.observe(hostReport(tenantId, assetId, { observedAt: await engine.now() }));
  return assetId;
};

/** Live links of an asset, by name. */
const servicesOf = async (tenantId: string, assetId: string): Promise<readonly string[]> => {
  const rows = await engine
    .root('assets')
    .query('SELECT service FROM asset_links WHERE tenant_id = ? AND asset_id = ?', [
      tenantId,
      assetId,
    ]);
  return rows.map((row) => String(row['service'])).sort();
};

/** How often an asset's use is on record, by service. */
const usesOf = async (tenantId: string, assetId: string): Promise<readonly unknown[]> => {
  const rows = await engine
    .root('control')
    .query(
      'SELECT service, COUNT(*) AS uses FROM asset_uses WHERE tenant_id = ? AND asset_id = ? GROUP BY service',
      [tenantId, assetId],
    );
  return rows.map((row) => ({ service: String(row['service']), uses: String(row['uses']) }));
};

const liveAssets = async (tenantId: string): Promise<readonly string[]> => {
  const rows = await engine
    .root('assets')
    .query('SELECT DISTINCT asset_id FROM assets WHERE tenant_id = ?', [tenantId]);
  return rows.map((row) => String(row['asset_id'])).sort();
};

/** A tenant whose CVM has ended and whose two assets are archived; Lighthouse goes on. */
async function archived(): Promise<{ tenantId: string; kept: string; other: string }> {
  const tenantId = await subscribed(engine, 'CVM', 'Lighthouse');
  const kept = await linked(tenantId, ['CVM']);
  const other = await linked(tenantId, ['CVM']);
  await later(1);
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  await engine.runWork(tenantId);
  expect(await liveAssets(tenantId)).toEqual([]);
  engine.hosted = [ended('CVM')];
  return { tenantId, kept, other };
}

describe('an asset that is linked to another service before its archive matures', () => {
  it('comes back, while what shares its archive is archived anew and ends on its own day [AB-2] [AB-3]', async () => {
    const { tenantId, kept, other } = await archived();
    const [before] = assetDays(await engine.snapshot(tenantId));
    const { result } = await engine.send(tenantId, 'linkAsset', {
      assetId: kept,
      services: ['Lighthouse'],
    });
    expect(result).toMatchObject({ restoring: 1 });
    const after = await engine.runWork(tenantId);
    expect(await liveAssets(tenantId)).toEqual([kept]);
    expect(await servicesOf(tenantId, kept)).toEqual(['CVM', 'Lighthouse']);
    expect(await servicesOf(tenantId, other)).toEqual([]);
    expect(assetDays(after)).toMatchObject([
      { dueOn: before?.dueOn, latestAt: before?.latestAt, records: 7 },
    ]);

    await engine.setClock(before?.deleteNotBefore ?? '');
    const { snapshot } = await engine.destroy(tenantId);
    expect(assetDays(snapshot)).toEqual([]);
    expect(await objectsOf(engine, tenantId)).toBe(0);
    expect((await liveRecords(engine, tenantId))['fingerprints']).toBe(3);

    await engine.send(tenantId, 'endService', { service: 'Lighthouse' });
    const [own] = assetDays(await engine.runWork(tenantId));
    expect(Date.parse(own?.earliestAt ?? '')).toBeGreaterThan(
      Date.parse(await engine.now()) + 29 * 86_400_000,
    );
  });

  it('comes back when a report under that service says so, without any command [AB-2] [HS-1]', async () => {
    const { tenantId, kept } = await archived();
    await later(1);
    const report = hostReport(tenantId, kept, { observedAt: await engine.now() });
    (report.assets[0] as { links: unknown }).links = { to: 'services', services: ['Lighthouse'] };
    await engine.observe(report);
    await engine.runWork(tenantId);
    expect(await liveAssets(tenantId)).toEqual([kept]);
    expect(await servicesOf(tenantId, kept)).toEqual(['CVM', 'Lighthouse']);
  });

  it('is on record once, however often it is scanned, and again after the next archive [AB-2] [HS-1]', async () => {
    const tenantId = await subscribed(engine, 'CVM', 'Lighthouse');
    const kept = await linked(tenantId, ['CVM']);
    const scan = async (service: string): Promise<void> => {
      await later(1);
      const report = hostReport(tenantId, kept, { observedAt: await engine.now() });
      (report.assets[0] as { links: unknown }).links = { to: 'services', services: [service] };
      await engine.observe(report);
    };
    for (let day = 0; day < 3; day += 1) await scan('CVM');
    expect(await usesOf(tenantId, kept)).toEqual([{ service: 'CVM', uses: '1' }]);
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.runWork(tenantId);
    for (let day = 0; day < 2; day += 1) await scan('Lighthouse');
    await engine.runWork(tenantId);
    expect(await liveAssets(tenantId)).toEqual([kept]);
    expect(await usesOf(tenantId, kept)).toEqual([
      { service: 'CVM', uses: '1' },
      { service: 'Lighthouse', uses: '1' },
    ]);
    await engine.send(tenantId, 'endService', { service: 'Lighthouse' });
    await engine.runWork(tenantId);
    await engine.send(tenantId, 'attachService', { service: 'CVM' });
    await scan('CVM');
    await engine.runWork(tenantId);
    // Archived twice since the first use was recorded: it has to be said again.
    expect(await usesOf(tenantId, kept)).toContainEqual({ service: 'CVM', uses: '2' });
    expect(await liveAssets(tenantId)).toEqual([kept]);
  });

  it('is not moved away when it was sealed a moment ago [AB-2]', async () => {
    const tenantId = await subscribed(engine, 'CVM', 'Lighthouse');
    const kept = await linked(tenantId, ['CVM']);
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    const run = await planned(engine, tenantId);
    await engine.activities.sealAndCopy(run);
    await engine.activities.verifyCopies(run);
    await engine.send(tenantId, 'linkAsset', { assetId: kept, services: ['Lighthouse'] });
    await engine.activities.moveRows(run);
    await engine.activities.verifyMoved(run);
    await engine.runWork(tenantId);
    expect(await liveAssets(tenantId)).toEqual([kept]);
    expect(await objectsOf(engine, tenantId)).toBe(0);
  });

  it('comes back under a legal hold, which keeps the archive and what shares it [AB-2] [CC-4]', async () => {
    const { tenantId, kept, other } = await archived();
    const release = await hold(engine, tenantId);
    await engine.send(tenantId, 'linkAsset', { assetId: kept, services: ['Lighthouse'] });
    await engine.runWork(tenantId);
    expect(await liveAssets(tenantId)).toContain(kept);
    expect(await objectsOf(engine, tenantId)).toBeGreaterThan(0);
    await later(400);
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBeGreaterThan(0);
    expect(await liveAssets(tenantId)).toContain(kept);
    await release();
    await engine.runWork(tenantId);
    await later(2);
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBe(0);
    expect(await liveAssets(tenantId)).toEqual([kept]);
    expect(await servicesOf(tenantId, other)).toEqual([]);
  });

  it('does not come back once its window has opened: the old promise ends as it was made [AB-3]', async () => {
    const { tenantId, kept } = await archived();
    const [due] = assetDays(await engine.snapshot(tenantId));
    await engine.setClock(due?.deleteNotBefore ?? '');
    const { result } = await engine.send(tenantId, 'linkAsset', {
      assetId: kept,
      services: ['Lighthouse'],
    });
    expect(result).toMatchObject({ restoring: 0 });
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBe(0);
  });

  it('is refused a permit by the database itself, whoever forgot to bring it back [AB-2]', async () => {
    const { tenantId, kept } = await archived();
    const [due] = assetDays(await engine.snapshot(tenantId));
    await engine.root('control').execute(
      `INSERT INTO asset_uses (tenant_id, asset_id, service, linked_at, recorded_at)
       VALUES (?, ?, 'Lighthouse', lethe_now(), lethe_now())`,
      [tenantId, kept],
    );
    await engine.setClock(due?.deleteNotBefore ?? '');
    const { runId = '', dueOn = '' } = due ?? {};
    const permit = engine.stores
      .sql('issuer', 'control')
      .execute('CALL issue_destroy_permit(?, ?, ?, ?, ?, 0, lethe_now(), 60)', [
        ...[`pm_${tenantId.slice(3)}`, tenantId, runId, dueOn],
        `asset:${runId}:${dueOn}`,
      ]);
    await expect(permit).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
  });
});

describe('an asset of no service in particular', () => {
  it('comes back when another service is attached, and stays while that is in use [AB-2] [HS-1]', async () => {
    const tenantId = await subscribed(engine, 'CVM');
    const asset = newAsset();
    const report = hostReport(tenantId, asset, { observedAt: await engine.now() });
    (report.assets[0] as { links: unknown }).links = { to: 'all' };
    await engine.observe(report);
    await later(1);
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.runWork(tenantId);
    expect(await liveAssets(tenantId)).toEqual([]);
    const attached = await engine.send(tenantId, 'attachService', { service: 'Lighthouse' });
    expect(attached.result).toMatchObject({ restoring: 1 });
    await engine.runWork(tenantId);
    expect(await servicesOf(tenantId, asset)).toEqual(['CVM', 'Lighthouse']);
    engine.hosted = [ended('CVM')];
    await later(400);
    const { snapshot } = await engine.destroy(tenantId);
    expect(assetDays(snapshot)).toEqual([]);
    expect(await liveAssets(tenantId)).toEqual([asset]);
  });
});

describe('a link to a service that is not in use', () => {
  it.each([
    ['was never attached', 'ECM'],
    ['has ended', 'CVM'],
  ] as const)(
    'is refused when it %s, naming the field, and nothing changes [HS-1]',
    async (...[, service]) => {
      const tenantId = await subscribed(engine, 'CVM', 'Lighthouse');
      await engine.send(tenantId, 'endService', { service: 'CVM' });
      const assetId = newAsset();
      const link = engine.send(tenantId, 'linkAsset', { assetId, services: [service] });
      await expect(link).rejects.toMatchObject({ code: 'SERVICE_NOT_ACTIVE', field: 'services' });
      expect(await servicesOf(tenantId, assetId)).toEqual([]);
    },
  );
});
