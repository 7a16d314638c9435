import { readFreezes } from '../../src/activities/control/read-interlocks';
import { exportCheckpoint } from '../../src/activities/evidence/checkpoints';
import { checkControl } from '../../src/activities/restore-gate/check-control';
import { replayControl } from '../../src/activities/restore-gate/replay-control';
import { replayStore, type ReplayPorts } from '../../src/activities/restore-gate/replay-store';
import { proveSurroundings } from '../../src/composition/prove-surroundings';
import type { SqlPool } from '../../src/contracts/sql';
import { isLetheError } from '../../src/domain/errors';
import { loadConfig } from '../../src/platform/config';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { hold } from '../support/holds';
import { cameBack, loseReturn } from '../support/lost-return';
import { backedUpTenant } from '../support/put-back';
import { lift, loseRows, replayPorts, replayStorePorts } from '../support/restore-gate';
import { ended, liveDigest, liveRecords, withHost } from '../support/tenant-life';

let engine: EngineHarness;
let stores: ReplayPorts;

beforeEach(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
  stores = await replayStorePorts(engine);
});
afterEach(() => engine.remove());

const start = (): Promise<void> =>
  proveSurroundings(
    loadConfig({ ...process.env, LETHE_ENVIRONMENT: engine.environment.name }),
    engine.options,
    engine.parts,
  );

/** A tenant whose data was destroyed with proof, and is live again from a backup. */
async function backFromBackup(): Promise<string> {
  const { tenantId } = await withHost(engine, 'CVM');
  const restore = await backedUpTenant(engine, tenantId);
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  await engine.send(tenantId, 'endFeature', {});
  const retained = await engine.runWork(tenantId);
  engine.hosted = [ended('CVM')];
  const last = retained.dueDays.map(({ deleteNotBefore }) => deleteNotBefore ?? '').sort();
  await engine.setClock(last.at(-1) ?? '');
  expect((await engine.destroy(tenantId)).snapshot).toMatchObject({ ended: true });
  await restore();
  return tenantId;
}

const loseHolds = (): Promise<void> =>
  loseRows(
    engine,
    ['hold_scopes', 'hold_grounds', 'holds'].map((table) => `DELETE FROM ${table}`),
  );

/** Both stores; the codes with which they were refused. */
async function replayStores(): Promise<readonly string[]> {
  const refused: string[] = [];
  for (const store of ['mysql', 'mongodb'] as const) {
    await replayStore(stores, store).catch((error: unknown) => {
      if (!isLetheError(error)) throw error;
      refused.push(error.code);
    });
  }
  return refused;
}

/** Whatever stands before it is lifted, so that nothing but what the gate knows keeps anything. */
async function liftAll(): Promise<void> {
  for (const { freezeId, inForce } of await readFreezes(engine.root('control'))) {
    if (inForce) await lift(engine, freezeId);
  }
}

const isEmpty = async (tenantId: string): Promise<boolean> =>
  Object.values(await liveRecords(engine, tenantId)).every((n) => n === 0);

describe('a hold that control has forgotten and no checkpoint knows', () => {
  it('lets no worker start and nothing be removed again, until it was put back [AB-1] [CC-4]', async () => {
    const tenantId = await backFromBackup();
    await start();
    await hold(engine, tenantId);
    const live = await liveDigest(engine, tenantId);
    await loseHolds();
    expect(await checkControl(engine.parts.checkpoints)).toMatchObject({ older: false });
    await expect(start()).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
    expect(await replayStores()).toEqual(['VERIFICATION_FAILED', 'VERIFICATION_FAILED']);
    expect(await liveDigest(engine, tenantId)).toEqual(live);

    await replayControl(replayPorts(engine), { replayedBy: 'ops-1' });
    await start();
    await liftAll();
    expect(await replayStores()).toEqual([]);
    expect(await liveDigest(engine, tenantId)).toEqual(live);
  });
});

describe('stores that are replayed while control is', () => {
  it('lose nothing that control forbids once it was replayed wholly, wherever it stands [AB-1] [AB-2] [CC-4]', async () => {
    const held = await backFromBackup();
    const free = await backFromBackup();
    const returned = await cameBack(engine, { held: false });
    await hold(engine, held);
    await exportCheckpoint(engine.parts.checkpoints, { mode: 'legal-hold' });
    const digests = async () => [
      await liveDigest(engine, held),
      await liveDigest(engine, returned),
    ];
    const live = await digests();
    await loseHolds();
    await loseReturn(engine, returned);

    // The stores first.
    expect(await replayStores()).toEqual(['VERIFICATION_FAILED', 'VERIFICATION_FAILED']);
    // Then at every statement with which control is brought forward.
    const outcomes: string[] = [];
    const ports = replayPorts(engine);
    const meanwhile = async (): Promise<void> => {
      await liftAll();
      const refused = await replayStores();
      outcomes.push(...new Set(refused.length === 0 ? ['passed'] : refused));
      expect(await digests()).toEqual(live);
    };
    await replayControl(
      { ...ports, control: between(ports.control, meanwhile) },
      { replayedBy: 'ops-1' },
    );
    expect(outcomes.length).toBeGreaterThan(5);
    expect(outcomes[0]).toBe('VERIFICATION_FAILED');

    // And after it; what nobody forbids goes.
    await engine.runWork(returned);
    await liftAll();
    expect(await replayStores()).toEqual([]);
    expect(await digests()).toEqual(live);
    expect(await isEmpty(free)).toBe(true);
  });
});

/** Control of a process beside which something else happens before each of its writes. */
function between(control: SqlPool, happens: () => Promise<void>): SqlPool {
  return {
    ...control,
    execute: async (statement, params) => {
      await happens();
      return control.execute(statement, params);
    },
    transaction: async (work) => {
      await happens();
      return control.transaction(work);
    },
  };
}
