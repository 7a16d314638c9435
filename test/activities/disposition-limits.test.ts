import { expireBackup, registerBackup } from '../../src/activities/control/backups';
import { readTrips, resetBreaker } from '../../src/activities/control/breaker';
import { placeFreeze, type FreezePorts } from '../../src/activities/control/freeze';
import { approveLift, requestLift } from '../../src/activities/control/lift-freeze';
import { readLedger } from '../../src/activities/evidence/read-ledger';
import type { LifecycleSnapshot } from '../../src/contracts/snapshot';
import { createEngineHarness, newTenantId, type EngineHarness } from '../support/engine';
import {
  ended,
  liveDigest,
  liveRecords,
  objectsOf,
  planned,
  withHost,
} from '../support/tenant-life';

let engine: EngineHarness;
let ports: FreezePorts;

beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
  ports = {
    control: engine.stores.sql('control', 'control'),
    keys: engine.stores.sql('control', 'keys'),
    ledger: engine.parts.ledger,
    unstamp: () => Promise.resolve(),
    pause: engine.options.pause,
  };
});
afterAll(() => engine.remove());

const REASON = 'looked at it, nothing is wrong';

const capAt = (cap: string, amount: number): Promise<unknown> =>
  engine.root('control').execute(
    `INSERT INTO cap_settings SELECT ?, MAX(setting_number) + 1, ?, 0, lethe_now(), lethe_now(), 't', 'test'
       FROM cap_settings WHERE cap = ?`,
    [cap, amount, cap],
  );

/** A tenant whose archive is due now: everything ended long ago. */
async function due(): Promise<string> {
  const { tenantId } = await withHost(engine, 'CVM');
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  await engine.send(tenantId, 'endFeature', {});
  await engine.runWork(tenantId);
  engine.hosted = [ended('CVM')];
  return tenantId;
}

async function kindsOf(tenantId: string): Promise<readonly string[]> {
  const kinds: string[] = [];
  for await (const entry of readLedger(engine.parts.ledger.pool, { tenantId })) {
    kinds.push(entry.kind);
  }
  return kinds;
}

/** Permits of a run for the first batch of more than one row, and for what comes after it. */
async function permittedBehindTooLarge(runId: string): Promise<number> {
  const rows = await engine.root('control').query(
    `SELECT COUNT(p.permit_id) AS permits FROM manifest_batches b
       LEFT JOIN permits p ON p.run_id = b.run_id AND p.location = b.location
             AND p.batch_number = b.batch_number AND p.due_on = b.due_on
      WHERE b.run_id = ? AND (b.location, b.batch_number) >= (
        SELECT f.location, f.batch_number FROM manifest_batches f
         WHERE f.run_id = b.run_id AND f.id_count > 1 ORDER BY 1, 2 LIMIT 1)`,
    [runId],
  );
  return Number(rows[0]?.['permits'] ?? -1);
}

const inLastDay = async (snapshot: LifecycleSnapshot): Promise<void> => {
  const last = snapshot.dueDays.map(({ deleteNotBefore }) => deleteNotBefore ?? '').sort();
  await engine.setClock(last.at(-1) ?? '');
};

describe('a run that a cap stops', () => {
  it('destroys nothing, says which cap it is and that a person is needed, and goes on later [AB-1]', async () => {
    const [first, second] = [await due(), await due()];
    await inLastDay(await engine.snapshot(second));
    await capAt('cohorts-per-hour', 1);
    expect((await engine.destroy(first)).snapshot.ended).toBe(true);

    const objects = await objectsOf(engine, second);
    const stopped = await engine.destroy(second);
    expect(stopped).toMatchObject({
      blockedOn: 'CAP_COHORTS_PER_HOUR',
      snapshot: { blockedOn: 'CAP_COHORTS_PER_HOUR', needsHuman: true, ended: false },
    });
    expect(await objectsOf(engine, second)).toBe(objects);
    expect(await kindsOf(second)).toContain('run-stopped');
    expect(await kindsOf(second)).not.toContain('key-destroyed');

    await engine.setClock(new Date(Date.parse(await engine.now()) + 3_700_000).toISOString());
    const passed = await engine.destroy(second);
    expect(passed).toMatchObject({ blockedOn: null, snapshot: { ended: true, blockedOn: null } });
    await capAt('cohorts-per-hour', 1000);
  });

  it('moves nothing of a batch that is too large, and nothing goes missing [AB-2]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    const run = await planned(engine, tenantId);
    await engine.activities.sealAndCopy(run);
    await engine.activities.verifyCopies(run);
    const before = await liveDigest(engine, tenantId);
    await capAt('rows-per-batch', 1);
    await expect(engine.activities.moveRows(run)).rejects.toMatchObject({
      code: 'CAP_ROWS_PER_BATCH',
    });
    expect(await engine.snapshot(tenantId)).toMatchObject({
      blockedOn: 'CAP_ROWS_PER_BATCH',
      needsHuman: true,
    });
    expect(await permittedBehindTooLarge(run.runId)).toBe(0);
    expect((await liveDigest(engine, tenantId)).length).toBe(before.length);
    await capAt('rows-per-batch', 10_000);
    await engine.activities.moveRows(run);
    await engine.activities.verifyMoved(run);
    expect(Object.values(await liveRecords(engine, tenantId)).every((n) => n === 0)).toBe(true);
    expect((await engine.snapshot(tenantId)).blockedOn).toBeNull();
  });
});

describe('a freeze over what is due', () => {
  it('is what the tenant waits for, and nothing of it goes until two people lift it [CC-4]', async () => {
    const tenantId = await due();
    await inLastDay(await engine.snapshot(tenantId));
    const freezeId = `fz_${newTenantId().slice(3)}`;
    await placeFreeze(ports, { freezeId, scope: 'global', placedBy: 'ops-1' });
    const objects = await objectsOf(engine, tenantId);
    expect(await engine.destroy(tenantId)).toMatchObject({
      blockedOn: 'freeze',
      snapshot: { blockedOn: 'freeze', needsHuman: true },
    });
    await requestLift(ports, { freezeId, requestedBy: 'ops-1', reason: REASON });
    expect((await engine.destroy(tenantId)).blockedOn).toBe('freeze');
    expect(await objectsOf(engine, tenantId)).toBe(objects);
    await approveLift(ports, { freezeId, approvedBy: 'ops-2' });
    expect((await engine.destroy(tenantId)).snapshot.ended).toBe(true);
  });
});

describe('a store that holds another number of rows than was permitted', () => {
  it('opens the circuit breaker of that store: what other tenants have there stays, too', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    const other = await withHost(engine, 'CVM');
    for (const id of [tenantId, other.tenantId]) {
      await engine.send(id, 'endService', { service: 'CVM' });
    }
    const runs = [await planned(engine, tenantId), await planned(engine, other.tenantId)] as const;
    for (const run of runs) {
      await engine.activities.sealAndCopy(run);
      await engine.activities.verifyCopies(run);
    }
    await engine.root('assets').execute('DELETE FROM image_risks WHERE tenant_id = ?', [tenantId]);
    await expect(engine.activities.moveRows(runs[0])).rejects.toMatchObject({
      code: 'COUNT_MISMATCH',
    });
    await expect(engine.activities.moveRows(runs[1])).rejects.toMatchObject({
      code: 'BREAKER_OPEN',
    });
    expect(await liveRecords(engine, other.tenantId)).toMatchObject({ assets: 1, image_risks: 1 });
    expect(await engine.snapshot(other.tenantId)).toMatchObject({
      blockedOn: 'BREAKER_OPEN',
      needsHuman: true,
    });
    const [trip] = await readTrips(ports.control);
    expect(trip).toMatchObject({ scope: 'mysql', cause: 'count-mismatch', tenantId, reset: null });
    expect(await kindsOf(tenantId)).toContain('breaker-tripped');

    await resetBreaker(ports, { tripId: trip?.tripId ?? '', resetBy: 'ops-1', reason: REASON });
    await engine.activities.moveRows(runs[1]);
    expect(await liveRecords(engine, other.tenantId)).toMatchObject({ assets: 0, image_risks: 0 });
  });
});

describe('an end that cannot be confirmed', () => {
  it('opens the circuit breaker and has no certificate until the place is empty [ST-1]', async () => {
    const tenantId = await due();
    await inLastDay(await engine.snapshot(tenantId));
    await engine.activities.destroyDue({ tenantId, workflowNow: await engine.now() });
    await engine.root('assets').execute(
      `INSERT INTO scans SELECT r.tenant_id, JSON_UNQUOTE(JSON_EXTRACT(b.ids, '$[0][0]')),
         JSON_UNQUOTE(JSON_EXTRACT(b.ids, '$[0][1]')), 'sc', 'host', r.created_at, r.created_at, '[]', 0
         FROM \`${engine.environment.prefix}_control\`.manifest_batches b
         JOIN \`${engine.environment.prefix}_control\`.runs r ON r.run_id = b.run_id
        WHERE r.tenant_id = ? AND b.location = 'mysql:assets.scans'`,
      [tenantId],
    );
    const order = { tenantId, workflowNow: await engine.now() };
    const { progress } = await engine.activities.verifyAndCertify(order);
    expect(progress.blockedOn).toBe('verification');
    const [trip] = (await readTrips(ports.control)).filter(({ reset }) => reset === null);
    expect(trip).toMatchObject({ scope: 'mysql', cause: 'verification', tenantId });
    await engine.root('assets').execute('DELETE FROM scans WHERE tenant_id = ?', [tenantId]);
    await resetBreaker(ports, { tripId: trip?.tripId ?? '', resetBy: 'ops-1', reason: REASON });
    const confirmed = await engine.destroy(tenantId);
    expect(confirmed).toMatchObject({
      blockedOn: null,
      snapshot: { counters: { certificates: 2 } },
    });
  });
});

describe('a backup that was taken while the data was in clear', () => {
  it('is named by the certificate with its date, until somebody reports that it is gone [ST-1]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    const takenAt = await engine.now();
    const expiresAt = new Date(Date.parse(takenAt) + 14 * 86_400_000).toISOString();
    const register = (setId: string) =>
      registerBackup(ports, {
        ...{ setId, store: 'mysql', covers: ['assets'], location: 's3://backups/mysql' },
        ...{ takenAt, expiresAt, registeredBy: 'ops-1' },
      });
    await register('bs_limits00001');
    await register('bs_limits00002');
    await expireBackup(ports, { setId: 'bs_limits00002', expiredBy: 'ops-1' });
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.send(tenantId, 'endFeature', {});
    await engine.runWork(tenantId);
    engine.hosted = [ended('CVM')];
    await inLastDay(await engine.snapshot(tenantId));
    expect((await engine.destroy(tenantId)).snapshot.ended).toBe(true);
    const certificates = await engine.parts.certificates.listOf(tenantId);
    const named = certificates.flatMap(({ certificate }) =>
      certificate.remnants.flatMap(({ sets = [] }) => sets.map(({ setId }) => setId)),
    );
    expect(named).toEqual(['bs_limits00001']);
  });
});
