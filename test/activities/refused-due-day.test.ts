import { LetheError } from '../../src/domain/errors';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { newAsset, hostReport } from '../support/observations';
import { assetDays, ended, withHost } from '../support/tenant-life';

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness();
});
afterAll(() => engine.remove());

let year = 2030;

/** A tenant with two due days that are due, and what became of them. */
async function twoDueDays() {
  year += 1;
  await engine.setClock(`${year}-01-07T01:00:00Z`);
  const { tenantId } = await withHost(engine, 'CVM');
  await engine.setClock(`${year}-01-08T01:00:00Z`);
  const asset = newAsset();
  await engine.send(tenantId, 'linkAsset', { assetId: asset, services: ['CVM'] });
  await engine.observe(hostReport(tenantId, asset, { observedAt: await engine.now() }));
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  const [first, second] = assetDays(await engine.runWork(tenantId));
  engine.hosted = [ended('CVM')];
  await engine.setClock(second?.deleteNotBefore ?? '');
  const states = async (): Promise<readonly string[]> =>
    assetDays(await engine.snapshot(tenantId)).map(({ dueOn, state }) => `${dueOn} ${state}`);
  return { tenantId, first, second, states };
}

describe('a due day that is not what is on record', () => {
  it('is kept and raised, and what is due beside it ends all the same [AB-3]', async () => {
    const { tenantId, first, second, states } = await twoDueDays();
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

describe('surroundings that are not what they must be', () => {
  it.each(['CLOCK_UNSAFE', 'CONFIGURATION_INVALID', 'ENVIRONMENT_MISMATCH'] as const)(
    'end the round at once, and nothing of any due day goes: %s [AB-1] [AB-3]',
    async (code) => {
      const { tenantId, first, second, states } = await twoDueDays();
      const known = [ended('CVM')];
      let asked = 0;
      engine.hosted = Object.assign([...known], {
        find: (...given: Parameters<typeof known.find>) => {
          asked += 1;
          if (asked === 1) throw new LetheError(code, 'the surroundings are not safe');
          return known.find(...given);
        },
      });
      const order = { tenantId, workflowNow: await engine.now() };
      await expect(engine.activities.destroyDue(order)).rejects.toMatchObject({ code });
      expect(asked).toBe(1);
      const days = [first?.dueOn ?? '', second?.dueOn ?? ''];
      expect(await states()).toEqual(days.map((dueOn) => `${dueOn} moved`));
      await engine.activities.destroyDue(order);
      expect(await states()).toEqual(days.map((dueOn) => `${dueOn} destroyed`));
    },
  );
});
