import { checkControl } from '../../src/activities/restore-gate/check-control';
import { findReappeared } from '../../src/activities/restore-gate/find-reappeared';
import { replayControl } from '../../src/activities/restore-gate/replay-control';
import { replayStore, type ReplayPorts } from '../../src/activities/restore-gate/replay-store';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { cameBack, loseReturn } from '../support/lost-return';
import { lift, replayPorts, replayStorePorts } from '../support/restore-gate';
import { liveDigest } from '../support/tenant-life';

let engine: EngineHarness;
let ports: ReplayPorts;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
  ports = await replayStorePorts(engine);
});
afterAll(() => engine.remove());

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
      const tenantId = await cameBack(engine, { held });
      expect(await returnsOf(tenantId)).toEqual([]);
      const live = await liveDigest(engine, tenantId);
      await loseReturn(engine, tenantId);
      expect(await returnsOf(tenantId)).toMatchObject([{ tenantId, isArchiveGone: !held }]);

      const replayed = await replayControl(replayPorts(engine), { replayedBy: 'ops-1' });
      expect(replayed.returns).toBe(1);
      await lift(engine, replayed.freezeId);
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
