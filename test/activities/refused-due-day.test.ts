import { createEngineHarness, type EngineHarness } from '../support/engine';
import { newAsset, hostReport } from '../support/observations';
import { assetDays, ended, withHost } from '../support/tenant-life';

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterAll(() => engine.remove());

describe('a due day that is not what is on record', () => {
  it('is kept and raised, and what is due beside it ends all the same [AB-3]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    await engine.setClock('2030-01-08T01:00:00Z');
    const asset = newAsset();
    await engine.send(tenantId, 'linkAsset', { assetId: asset, services: ['CVM'] });
    await engine.observe(hostReport(tenantId, asset, { observedAt: await engine.now() }));
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    const [first, second] = assetDays(await engine.runWork(tenantId));
    engine.hosted = [ended('CVM')];
    await engine.setClock(second?.deleteNotBefore ?? '');
    const states = async (): Promise<readonly string[]> =>
      assetDays(await engine.snapshot(tenantId)).map(({ dueOn, state }) => `${dueOn} ${state}`);
    // Somebody ended the key of the first day for another reason than its end.
    await engine.root('keys').execute(
      `INSERT INTO key_tombstones SELECT key_ref, ?, 'pm_0000000000000000', 'retire', lethe_now()
         FROM \`${engine.environment.prefix}_control\`.cohort_keys WHERE due_on = ?`,
      [tenantId, first?.dueOn ?? ''],
    );
    const order = { tenantId, workflowNow: await engine.now() };
    await expect(engine.activities.destroyDue(order)).rejects.toMatchObject({
      code: 'VERIFICATION_FAILED',
    });
    expect(await states()).toEqual([
      `${first?.dueOn ?? ''} moved`,
      `${second?.dueOn ?? ''} destroyed`,
    ]);
  });
});
