import { exportCheckpoint } from '../../src/activities/evidence/checkpoints';
import { readLedger } from '../../src/activities/evidence/read-ledger';
import {
  findReappeared,
  type FinderPorts,
} from '../../src/activities/restore-gate/find-reappeared';
import { replayControl } from '../../src/activities/restore-gate/replay-control';
import { replayStore, type ReplayPorts } from '../../src/activities/restore-gate/replay-store';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { hold } from '../support/holds';
import { backedUpTenant } from '../support/put-back';
import { lift, loseRows, replayPorts, replayStorePorts } from '../support/restore-gate';
import { ended, liveDigest, liveRecords, planned, withHost } from '../support/tenant-life';

let engine: EngineHarness;
let finder: FinderPorts;
let ports: ReplayPorts;

beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
  ports = await replayStorePorts(engine);
  ({ finder } = ports);
});
afterAll(() => engine.remove());

/** A tenant whose use has ended and whose data was destroyed with proof; its backup is older. */
async function gone(): Promise<{ readonly tenantId: string; restore: () => Promise<void> }> {
  const { tenantId } = await withHost(engine, 'CVM');
  const restore = await backedUpTenant(engine, tenantId);
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  await engine.send(tenantId, 'endFeature', {});
  const retained = await engine.runWork(tenantId);
  engine.hosted = [ended('CVM')];
  const last = retained.dueDays.map(({ deleteNotBefore }) => deleteNotBefore ?? '').sort();
  await engine.setClock(last.at(-1) ?? '');
  expect((await engine.destroy(tenantId)).snapshot).toMatchObject({ ended: true });
  return { tenantId, restore };
}

const isEmpty = async (tenantId: string): Promise<boolean> =>
  Object.values(await liveRecords(engine, tenantId)).every((n) => n === 0);

async function kindsOf(tenantId: string): Promise<readonly string[]> {
  const kinds: string[] = [];
  for await (const { kind } of readLedger(engine.parts.ledger.pool, { tenantId })) kinds.push(kind);
  return kinds;
}

describe('a store that came back from a backup', () => {
  it('may serve again when what was gone is gone again, under permits and with evidence [AB-3] [ST-1]', async () => {
    const { tenantId, restore } = await gone();
    const other = await withHost(engine, 'CVM');
    const before = await liveDigest(engine, other.tenantId);
    expect(await findReappeared(finder, 'mysql')).toEqual([]);
    await restore();
    const found = await findReappeared(finder, 'mysql');
    expect(found.map((batch) => batch.tenantId)).toContain(tenantId);
    expect(found.reduce((sum, { records }) => sum + records, 0)).toBe(4);
    expect(await findReappeared(finder, 'mongodb')).toMatchObject([{ tenantId, records: 3 }]);

    expect(await replayStore(ports, 'mysql')).toMatchObject({ records: 4, kept: [] });
    expect(await replayStore(ports, 'mongodb')).toMatchObject({ records: 3, kept: [] });
    expect(await isEmpty(tenantId)).toBe(true);
    expect(await findReappeared(finder, 'mysql')).toEqual([]);
    expect(await findReappeared(finder, 'mongodb')).toEqual([]);
    expect(await liveDigest(engine, other.tenantId)).toEqual(before);
    const kinds = await kindsOf(tenantId);
    expect(kinds.filter((kind) => kind === 'records-removed-again').length).toBe(found.length + 1);
  });

  it('is cleared also where the backup holds only part of what was sealed', async () => {
    const { tenantId, restore } = await gone();
    await restore();
    await engine.root('assets').execute('DELETE FROM scans WHERE tenant_id = ?', [tenantId]);
    await engine.mongo
      .db(`${engine.environment.prefix}_assets`)
      .collection('fingerprints')
      .deleteOne({ tenantId });
    expect(await replayStore(ports, 'mysql')).toMatchObject({ records: 3, kept: [] });
    expect(await replayStore(ports, 'mongodb')).toMatchObject({ records: 2, kept: [] });
    expect(await isEmpty(tenantId)).toBe(true);
  });

  it('keeps what a legal hold covers by now, and says so; after its release it goes [CC-4]', async () => {
    const { tenantId, restore } = await gone();
    await restore();
    const release = await hold(engine, tenantId);
    for (const store of ['mysql', 'mongodb'] as const) {
      const { kept, records } = await replayStore(ports, store);
      expect(records).toBe(0);
      expect(kept.length).toBeGreaterThan(0);
      expect(kept.every(({ because }) => because.includes('legal hold'))).toBe(true);
    }
    expect(await liveRecords(engine, tenantId)).toMatchObject({ assets: 1, fingerprints: 3 });
    await release();
    for (const store of ['mysql', 'mongodb'] as const) await replayStore(ports, store);
    expect(await isEmpty(tenantId)).toBe(true);
  });

  it('keeps everything while a freeze is in force', async () => {
    const { tenantId, restore } = await gone();
    await restore();
    const root = engine.root('control');
    await root.execute(`INSERT INTO freezes VALUES ('fz_1', 'global', lethe_now(), 'a')`);
    const { kept } = await replayStore(ports, 'mysql');
    expect(new Set(kept.map(({ code }) => code))).toEqual(new Set(['PERMIT_REFUSED']));
    await root.execute(
      `INSERT INTO freeze_lifts VALUES ('fz_1', 'a', lethe_now()), ('fz_1', 'b', lethe_now())`,
    );
    for (const store of ['mysql', 'mongodb'] as const) await replayStore(ports, store);
    expect(await isEmpty(tenantId)).toBe(true);
  });

  it('leaves a tenant alone that came back: its records are live by right [AB-1] [AB-2]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.runWork(tenantId);
    await engine.send(tenantId, 'attachService', { service: 'CVM' });
    await engine.runWork(tenantId);
    const before = await liveDigest(engine, tenantId);
    expect(before.length).toBeGreaterThan(0);
    for (const store of ['mysql', 'mongodb'] as const) {
      expect(await findReappeared(finder, store)).toEqual([]);
      await replayStore(ports, store);
    }
    expect(await liveDigest(engine, tenantId)).toEqual(before);
  });
});

describe('a control store that came back as well', () => {
  it('lets nothing be removed before it was replayed: it may have forgotten a hold [CC-4] [AB-1]', async () => {
    const { tenantId, restore } = await gone();
    await restore();
    const before = await liveDigest(engine, tenantId);
    await hold(engine, tenantId);
    await exportCheckpoint(engine.parts.checkpoints, { mode: 'legal-hold' });
    const tables = ['hold_scopes', 'hold_grounds', 'holds'];
    await loseRows(
      engine,
      tables.map((table) => `DELETE FROM ${table}`),
    );
    for (const store of ['mysql', 'mongodb'] as const) {
      await expect(replayStore(ports, store)).rejects.toMatchObject({
        code: 'VERIFICATION_FAILED',
      });
    }
    expect(await liveDigest(engine, tenantId)).toEqual(before);

    const { freezeId } = await replayControl(replayPorts(engine), { replayedBy: 'ops-1' });
    await lift(engine, freezeId);
    for (const store of ['mysql', 'mongodb'] as const) {
      const { kept, records } = await replayStore(ports, store);
      expect(records).toBe(0);
      expect(kept.every(({ because }) => because.includes('legal hold'))).toBe(true);
    }
    expect(await liveDigest(engine, tenantId)).toEqual(before);
  });
});

describe('a permit to remove again', () => {
  it('is refused for a batch that never went under one before [AB-1]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    const run = await planned(engine, tenantId);
    await engine.activities.sealAndCopy(run);
    await engine.activities.verifyCopies(run);
    const asking = ports.issuer.execute('CALL issue_replay_permit(?, ?, ?, ?, 1, 60)', [
      ...[`pm_${tenantId.slice(3)}`, tenantId, run.runId, 'mysql:assets.scans'],
    ]);
    await expect(asking).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    // Nor does a permit to move let the other procedure, which bears with missing rows, remove anything.
    const permit = `pm_${tenantId.slice(3)}`;
    await ports.issuer.execute('CALL issue_move_permit(?, ?, ?, ?, 1, 60)', [
      ...[permit, tenantId, run.runId, 'mysql:assets.scans'],
    ]);
    const rows = await engine
      .root('control')
      .query(
        `SELECT ids FROM manifest_batches WHERE run_id = ? AND location = 'mysql:assets.scans'`,
        [run.runId],
      );
    const removing = ports.purge.assets.execute('CALL replay_scans(?, ?, ?, 1, ?)', [
      ...[permit, tenantId, run.runId, String(rows[0]?.['ids'])],
    ]);
    await expect(removing).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    expect(await liveRecords(engine, tenantId)).toMatchObject({ scans: 1 });
  });
});
