import { checkControl } from '../../src/activities/restore-gate/check-control';
import {
  replayControl,
  type ReplayControlPorts,
} from '../../src/activities/restore-gate/replay-control';
import { exportCheckpoint } from '../../src/activities/evidence/checkpoints';
import { proveSurroundings } from '../../src/composition/prove-surroundings';
import { loadConfig } from '../../src/platform/config';
import { readHold } from '../../src/activities/control/read-holds';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { approveRelease, hold, placeOver } from '../support/holds';
import { lift, loseRows, replayPorts } from '../support/restore-gate';
import { ended, withHost } from '../support/tenant-life';

let engine: EngineHarness;
let ports: ReplayControlPorts;

beforeEach(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
  ports = replayPorts(engine);
});
afterEach(() => engine.remove());

const lose = (...statements: readonly string[]): Promise<void> => loseRows(engine, statements);

/** Tables as they were before anything was in them. */
const without = (...tables: readonly string[]): readonly string[] =>
  tables.map((table) => `DELETE FROM ${table}`);

const start = (): Promise<void> =>
  proveSurroundings(
    loadConfig({ ...process.env, LETHE_ENVIRONMENT: engine.environment.name }),
    engine.options,
    engine.parts,
  );

const checkpoint = (): Promise<unknown> =>
  exportCheckpoint(engine.parts.checkpoints, { mode: 'legal-hold' });

const replay = () => replayControl(ports, { replayedBy: 'ops-1' });

/** A tenant whose archive is due now. */
async function due(): Promise<string> {
  const { tenantId } = await withHost(engine, 'CVM');
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  await engine.send(tenantId, 'endFeature', {});
  const retained = await engine.runWork(tenantId);
  engine.hosted = [ended('CVM')];
  const last = retained.dueDays.map(({ deleteNotBefore }) => deleteNotBefore ?? '').sort();
  await engine.setClock(last.at(-1) ?? '');
  return tenantId;
}

describe('a control store that has lost nothing', () => {
  it('is what the evidence says, and workers start [CC-4]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    await hold(engine, tenantId);
    await checkpoint();
    expect(await checkControl(ports.checkpoints)).toMatchObject({
      older: false,
      ledgerUnsound: false,
      holds: [],
      freezes: [],
      tombstones: [],
      commands: [],
    });
    await start();
  });
});

describe('a control store that came back from a backup', () => {
  it('stops workers until its lost hold is back, and destroys nothing under it then [CC-4] [AB-1]', async () => {
    const tenantId = await due();
    await hold(engine, tenantId);
    await checkpoint();
    await lose(...without('hold_scopes', 'hold_grounds', 'holds'));
    await expect(start()).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
    const verdict = await checkControl(ports.checkpoints);
    expect(verdict).toMatchObject({ older: true, ledgerUnsound: false });
    expect(verdict.holds).toMatchObject([{ tenantId, placedBy: 'dpo-1', release: null }]);

    const replayed = await replay();
    expect(replayed).toMatchObject({ holds: 1, commands: [] });
    await start();
    expect(await checkControl(ports.checkpoints)).toMatchObject({ holds: [], older: false });
    await lift(engine, replayed.freezeId);
    const held = await engine.destroy(tenantId);
    expect(held.snapshot).toMatchObject({ ended: false, blockedOn: 'hold' });
  });

  it('keeps under a hold whose release was withdrawn although the backup knows only its approval [CC-4]', async () => {
    const tenantId = await due();
    const { holdId } = await placeOver(engine, [
      { tenantId, recordClass: 'asset-basic-data', hostingService: 'CVM' },
    ]);
    const releasedAt = await approveRelease(engine, holdId);
    await engine.activities.withdrawHoldRelease({ holdId, withdrawnBy: 'dpo-3' });
    await checkpoint();
    await lose(...without('hold_release_withdrawals'));
    expect((await checkControl(ports.checkpoints)).releaseSteps).toMatchObject([
      { holdId, act: 'withdrawn', by: 'dpo-3' },
    ]);
    await expect(start()).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
    const { freezeId, releaseSteps } = await replay();
    expect(releaseSteps).toBe(1);
    await lift(engine, freezeId);
    await engine.setClock(new Date(Date.parse(releasedAt) + 10_800_000).toISOString());
    expect((await engine.destroy(tenantId)).snapshot).toMatchObject({ blockedOn: 'hold' });
  });

  it('has a lost hold back with its scopes, its facts and its approved release [CC-4]', async () => {
    const tenantId = await due();
    const { holdId } = await placeOver(
      engine,
      [{ tenantId, recordClass: 'asset-basic-data', hostingService: 'CVM' }],
      { matter: 'Case_77.4' },
    );
    const releasedAt = await approveRelease(engine, holdId);
    const before = await readHold(ports.control, holdId);
    await checkpoint();
    await lose(
      ...without('hold_scopes', 'hold_grounds', 'holds'),
      ...without('hold_releases', 'hold_release_requests'),
    );
    const { holds, releaseSteps, freezeId } = await replay();
    expect([holds, releaseSteps]).toEqual([1, 2]);
    const after = await readHold(ports.control, holdId);
    expect({ ...after, groundDigest: '' }).toEqual({ ...before, groundDigest: '' });
    await lift(engine, freezeId);
    expect((await engine.destroy(tenantId)).snapshot.blockedOn).toBe('hold');
    await engine.setClock(new Date(Date.parse(releasedAt) + 10_800_000).toISOString());
    expect((await engine.destroy(tenantId)).snapshot.ended).toBe(true);
  });

  it('lets workers start frozen while commands are still missing, and lists them', async () => {
    const tenantId = await due();
    await checkpoint();
    await lose(`DELETE FROM commands WHERE kind = 'endFeature' LIMIT 1`);
    await expect(start()).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
    const replayed = await replay();
    expect(replayed.commands).toMatchObject([{ tenantId, command: 'endFeature' }]);
    await start();
    expect((await engine.destroy(tenantId)).blockedOn).toBe('freeze');
    // Restored once more, it does not know the freeze and is refused again.
    await lose(...without('freezes'));
    await expect(start()).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
  });

  it('knows again which keys are gone, and finishes and proves their end [AB-3]', async () => {
    const tenantId = await due();
    await engine.activities.destroyDue({ tenantId, workflowNow: await engine.now() });
    await checkpoint();
    await lose(...without('tombstones', 'cohort_states'));
    const replayed = await replay();
    expect(replayed).toMatchObject({ tombstones: 1, unknownTombstones: [] });
    const { freezeId } = replayed;
    await lift(engine, freezeId);
    expect((await engine.destroy(tenantId)).snapshot).toMatchObject({ ended: true });
  });

  it('puts back a freeze that was in force and not one that was lifted', async () => {
    await due();
    const act = (subject: string, kind: string, more: object = {}) =>
      engine.parts.ledger.append({
        tenantId: null,
        kind,
        subject,
        details: { freezeId: subject, scope: 'global', placedBy: 'ops-1', ...more },
      });
    const placedAt = await engine.now();
    await act('fz_inforce000000001', 'freeze-placed', { placedAt });
    await act('fz_lifted0000000001', 'freeze-placed', { placedAt });
    await act('fz_lifted0000000001', 'freeze-lifted');
    expect((await checkControl(ports.checkpoints)).freezes).toMatchObject([
      { freezeId: 'fz_inforce000000001' },
    ]);
    expect(await replay()).toMatchObject({ freezes: 1 });
    expect(await replay()).toMatchObject({ freezes: 0, holds: 0, tombstones: 0 });
  });

  it('is not brought forward by evidence that is older itself', async () => {
    await due();
    await checkpoint();
    await engine.root('evidence').execute('DELETE FROM entries WHERE sequence > 1');
    expect(await checkControl(ports.checkpoints)).toMatchObject({ ledgerUnsound: true });
    await expect(replay()).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
    await expect(start()).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
  });
});
