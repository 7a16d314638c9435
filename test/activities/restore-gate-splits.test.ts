import { exportCheckpoint } from '../../src/activities/evidence/checkpoints';
import { checkControl } from '../../src/activities/restore-gate/check-control';
import { replayControl } from '../../src/activities/restore-gate/replay-control';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { placeOver, release } from '../support/holds';
import { IS_LONG } from '../support/long-form';
import { lift, loseRows, OF_RUNS, replayPorts } from '../support/restore-gate';
import { assetDays, objectsOf } from '../support/tenant-life';
import {
  archivedIn,
  certificatesOf,
  Died,
  dueDay,
  intercepting,
  keysGone,
  retained,
  rowsOf,
} from '../support/withheld';

let engine: EngineHarness;
/** The worker dies at the first permit. */
let dies = false;
beforeEach(async () => {
  engine = await createEngineHarness((stores) => ({
    ...stores,
    sql: (...login) =>
      intercepting(stores.sql(...login), () => (dies ? { at: /CALL issue_destroy_permit/ } : null)),
  }));
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterEach(() => engine.remove());

const HOUR_MS = 3_600_000;
const at = (instant: string, shiftMs = 0): Promise<void> =>
  engine.setClock(new Date(Date.parse(instant) + shiftMs).toISOString());

const withoutRun = (runId: string): readonly string[] =>
  OF_RUNS.map((table) => `DELETE FROM ${table} WHERE run_id = '${runId}'`);
const WITHOUT_SPLITS = ['DELETE FROM cohort_splits', 'DELETE FROM split_verdicts'];

/** A due day that was split for a hold, one host of two or a range being withheld. */
async function split(
  scope: (asset: string) => object,
  how: 'dies' | 'destroyed' | 'certified',
  onlyOther = false,
) {
  const life = { at: '2030-03-01T01:00:00Z', endsAt: '2030-10-01T01:00:00Z', onlyOther };
  const { tenantId, asset } = await retained(engine, life);
  const before = await dueDay(engine, tenantId);
  const { holdId } = await placeOver(engine, [
    { tenantId, recordClass: 'asset-basic-data', ...scope(asset) },
  ]);
  await at(before.deleteNotBefore ?? '', 1);
  const order = { tenantId, workflowNow: await engine.now() };
  dies = how === 'dies';
  if (dies) await expect(engine.activities.destroyDue(order)).rejects.toThrow(Died);
  else await engine.activities.destroyDue(order);
  dies = false;
  if (how === 'certified') await engine.activities.verifyAndCertify(order);
  const days = assetDays(await engine.snapshot(tenantId));
  const child = days.find(({ splitFrom }) => splitFrom !== undefined);
  if (child === undefined) throw new Error('nothing was withheld');
  const kept = await archivedIn(engine, tenantId, child);
  await exportCheckpoint(engine.parts.checkpoints, { mode: 'legal-hold' });
  return { tenantId, before, child, holdId, kept };
}

async function replayAndLift() {
  const replayed = await replayControl(replayPorts(engine), { replayedBy: 'ops-1' });
  const { freezeId } = replayed;
  await lift(engine, freezeId);
  return replayed;
}

const certificateOf = async (tenantId: string, run: string) =>
  (await certificatesOf(engine, tenantId)).filter(({ runId }) => runId === run);

describe('a control store that has lost a split', () => {
  it.each(IS_LONG ? (['dies', 'destroyed', 'certified'] as const) : (['destroyed'] as const))(
    'has what was withheld back from its own archive, after the split that %s, and it ends after the hold [CC-4] [AB-3]',
    async (how) => {
      const { tenantId, before, child, holdId, kept } = await split(
        (assetId) => ({ assetId }),
        how,
      );
      await loseRows(engine, [
        ...WITHOUT_SPLITS,
        ...withoutRun(child.runId),
        'DELETE FROM tombstones',
        `DELETE FROM cohort_states WHERE run_id = '${before.runId}'`,
      ]);
      const lost = await checkControl(replayPorts(engine).checkpoints);
      expect(lost.splits).toMatchObject([
        { runId: before.runId, holdId, withheldRunId: child.runId, withheld: kept.length },
      ]);
      expect(await replayAndLift()).toMatchObject({ splits: 1, unknownSplits: [] });
      await engine.destroy(tenantId);
      expect(await keysGone(engine, tenantId)).toEqual([`asset:${before.runId}:${before.dueOn}`]);
      expect(assetDays(await engine.snapshot(tenantId))).toMatchObject([
        {
          ...{ runId: child.runId, records: kept.length, deleteNotBefore: null },
          splitFrom: { runId: before.runId, holdId },
        },
      ]);
      expect(await archivedIn(engine, tenantId, child)).toEqual(kept);
      // The certificate of the rest does not say that what is withheld is gone.
      expect(await certificateOf(tenantId, before.runId)).toMatchObject([
        { withheld: [{ holdId, runId: child.runId, records: kept.length }] },
      ]);
      const trips = await rowsOf(engine.root('control'), 'SELECT cause FROM breaker_trips');
      expect(trips).toEqual([]);
      await release(engine, holdId);
      await at(await engine.now(), 3 * HOUR_MS);
      expect((await engine.destroy(tenantId)).snapshot.ended).toBe(true);
      expect(await objectsOf(engine, tenantId)).toBe(0);
      expect(await certificateOf(tenantId, child.runId)).toMatchObject([{ withheld: [] }]);
    },
  );

  it('has back what was withheld of a withheld run that has ended, and the certificate of the due day names it [CC-4] [AB-3]', async () => {
    const { tenantId, before, child, holdId } = await split(
      (assetId) => ({ assetId }),
      'destroyed',
    );
    const february = { collectedTo: '2030-02-01T00:00:00Z' };
    const second = await placeOver(engine, [
      { tenantId, recordClass: 'asset-basic-data', ...february },
    ]);
    await release(engine, holdId);
    await at(await engine.now(), 3 * HOUR_MS);
    await engine.activities.destroyDue({ tenantId, workflowNow: await engine.now() });
    const left = assetDays(await engine.snapshot(tenantId)).filter(
      ({ splitFrom }) => splitFrom?.holdId === second.holdId,
    );
    expect(left).toMatchObject([{ splitFrom: { runId: child.runId } }]);
    const [grandchild = child] = left;
    const kept = await archivedIn(engine, tenantId, grandchild);
    await exportCheckpoint(engine.parts.checkpoints, { mode: 'legal-hold' });
    await loseRows(engine, [
      ...WITHOUT_SPLITS,
      ...withoutRun(child.runId),
      ...withoutRun(grandchild.runId),
      'DELETE FROM tombstones',
      `DELETE FROM cohort_states WHERE run_id = '${before.runId}'`,
    ]);
    expect(await replayAndLift()).toMatchObject({ splits: 2, unknownSplits: [] });
    const { blockedOn } = await engine.destroy(tenantId);
    expect(blockedOn).not.toBe('split');
    expect(assetDays(await engine.snapshot(tenantId))).toMatchObject([
      {
        ...{ runId: grandchild.runId, records: kept.length, deleteNotBefore: null },
        splitFrom: { runId: child.runId, holdId: second.holdId },
      },
    ]);
    expect(await archivedIn(engine, tenantId, grandchild)).toEqual(kept);
    expect(await certificateOf(tenantId, before.runId)).toMatchObject([
      { withheld: [{ holdId: second.holdId, runId: grandchild.runId, records: kept.length }] },
    ]);
    const trips = await rowsOf(engine.root('control'), 'SELECT cause FROM breaker_trips');
    expect(trips).toEqual([]);
    await release(engine, second.holdId);
    await at(await engine.now(), 3 * HOUR_MS);
    await engine.destroy(tenantId);
    await engine.runWork(tenantId);
    await at(await engine.now(), 5 * HOUR_MS);
    expect((await engine.destroy(tenantId)).snapshot.ended).toBe(true);
    expect(await objectsOf(engine, tenantId)).toBe(0);
  });

  it('certifies nothing of the due day while what was withheld is not what the evidence says [CC-4] [ST-1]', async () => {
    const { tenantId, before, child } = await split((assetId) => ({ assetId }), 'destroyed');
    await loseRows(engine, [
      ...WITHOUT_SPLITS,
      ...withoutRun(child.runId),
      'DELETE FROM tombstones',
      `DELETE FROM cohort_states WHERE run_id = '${before.runId}'`,
    ]);
    await replayAndLift();
    await loseRows(engine, ['UPDATE lost_splits SET withheld = withheld + 1']);
    expect((await engine.destroy(tenantId)).blockedOn).toBe('verification');
    expect(await certificateOf(tenantId, before.runId)).toEqual([]);
    expect(await keysGone(engine, tenantId)).not.toContain(`asset:${child.runId}:${child.dueOn}`);
  });

  it('keeps what was withheld as a stray when it does not know the due day either, and certifies its end [CC-4] [ST-1]', async () => {
    // The first record is of January, and the key is as old as that: what lies behind it may be younger.
    const { tenantId, before, child, holdId } = await split(
      () => ({ collectedFrom: '2030-02-01T00:00:00Z' }),
      'certified',
      true,
    );
    await loseRows(engine, [
      ...WITHOUT_SPLITS,
      ...withoutRun(child.runId),
      ...withoutRun(before.runId),
      'DELETE FROM tombstones',
    ]);
    const replayed = await replayAndLift();
    expect(replayed).toMatchObject({ splits: 0, unknownSplits: [{ withheldRunId: child.runId }] });
    const key = `asset:${child.runId}:${child.dueOn}`;
    for (let round = 0; round < 3; round += 1) {
      await engine.destroy(tenantId);
      await engine.runWork(tenantId);
      await at(await engine.now(), 5 * 24 * HOUR_MS);
    }
    expect(await keysGone(engine, tenantId)).not.toContain(key);
    expect(await engine.snapshot(tenantId)).toMatchObject({ ended: false, blockedOn: 'hold' });
    await release(engine, holdId);
    await at(await engine.now(), 9 * 24 * HOUR_MS);
    for (let round = 0; round < 2; round += 1) {
      await engine.destroy(tenantId);
      await engine.runWork(tenantId);
    }
    expect(await keysGone(engine, tenantId)).toContain(key);
    expect(await objectsOf(engine, tenantId)).toBe(0);
    expect(await engine.snapshot(tenantId)).toMatchObject({ ended: true });
    const certified = (await certificatesOf(engine, tenantId)).flatMap(({ keys }) =>
      (keys as { keyRef: string }[]).map(({ keyRef }) => keyRef),
    );
    expect(certified).toContain(key);
  });
});
