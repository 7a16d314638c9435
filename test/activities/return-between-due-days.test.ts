import { readLedger } from '../../src/activities/evidence/read-ledger';
import {
  findReappeared,
  type FinderPorts,
} from '../../src/activities/restore-gate/find-reappeared';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { hostReport, newAsset } from '../support/observations';
import { assetDays, ended, liveRecords, subscribed } from '../support/tenant-life';

const DAY_MS = 86_400_000;

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterAll(() => engine.remove());

const later = async (days: number): Promise<void> =>
  engine.setClock(new Date(Date.parse(await engine.now()) + days * DAY_MS).toISOString());

const order = async (tenantId: string) => ({ tenantId, workflowNow: await engine.now() });

/** Rows of one asset, as a backup has them; the answer puts them back. */
async function backupOf(assetId: string): Promise<() => Promise<void>> {
  const root = engine.root('assets');
  const rows = await root.query('SELECT * FROM asset_links WHERE asset_id = ?', [assetId]);
  return async () => {
    for (const row of rows) {
      const columns = Object.keys(row);
      await root.execute(
        `INSERT INTO asset_links (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
        Object.values(row) as string[],
      );
    }
  };
}

interface TwoDays {
  readonly tenantId: string;
  /** Puts a row back that went with the first due day. */
  readonly bringFirst: () => Promise<void>;
  /** Puts a row back that waits with the second one. */
  readonly bringSecond: () => Promise<void>;
}

/** A tenant whose use has ended with two due days in one run; the first of them can go now. */
async function withTwoDays(): Promise<TwoDays> {
  const tenantId = await subscribed(engine, 'CVM');
  const scan = async (): Promise<string> => {
    const assetId = newAsset();
    await engine.send(tenantId, 'linkAsset', { assetId, services: ['CVM'] });
    await engine.observe(hostReport(tenantId, assetId, { observedAt: await engine.now() }));
    return assetId;
  };
  const first = await scan();
  await later(150);
  const second = await scan();
  const bringFirst = await backupOf(first);
  const bringSecond = await backupOf(second);
  await later(10);
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  const days = assetDays(await engine.runWork(tenantId));
  expect(days.map(({ records }) => records)).toEqual([7, 7]);
  engine.hosted = [ended('CVM')];
  await engine.setClock(days[0]?.deleteNotBefore ?? '');
  return { tenantId, bringFirst, bringSecond };
}

/** The same tenant after its first due day went and before it was certified, in use again. */
async function destroyedAndBack(): Promise<TwoDays> {
  const two = await withTwoDays();
  await engine.activities.destroyDue(await order(two.tenantId));
  await engine.send(two.tenantId, 'attachService', { service: 'CVM' });
  return two;
}

const trips = async (tenantId: string): Promise<number> => {
  const rows = await engine
    .root('control')
    .query('SELECT COUNT(*) AS n FROM breaker_trips WHERE tenant_id = ?', [tenantId]);
  return Number(rows[0]?.['n']);
};

const looks = async (tenantId: string): Promise<readonly string[]> => {
  const rows = await engine.root('control').query(
    `SELECT w.outcome, w.found FROM sweeps w
       JOIN cohorts c ON c.run_id = w.run_id AND c.due_on = w.due_on
      WHERE c.tenant_id = ? ORDER BY w.swept_at`,
    [tenantId],
  );
  return rows.map((row) => `${String(row['outcome'])} ${String(row['found'])}`);
};

const finder = async (): Promise<FinderPorts> => ({
  control: engine.stores.sql('verifier', 'control'),
  assets: engine.stores.sql('verifier', 'assets'),
  configuration: engine.stores.sql('verifier', 'configuration'),
  documents: {
    client: await engine.stores.mongo('verifier'),
    prefix: engine.stores.prefix,
  },
});

const reappeared = async (tenantId: string) =>
  (await findReappeared(await finder(), 'mysql'))
    .filter((batch) => batch.tenantId === tenantId)
    .map(({ location, records }) => ({ location, records }));

describe('a due day that went before the rest of its run came back', () => {
  it('is certified and trips nothing, although records of its run are live by right [AB-2] [AB-3]', async () => {
    const { tenantId } = await destroyedAndBack();
    await engine.runWork(tenantId);
    expect((await liveRecords(engine, tenantId))['fingerprints']).toBe(3);
    const { progress, snapshot } = await engine.activities.verifyAndCertify(await order(tenantId));
    expect(progress).toMatchObject({ blockedOn: null, counts: { certified: 1 } });
    expect(snapshot.counters.certificates).toBe(1);
    expect(await trips(tenantId)).toBe(0);
  });

  it('is not certified while a record of its own is live [AB-3]', async () => {
    const { tenantId, bringFirst } = await destroyedAndBack();
    await engine.runWork(tenantId);
    await bringFirst();
    const { progress } = await engine.activities.verifyAndCertify(await order(tenantId));
    expect(progress).toMatchObject({ blockedOn: 'verification', counts: { certified: 0 } });
    await engine
      .root('control')
      .execute(
        `INSERT INTO breaker_resets SELECT trip_id, 'a', 'looked at', lethe_now() FROM breaker_trips`,
      );
  });

  it('waits for its certificate while the rest is half back, and trips nothing [AB-2]', async () => {
    const { tenantId, bringSecond } = await destroyedAndBack();
    await bringSecond();
    const { progress } = await engine.activities.verifyAndCertify(await order(tenantId));
    expect(progress).toMatchObject({ blockedOn: 'restore', counts: { certified: 0 } });
    expect(await trips(tenantId)).toBe(0);
    await engine.runWork(tenantId);
    const after = await engine.activities.verifyAndCertify(await order(tenantId));
    expect(after.progress).toMatchObject({ blockedOn: null, counts: { certified: 1 } });
  });

  it('raises no alarm a day later, and one as soon as something of it is there again [AB-2] [ST-1]', async () => {
    const { tenantId, bringFirst } = await withTwoDays();
    await engine.destroy(tenantId);
    await engine.send(tenantId, 'attachService', { service: 'CVM' });
    await later(1.1);
    await engine.activities.sweep();
    // Nobody can tell yet what is live by right.
    expect(await looks(tenantId)).toEqual([]);
    await engine.runWork(tenantId);
    await engine.activities.sweep();
    expect(await looks(tenantId)).toEqual(['clean 0']);
    for await (const { kind } of readLedger(engine.parts.ledger.pool, { tenantId })) {
      expect(kind).not.toBe('data-reappeared');
    }
    await bringFirst();
    await later(7);
    await engine.activities.sweep();
    expect(await looks(tenantId)).toEqual(['clean 0', 'reappeared 1']);
  });

  it('is looked for by the restore gate, and what came back is left alone [AB-2] [ST-1]', async () => {
    const { tenantId, bringFirst } = await withTwoDays();
    await engine.destroy(tenantId);
    await engine.send(tenantId, 'attachService', { service: 'CVM' });
    await engine.runWork(tenantId);
    expect(await reappeared(tenantId)).toEqual([]);
    await bringFirst();
    expect(await reappeared(tenantId)).toEqual([
      { location: 'mysql:assets.asset_links', records: 1 },
    ]);
  });
});
