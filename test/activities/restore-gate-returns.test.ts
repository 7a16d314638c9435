import { checkControl } from '../../src/activities/restore-gate/check-control';
import { findReappeared } from '../../src/activities/restore-gate/find-reappeared';
import { replayControl } from '../../src/activities/restore-gate/replay-control';
import { replayStore, type ReplayPorts } from '../../src/activities/restore-gate/replay-store';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { hostReport, newAsset } from '../support/observations';
import { loseRows, replayPorts } from '../support/restore-gate';
import { hold } from '../support/holds';
import { ended, liveDigest, subscribed } from '../support/tenant-life';

let engine: EngineHarness;
let ports: ReplayPorts;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
  const { stores, parts } = engine;
  const documents = async (role: 'verifier' | 'purger') => ({
    client: await stores.mongo(role),
    prefix: stores.prefix,
  });
  ports = {
    finder: {
      control: stores.sql('verifier', 'control'),
      assets: stores.sql('verifier', 'assets'),
      configuration: stores.sql('verifier', 'configuration'),
      documents: await documents('verifier'),
    },
    checkpoints: parts.checkpoints,
    control: stores.sql('control', 'control'),
    issuer: stores.sql('issuer', 'control'),
    purge: {
      purger: stores.sql('purger', 'control'),
      assets: stores.sql('purger', 'assets'),
      configuration: stores.sql('purger', 'configuration'),
      documents: await documents('purger'),
      newToken: parts.newToken,
    },
    ledger: parts.ledger,
    derive: parts.derive,
    newToken: parts.newToken,
  };
});
afterAll(() => engine.remove());

const later = async (days: number): Promise<void> =>
  engine.setClock(new Date(Date.parse(await engine.now()) + days * 86_400_000).toISOString());

/** An asset of a service that has ended, archived; then seen under another one, so that it comes back. */
async function cameBack(while_: { readonly held: boolean }): Promise<string> {
  const tenantId = await subscribed(engine, 'CVM', 'Lighthouse');
  const assetId = newAsset();
  await engine.send(tenantId, 'linkAsset', { assetId, services: ['CVM'] });
  await engine.observe(hostReport(tenantId, assetId, { observedAt: await engine.now() }));
  await later(1);
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  await engine.runWork(tenantId);
  engine.hosted = [ended('CVM')];
  // Under a hold the archive stays although everything is back.
  if (while_.held) await hold(engine, tenantId);
  const report = hostReport(tenantId, assetId, { observedAt: await engine.now() });
  (report.assets[0] as { links: unknown }).links = { to: 'services', services: ['Lighthouse'] };
  await engine.observe(report);
  await engine.runWork(tenantId);
  return tenantId;
}

/** Control as it was before the asset came back: no command tells of it, so nobody sends one again. */
const loseReturn = (tenantId: string): Promise<void> => {
  const runs = `run_id IN (SELECT run_id FROM runs WHERE tenant_id = '${tenantId}')`;
  return loseRows(engine, [
    `DELETE FROM asset_uses WHERE tenant_id = '${tenantId}' AND service = 'Lighthouse'`,
    `DELETE FROM cohort_states WHERE ${runs}`,
    `DELETE FROM returned_batches WHERE ${runs}`,
    `DELETE FROM verifications WHERE ${runs} AND subject = 'restored'`,
    `DELETE FROM event_closings WHERE tenant_id = '${tenantId}' AND event_id IN (
       SELECT event_id FROM events WHERE event_kind = 'restore')`,
    `DELETE FROM events WHERE tenant_id = '${tenantId}' AND event_kind = 'restore'`,
  ]);
};

const lift = (freezeId: string): Promise<void> =>
  loseRows(engine, [
    `INSERT INTO freeze_lifts VALUES ('${freezeId}', 'a', lethe_now()), ('${freezeId}', 'b', lethe_now())`,
  ]);

const returnsOf = async (tenantId: string) =>
  (await checkControl(replayPorts(engine).checkpoints)).returns.filter(
    (one) => one.tenantId === tenantId,
  );

describe('what came back before a backup of control was restored that does not know it', () => {
  it.each([
    { held: false, archive: 'has ended' },
    { held: true, archive: 'is still there' },
  ])(
    'stays live whatever the gate is asked to remove, when its archive $archive [AB-1] [AB-2]',
    async ({ held }) => {
      const tenantId = await cameBack({ held });
      expect(await returnsOf(tenantId)).toEqual([]);
      const live = await liveDigest(engine, tenantId);
      await loseReturn(tenantId);
      expect(await returnsOf(tenantId)).toMatchObject([{ tenantId, isArchiveGone: !held }]);

      const replayed = await replayControl(replayPorts(engine), { replayedBy: 'ops-1' });
      expect(replayed.returns).toBe(1);
      await lift(replayed.freezeId);
      await engine.runWork(tenantId);
      expect(await returnsOf(tenantId)).toEqual([]);
      for (const store of ['mysql', 'mongodb'] as const) {
        expect(await findReappeared(ports.finder, store)).toEqual([]);
        await replayStore(ports, store);
      }
      expect(await liveDigest(engine, tenantId)).toEqual(live);
    },
  );
});
