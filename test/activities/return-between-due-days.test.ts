import { readLedger } from '../../src/activities/evidence/read-ledger';
import { findReappeared } from '../../src/activities/restore-gate/find-reappeared';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { daysLater } from '../support/put-back';
import { finderPorts } from '../support/restore-gate';
import { liveRecords } from '../support/tenant-life';
import { destroyedAndBack, withTwoDays } from '../support/two-due-days';

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterAll(() => engine.remove());

const order = async (tenantId: string) => ({ tenantId, workflowNow: await engine.now() });

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

const reappeared = async (tenantId: string) =>
  (await findReappeared(await finderPorts(engine), 'mysql'))
    .filter((batch) => batch.tenantId === tenantId)
    .map(({ location, records }) => ({ location, records }));

describe('a due day that went before the rest of its run came back', () => {
  it('is certified and trips nothing, although records of its run are live by right [AB-2] [AB-3]', async () => {
    const { tenantId } = await destroyedAndBack(engine);
    await engine.runWork(tenantId);
    expect((await liveRecords(engine, tenantId))['fingerprints']).toBe(3);
    const { progress, snapshot } = await engine.activities.verifyAndCertify(await order(tenantId));
    expect(progress).toMatchObject({ blockedOn: null, counts: { certified: 1 } });
    expect(snapshot.counters.certificates).toBe(1);
    expect(await trips(tenantId)).toBe(0);
  });

  it('is not certified while a record of its own is live [AB-3]', async () => {
    const { tenantId, bringFirst } = await destroyedAndBack(engine);
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
    const { tenantId, bringSecond } = await destroyedAndBack(engine);
    await bringSecond();
    const { progress } = await engine.activities.verifyAndCertify(await order(tenantId));
    expect(progress).toMatchObject({ blockedOn: 'restore', counts: { certified: 0 } });
    expect(await trips(tenantId)).toBe(0);
    await engine.runWork(tenantId);
    const after = await engine.activities.verifyAndCertify(await order(tenantId));
    expect(after.progress).toMatchObject({ blockedOn: null, counts: { certified: 1 } });
  });

  it('raises no alarm a day later, and one as soon as something of it is there again [AB-2] [ST-1]', async () => {
    const { tenantId, bringFirst } = await withTwoDays(engine);
    await engine.destroy(tenantId);
    await engine.send(tenantId, 'attachService', { service: 'CVM' });
    await daysLater(engine, 1.1);
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
    await daysLater(engine, 7);
    await engine.activities.sweep();
    expect(await looks(tenantId)).toEqual(['clean 0', 'reappeared 1']);
  });

  it('is looked for by the restore gate, and what came back is left alone [AB-2] [ST-1]', async () => {
    const { tenantId, bringFirst } = await withTwoDays(engine);
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
