import { recordTakingOut } from '../../src/activities/evidence/taken-out';
import { listEverything } from '../../src/activities/objects/list-everything';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { placeOver, release } from '../support/holds';
import { assetDays, liveDigest, objectsOf } from '../support/tenant-life';
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
/** The next statement that matches it is never sent: the worker dies there. */
let diesAt: RegExp | null = null;
beforeAll(async () => {
  engine = await createEngineHarness((stores) => ({
    ...stores,
    sql: (...login) =>
      intercepting(stores.sql(...login), () => (diesAt === null ? null : { at: diesAt })),
  }));
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterAll(() => engine.remove());

const ASSETS = 'asset-basic-data';
const HOUR_MS = 3_600_000;
const at = (instant: string, shiftMs = 0): Promise<void> =>
  engine.setClock(new Date(Date.parse(instant) + shiftMs).toISOString());

describe('a due day that a hold covers in part', () => {
  it('is split when its window opens: the rest goes, what is held stays, and both are certified in time [AB-3] [CC-4]', async () => {
    const { tenantId, asset } = await retained(engine);
    const before = await dueDay(engine, tenantId);
    const opensAt = before.deleteNotBefore ?? '';
    const { holdId } = await placeOver(engine, [{ tenantId, recordClass: ASSETS, assetId: asset }]);
    // Held, and yet the process wakes when the rest may go.
    expect(await engine.snapshot(tenantId)).toMatchObject({ blockedOn: 'hold' });
    expect(assetDays(await engine.snapshot(tenantId))).toMatchObject([{ deleteNotBefore: null }]);
    await at(opensAt, -1000);
    await engine.destroy(tenantId);
    expect(await keysGone(engine, tenantId)).toEqual([]);
    expect((await engine.snapshot(tenantId)).nextDueAt).toBe(opensAt);
    const held = await archivedIn(engine, tenantId, { ...before, asset });
    expect(held.length).toBeGreaterThan(3);
    expect(held.length).toBeLessThan(before.records);
    // A key that somebody took out before opens what is withheld, too.
    const { runId, dueOn } = before;
    const act = { tenantId, runId, dueOn, actId: 'act1', what: 'key', takenBy: 'ops-7' } as const;
    await recordTakingOut(engine.parts.ledger, act);
    await at(opensAt, 1);
    const split = await engine.destroy(tenantId);
    expect(assetDays(split.snapshot)).toHaveLength(1);
    const child = await dueDay(engine, tenantId);
    expect([child]).toMatchObject([
      { dueOn: before.dueOn, splitFrom: { runId: before.runId, holdId }, deleteNotBefore: null },
    ]);
    expect(child.runId).not.toBe(before.runId);
    expect(await keysGone(engine, tenantId)).toEqual([`asset:${before.runId}:${before.dueOn}`]);
    const [parent] = (await certificatesOf(engine, tenantId)).filter(
      (one) => one['runId'] === before.runId,
    );
    expect(parent).toMatchObject({
      withheld: [{ ground: 'legal-hold', holdId, runId: child.runId, records: child.records }],
    });
    // Under a key of its own, byte for byte, in both copies, under locks.
    expect(await archivedIn(engine, tenantId, child)).toEqual(held);
    const store = engine.parts.objects('destroyer');
    const prefix = `${tenantId}/${child.runId}/`;
    const { versions } = await listEverything(store, { bucket: 'archive', prefix });
    expect(versions.length).toBeGreaterThan(1);
    for (const { name, versionId } of versions) {
      const bucket = `${engine.environment.name}-archive`;
      await expect(store.client.removeObject(bucket, name, { versionId })).rejects.toMatchObject({
        code: 'AccessDenied',
      });
    }
    // Released, it goes from two hours after the effect on, under its own certificate.
    await release(engine, holdId);
    const releasedAt = await engine.now();
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBeGreaterThan(0);
    await at(releasedAt, 3 * HOUR_MS);
    expect((await engine.destroy(tenantId)).snapshot.ended).toBe(true);
    expect(await objectsOf(engine, tenantId)).toBe(0);
    const all = await certificatesOf(engine, tenantId);
    expect(all.filter((one) => one['recordClass'] === 'asset-basic-data')).toMatchObject([
      { runId: before.runId, takenOut: [{ what: 'key', takenBy: 'ops-7' }] },
      { runId: child.runId, withheld: [], takenOut: [{ what: 'key', takenBy: 'ops-7' }] },
    ]);
  });

  it('stays whole for a second hold over the rest, wherever a worker died, and ends completely after both [CC-4] [ST-1]', async () => {
    const { tenantId, asset, other } = await retained(engine);
    const before = await dueDay(engine, tenantId);
    const key = `asset:${before.runId}:${before.dueOn}`;
    await at(before.deleteNotBefore ?? '', 1);
    const first = await placeOver(engine, [{ tenantId, recordClass: ASSETS, assetId: asset }]);
    // Parts are written and the manifest is not; rows are there and the run is not; no verdict; a verdict that is
    // in no evidence; no permit.
    for (const step of [
      /^CALL start_attempt/,
      /INSERT INTO manifest_batches/,
      /INSERT INTO runs/,
      /INSERT INTO split_verdicts/,
      /INSERT INTO entries/,
      /CALL issue_destroy_permit/,
    ]) {
      diesAt = step;
      await expect(engine.destroy(tenantId)).rejects.toThrow(Died);
      diesAt = null;
      expect(await keysGone(engine, tenantId)).toEqual([]);
      expect(await archivedIn(engine, tenantId, before)).toHaveLength(before.records);
    }
    const evidence = await rowsOf(
      engine.root('evidence'),
      `SELECT subject FROM entries WHERE tenant_id = ? AND kind = 'cohort-split'`,
      [tenantId],
    );
    expect(evidence).toEqual([{ subject: `${before.runId}/${before.dueOn}/${first.holdId}` }]);
    // What is split lets the rest go; a second hold over it keeps all of it.
    const second = await placeOver(engine, [{ tenantId, recordClass: ASSETS, assetId: other }]);
    await engine.destroy(tenantId);
    expect(await keysGone(engine, tenantId)).toEqual([]);
    const noted = await rowsOf(
      engine.root('control'),
      'SELECT hold_id FROM unsplit_cohorts WHERE run_id = ?',
      [before.runId],
    );
    expect(noted).toEqual([{ hold_id: second.holdId }]);
    await release(engine, second.holdId);
    await at(await engine.now(), 3 * HOUR_MS);
    await engine.destroy(tenantId);
    expect(await keysGone(engine, tenantId)).toEqual([key]);
    // What two attempts left that died belongs to no due day; it is found, and held like everything else.
    await engine.runWork(tenantId);
    await release(engine, first.holdId);
    await at(await engine.now(), 5 * HOUR_MS);
    await engine.destroy(tenantId);
    const over = await engine.destroy(tenantId);
    expect(over.snapshot).toMatchObject({ ended: true });
    expect(await objectsOf(engine, tenantId)).toBe(0);
  });

  it('comes back whole when the tenant does: from the rest and from what is withheld, each record once [AB-2] [CC-4]', async () => {
    const { tenantId, asset, live } = await retained(engine);
    const before = await dueDay(engine, tenantId);
    await at(before.deleteNotBefore ?? '', 1);
    const { holdId } = await placeOver(engine, [{ tenantId, recordClass: ASSETS, assetId: asset }]);
    diesAt = /CALL issue_destroy_permit/;
    await expect(engine.destroy(tenantId)).rejects.toThrow(Died);
    diesAt = null;
    expect(assetDays(await engine.snapshot(tenantId))).toHaveLength(2);
    // A use that began before the rule of the end was reached; here the rule is moved instead of the use.
    await engine
      .root('control')
      .execute(`UPDATE cohorts SET base_earliest_at = '2099-01-01' WHERE tenant_id = ?`, [
        tenantId,
      ]);
    await engine.send(tenantId, 'attachService', { service: 'CVM' });
    await engine.runWork(tenantId);
    expect(await liveDigest(engine, tenantId)).toEqual(live);
    // The hold keeps what is withheld in the archive as well, until it is released.
    const kept = await objectsOf(engine, tenantId);
    expect(kept).toBeGreaterThan(0);
    await release(engine, holdId);
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBe(0);
    expect(await liveDigest(engine, tenantId)).toEqual(live);
  });

  it('is kept when a split is forged: no login but the verifier writes a verdict, and that one refuses [CC-4]', async () => {
    const { tenantId, asset } = await retained(engine);
    const before = await dueDay(engine, tenantId);
    await at(before.deleteNotBefore ?? '', 1);
    const { holdId } = await placeOver(engine, [{ tenantId, recordClass: ASSETS, assetId: asset }]);
    // While everything is frozen nothing is split, and it is said why.
    const root = engine.root('control');
    await root.execute(
      `INSERT INTO freezes (freeze_id, scope, placed_at, placed_by)
         VALUES ('fz_0000000000000001', ?, lethe_now(), 'operator-1')`,
      [tenantId],
    );
    expect((await engine.destroy(tenantId)).blockedOn).toBe('freeze');
    expect(
      await rowsOf(engine.root('control'), 'SELECT * FROM cohort_splits WHERE run_id = ?', [
        before.runId,
      ]),
    ).toEqual([]);
    await root.execute(`DELETE FROM freezes WHERE freeze_id = 'fz_0000000000000001'`);
    const verdict = `INSERT INTO split_verdicts (run_id, due_on, hold_id, withheld_run_id, manifest_digest,
        withheld_digest, withheld, rest, verified_at)
      SELECT run_id, '${before.dueOn}', '${holdId}', NULL, digest, NULL, 0, 1, lethe_now()
        FROM manifests WHERE run_id = '${before.runId}'`;
    for (const role of ['control', 'archiver', 'issuer', 'purger', 'keys', 'reader'] as const) {
      await expect(engine.stores.sql(role, 'control').execute(verdict)).rejects.toThrow(
        /ER_(DB|TABLE)ACCESS_DENIED_ERROR/,
      );
    }
    // Control can say that nothing of the due day is held; nobody believes it.
    await engine.stores.sql('control', 'control').execute(
      `INSERT INTO cohort_splits (run_id, due_on, hold_id, tenant_id, withheld_run_id, split_at)
         VALUES (?, ?, ?, ?, NULL, lethe_now())`,
      [before.runId, before.dueOn, holdId, tenantId],
    );
    const permit = engine.stores
      .sql('issuer', 'control')
      .execute('CALL issue_destroy_permit(?, ?, ?, ?, ?, 0, ?, 60)', [
        ...['pm_0000000000000099', tenantId, before.runId, before.dueOn],
        `asset:${before.runId}:${before.dueOn}`,
        (await engine.now()).replace('T', ' ').replace('Z', ''),
      ]);
    await expect(permit).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    expect((await engine.destroy(tenantId)).blockedOn).toBe('verification');
    const trips = await rowsOf(
      engine.root('control'),
      'SELECT cause FROM breaker_trips WHERE tenant_id = ?',
      [tenantId],
    );
    expect(trips).toEqual([{ cause: 'verification' }]);
    expect(await keysGone(engine, tenantId)).toEqual([]);
    expect(await archivedIn(engine, tenantId, before)).toHaveLength(before.records);
  });

  it('is kept when what is withheld is called older than it is: another hold would pass it by [CC-4]', async () => {
    const { tenantId, asset } = await retained(engine);
    const before = await dueDay(engine, tenantId);
    await at(before.deleteNotBefore ?? '', 1);
    await placeOver(engine, [{ tenantId, recordClass: ASSETS, assetId: asset }]);
    const root = engine.root('control');
    await root.execute(
      `INSERT INTO breaker_resets SELECT trip_id, 'ops-1', 'the cause was found', lethe_now()
         FROM breaker_trips WHERE trip_id NOT IN (SELECT trip_id FROM breaker_resets)`,
    );
    // An archiver that lies in this one column, and in nothing that is proven by bytes.
    await root.execute(`CREATE TRIGGER untrue BEFORE INSERT ON cohorts FOR EACH ROW
      SET NEW.newest_observed_at = NEW.newest_observed_at - INTERVAL 1 MICROSECOND`);
    try {
      expect((await engine.destroy(tenantId)).blockedOn).toBe('verification');
    } finally {
      await root.execute('DROP TRIGGER untrue');
    }
    expect(await keysGone(engine, tenantId)).toEqual([]);
    expect(await archivedIn(engine, tenantId, before)).toHaveLength(before.records);
  });
});
