import type { SweepRound } from '../../src/contracts/sweep';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { hostReport } from '../support/observations';
import { backedUpLinks } from '../support/put-back';
import { assetDays, ended, liveRecords, withHost } from '../support/tenant-life';

const DAY_MS = 86_400_000;

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterAll(() => engine.remove());

/** A tenant whose every promise was kept a moment ago. */
async function gone(): Promise<{ readonly tenantId: string; readonly endedAt: number }> {
  const { tenantId } = await withHost(engine, 'CVM');
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  await engine.send(tenantId, 'endFeature', {});
  const [due] = assetDays(await engine.runWork(tenantId));
  engine.hosted = [ended('CVM')];
  await engine.setClock(due?.deleteNotBefore ?? '');
  const { snapshot } = await engine.destroy(tenantId);
  expect(snapshot.ended).toBe(true);
  return { tenantId, endedAt: Date.parse(await engine.now()) };
}

const at = (start: number, days: number, milliseconds = 0): Promise<void> =>
  engine.setClock(new Date(start + days * DAY_MS + milliseconds).toISOString());

/** All rounds that are due now; the last of them, and everybody that they name. */
async function sweepAll(): Promise<SweepRound> {
  let round = await engine.activities.sweep();
  const woken = [...round.tenantsToWake];
  while (round.more) {
    const { wokenUpTo } = round;
    round = await engine.activities.sweep(wokenUpTo === undefined ? undefined : { wokenUpTo });
    woken.push(...round.tenantsToWake);
  }
  return { ...round, tenantsToWake: woken };
}

const looks = async (tenantId: string): Promise<readonly string[]> => {
  const rows = await engine.root('control').query(
    `SELECT w.round, w.outcome FROM sweeps w JOIN cohorts c
         ON c.run_id = w.run_id AND c.due_on = w.due_on
       JOIN runs r ON r.run_id = w.run_id
      WHERE c.tenant_id = ? AND r.record_class = 'asset-basic-data' ORDER BY w.swept_at, w.run_id`,
    [tenantId],
  );
  return rows.map((row) => `${String(row['round'])} ${String(row['outcome'])}`);
};

describe('what was certified', () => {
  it('is looked at again after 1, 7 and 30 days, not earlier, and not again once it is clean [ST-1]', async () => {
    const { tenantId, endedAt } = await gone();
    await sweepAll();
    expect(await looks(tenantId)).toEqual([]);
    await at(endedAt, 1, -60_000);
    const before = await sweepAll();
    expect(await looks(tenantId)).toEqual([]);
    expect(Date.parse(before.nextAt ?? '')).toBeLessThanOrEqual(endedAt + DAY_MS);

    await at(endedAt, 1, 1_000);
    await sweepAll();
    await sweepAll();
    expect(await looks(tenantId)).toEqual(['1 clean']);
    await at(endedAt, 7, 1_000);
    await sweepAll();
    await at(endedAt, 30, 1_000);
    const last = await sweepAll();
    expect(await looks(tenantId)).toEqual(['1 clean', '2 clean', '3 clean']);
    expect(last).toMatchObject({ findings: [], tenantsToWake: [], nextAt: null });
    await at(endedAt, 400);
    expect((await sweepAll()).swept).toBe(0);
  });

  it('is looked at once when nobody looked for a month [ST-1]', async () => {
    const { tenantId, endedAt } = await gone();
    await at(endedAt, 45);
    await sweepAll();
    expect(await looks(tenantId)).toEqual(['3 clean']);
  });

  it('raises an alarm and gets a run of its own when it comes back, until it is gone again [ST-1] [ST-2]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    const bringBack = await backedUpLinks(engine, { tenantId });
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.send(tenantId, 'endFeature', {});
    const [due] = assetDays(await engine.runWork(tenantId));
    engine.hosted = [ended('CVM')];
    await engine.setClock(due?.deleteNotBefore ?? '');
    expect((await engine.destroy(tenantId)).snapshot.ended).toBe(true);
    const endedAt = Date.parse(await engine.now());

    expect(await bringBack()).toBe(1);
    await at(endedAt, 1, 1_000);
    const found = await sweepAll();
    expect(found.findings).toMatchObject([{ tenantId, outcome: 'reappeared', found: 1 }]);
    expect(found.tenantsToWake).toEqual([tenantId]);
    const entries = await engine
      .root('evidence')
      .query("SELECT COUNT(*) AS n FROM entries WHERE kind = 'data-reappeared'");
    expect(Number(entries[0]?.['n'])).toBe(1);

    const again = await engine.runWork(tenantId);
    expect(again.ended).toBe(false);
    expect((await liveRecords(engine, tenantId))['asset_links']).toBe(0);
    const [stray] = assetDays(again);
    await engine.setClock(stray?.deleteNotBefore ?? '');
    expect((await engine.destroy(tenantId)).snapshot.ended).toBe(true);
    await at(Date.parse(await engine.now()), 1, 1_000);
    expect((await sweepAll()).findings).toEqual([]);
  });

  it('of any number of tenants wakes each of them in one go, and keeps nobody else waiting [ST-1]', async () => {
    const tenants = Array.from(
      { length: 230 },
      (_, at) => `tn_flood0000000000${String(at).padStart(4, '0')}`,
    );
    const strays = tenants.map((tenantId) => [tenantId, 'ev_flood', 'asset-basic-data', 'stray']);
    await engine.root('control').execute(
      `INSERT INTO events VALUES ${strays.map(() => '(?, ?, ?, ?, ?, lethe_now(), lethe_now())').join()}`,
      strays.flatMap((event) => [...event, 'archive']),
    );
    const first = await engine.activities.sweep();
    expect(first).toMatchObject({ more: true, wokenUpTo: tenants[99] });
    expect((await sweepAll()).tenantsToWake).toEqual(tenants);
    const places = tenants.map(() => '?').join();
    await engine
      .root('control')
      .execute(
        `DELETE FROM events WHERE tenant_id IN (${places}) AND event_id = 'ev_flood'`,
        tenants,
      );
    expect((await sweepAll()).tenantsToWake).toEqual([]);
  });

  it('of a tenant that came back never touches what it collects since then [AB-2]', async () => {
    const { tenantId, asset } = await withHost(engine, 'CVM', 'Lighthouse');
    await engine.send(tenantId, 'endFeature', {});
    const { nextDueAt } = await engine.runWork(tenantId);
    await engine.setClock(nextDueAt ?? '');
    await engine.destroy(tenantId);
    const certifiedAt = Date.parse(await engine.now());
    await engine.send(tenantId, 'reactivateFeature', {});
    await engine.observe(hostReport(tenantId, asset, { observedAt: await engine.now() }));
    const live = await liveRecords(engine, tenantId);
    await at(certifiedAt, 1, 1_000);
    const round = await sweepAll();
    expect(round.findings).toEqual([]);
    expect(round.tenantsToWake).toEqual([]);
    expect(await liveRecords(engine, tenantId)).toEqual(live);
  });

  it('is looked at once a day while it is not clean, over all rounds, and the next look is never overdue [ST-1]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    const bringBack = await backedUpLinks(engine, { tenantId });
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.send(tenantId, 'endFeature', {});
    const [due] = assetDays(await engine.runWork(tenantId));
    engine.hosted = [ended('CVM')];
    await engine.setClock(due?.deleteNotBefore ?? '');
    await engine.destroy(tenantId);
    const endedAt = Date.parse(await engine.now());
    await bringBack();
    for (const days of [1, 7, 8, 30]) {
      await at(endedAt, days, days * 1_000);
      const { asOf, nextAt } = await sweepAll();
      expect(Date.parse(nextAt ?? '')).toBeGreaterThan(Date.parse(asOf));
    }
    expect(await looks(tenantId)).toEqual(['1', '2', '2', '3'].map((n) => `${n} reappeared`));
    await engine.root('assets').execute('DELETE FROM asset_links WHERE tenant_id = ?', [tenantId]);
    await at(endedAt, 32);
    expect((await sweepAll()).findings).toEqual([]);
  });
});

describe('a store that cannot be reached', () => {
  it('leaves no look behind and is asked again; the others had their turn [ST-1]', async () => {
    const { tenantId, endedAt } = await gone();
    await at(endedAt, 1, 1_000);
    await engine.root('assets').execute('RENAME TABLE scans TO scans_away');
    await expect(engine.activities.sweep()).rejects.toMatchObject({ code: 'ER_NO_SUCH_TABLE' });
    expect(await looks(tenantId)).toEqual([]);
    await engine.root('assets').execute('RENAME TABLE scans_away TO scans');
    await sweepAll();
    expect(await looks(tenantId)).toEqual(['1 clean']);
  });
});
