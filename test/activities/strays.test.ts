import { randomBytes } from 'node:crypto';
import { putLocked } from '../../src/activities/objects/put-locked';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { hold } from '../support/holds';
import { sabotaged, Saboteur } from '../support/saboteur';
import { assetDays, ended, objectsOf, withHost } from '../support/tenant-life';

const DAY_MS = 86_400_000;
const GUARD_MS = 2 * 3_600_000;

const saboteur = new Saboteur();
let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness((stores) => sabotaged(stores, saboteur));
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterAll(() => engine.remove());

const clockAt = (milliseconds: number): Promise<void> =>
  engine.setClock(new Date(milliseconds).toISOString());
const nowMs = async (): Promise<number> => Date.parse(await engine.now());

/** A tenant with configuration whose every promise was kept a moment ago, and a copy of its rows. */
async function gone(): Promise<{
  readonly tenantId: string;
  readonly rows: readonly Record<string, unknown>[];
}> {
  const { tenantId } = await withHost(engine, 'CVM');
  const body = { setting: 'automatic-renewal', enabled: true };
  await engine.send(tenantId, 'changeConfiguration', {
    ...(await engine.stage(tenantId, body)),
    configurationKind: 'console-setting',
    settingId: 'renewal',
  });
  const rows = await engine
    .root('configuration')
    .query('SELECT * FROM console_settings WHERE tenant_id = ?', [tenantId]);
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  await engine.send(tenantId, 'endFeature', {});
  engine.hosted = [ended('CVM')];
  let snapshot = await engine.runWork(tenantId);
  while (snapshot.nextDueAt !== null) {
    if (snapshot.nextDueAt > (await engine.now())) await engine.setClock(snapshot.nextDueAt);
    ({ snapshot } = await engine.destroy(tenantId));
  }
  expect(snapshot.ended).toBe(true);
  return { tenantId, rows };
}

/** Looks again a day later, as the platform's sweep does. */
async function sweepNextDay(): Promise<readonly string[]> {
  await clockAt((await nowMs()) + DAY_MS + 1000);
  return (await engine.activities.sweep()).tenantsToWake;
}

/** What destruction comes to: `ended`, or what it waits for. */
async function endOf(tenantId: string): Promise<string> {
  const { blockedOn, snapshot } = await engine.destroy(tenantId);
  return blockedOn ?? (snapshot.ended ? 'ended' : snapshot.stage);
}

const settings = async (tenantId: string): Promise<number> =>
  (
    await engine
      .root('configuration')
      .query('SELECT 1 FROM console_settings WHERE tenant_id = ?', [tenantId])
  ).length;

const certificates = async (tenantId: string): Promise<number> =>
  (await engine.parts.certificates.listOf(tenantId)).length;

/** Puts rows back that were there before, as a late writer or a restored backup does. */
async function putBack(rows: readonly Record<string, unknown>[]): Promise<void> {
  for (const row of rows) {
    const columns = Object.keys(row);
    await engine
      .root('configuration')
      .execute(
        `INSERT INTO console_settings (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
        Object.values(row) as string[],
      );
  }
}

/** An object of the archive under a run and a due day, as a late writer leaves it. */
async function putObject(tenantId: string, runId: string, dueOn: string): Promise<void> {
  const attempt = randomBytes(16).toString('hex').slice(0, 26);
  for (const bucket of ['archive', 'backup'] as const) {
    await putLocked(engine.parts.objects('archiver'), {
      ...{ bucket, name: `${tenantId}/${runId}/${dueOn}/${attempt}-000001` },
      body: Buffer.from('late'),
      lock: { mode: 'legal-hold' },
      mayExist: false,
    });
  }
}

const runOf = async (tenantId: string): Promise<{ runId: string; dueOn: string }> => {
  const rows = await engine.root('control').query(
    `SELECT c.run_id, c.due_on FROM cohorts c JOIN runs r ON r.run_id = c.run_id
      WHERE r.tenant_id = ? AND r.record_class = 'asset-basic-data' LIMIT 1`,
    [tenantId],
  );
  return { runId: String(rows[0]?.['run_id']), dueOn: String(rows[0]?.['due_on']) };
};

describe('configuration that is found outside every run', () => {
  it('is kept until two hours after its discovery and gone then, with a certificate of its own [ST-2]', async () => {
    const { tenantId, rows } = await gone();
    await putBack(rows);
    const before = await certificates(tenantId);
    expect(await sweepNextDay()).toContain(tenantId);
    const found = await nowMs();
    const snapshot = await engine.runWork(tenantId);
    expect(snapshot.ended).toBe(false);
    const due = Date.parse(snapshot.nextDueAt ?? '');
    expect(due).toBeGreaterThanOrEqual(found + GUARD_MS - 60_000);
    expect(due).toBeLessThan(found + GUARD_MS + 60_000);
    await clockAt(due - 1000);
    await engine.destroy(tenantId);
    expect(await settings(tenantId)).toBe(rows.length);
    await clockAt(due);
    expect(await endOf(tenantId)).toBe('ended');
    expect(await settings(tenantId)).toBe(0);
    expect(await certificates(tenantId)).toBe(before + 1);
    expect(await sweepNextDay()).not.toContain(tenantId);
  });

  it('is kept under a hold, and never taken for a stray while the Feature is in use [CC-4] [CC-1]', async () => {
    const { tenantId, rows } = await gone();
    await putBack(rows);
    await sweepNextDay();
    const release = await hold(engine, tenantId);
    await engine.runWork(tenantId);
    await clockAt((await nowMs()) + DAY_MS);
    await engine.destroy(tenantId);
    expect(await settings(tenantId)).toBe(rows.length);
    await release();
    await clockAt((await nowMs()) + GUARD_MS + 1000);
    await engine.destroy(tenantId);
    expect(await settings(tenantId)).toBe(0);

    const inUse = await withHost(engine, 'CVM');
    await putBack(rows.map((row) => ({ ...row, tenant_id: inUse.tenantId })));
    await engine.activities.verifyAndCertify({ tenantId: inUse.tenantId, workflowNow: '' });
    expect((await engine.snapshot(inUse.tenantId)).work).toEqual([]);
    expect(await settings(inUse.tenantId)).toBe(rows.length);
  });
});

describe('an object that no cohort ends', () => {
  it('under a cohort that was certified goes two hours after its discovery, with a certificate [ST-1]', async () => {
    const { tenantId } = await gone();
    const { runId, dueOn } = await runOf(tenantId);
    await putObject(tenantId, runId, dueOn);
    const bucket = `${engine.environment.name}-archive`;
    const name = `${tenantId}/${runId}/${dueOn}/${'a'.repeat(26)}-000001`;
    await engine.admin.initiateNewMultipartUpload(bucket, name, {});
    await engine.admin.removeObject(bucket, name);
    // Two versions, an upload that nobody completed, and a marker that hides nothing.
    expect(await objectsOf(engine, tenantId)).toBe(4);
    const before = await certificates(tenantId);
    expect(await sweepNextDay()).toContain(tenantId);
    const snapshot = await engine.runWork(tenantId);
    const due = Date.parse(snapshot.nextDueAt ?? '');
    await clockAt(due - 1000);
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBe(4);
    await clockAt(due);
    expect(await endOf(tenantId)).toBe('ended');
    expect(await objectsOf(engine, tenantId)).toBe(0);
    expect(await certificates(tenantId)).toBe(before + 1);
    await clockAt((await nowMs()) + DAY_MS + 1000);
    const { findings } = await engine.activities.sweep();
    expect(findings.filter((finding) => finding.tenantId === tenantId)).toEqual([]);
  });

  it('of a run that never was is kept as long as what it may hold, and its key goes first [AB-1] [ST-1]', async () => {
    const { tenantId } = await gone();
    const runId = `rn_${tenantId.slice(3)}`;
    await putObject(tenantId, runId, '2030-07-06');
    expect(await sweepNextDay()).toContain(tenantId);
    const found = await nowMs();
    const [due] = assetDays(await engine.runWork(tenantId));
    const opens = Date.parse(due?.deleteNotBefore ?? '');
    // Nothing says how old it is: 180 days from its discovery.
    expect(opens).toBeGreaterThanOrEqual(found + 180 * DAY_MS);
    await clockAt(opens - 1000);
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBe(2);
    await clockAt(opens);
    expect(await endOf(tenantId)).toBe('ended');
    expect(await objectsOf(engine, tenantId)).toBe(0);
    const tombstones = await engine
      .root('keys')
      .query('SELECT 1 FROM key_tombstones WHERE key_ref = ?', [`asset:${runId}:2030-07-06`]);
    expect(tombstones).toHaveLength(1);
  });
});

describe('a key that no cohort ends', () => {
  it('is destroyed by the floor that was fixed when it was made, not before [AB-1] [ST-1]', async () => {
    const { tenantId } = await gone();
    const keyRef = `asset:rn_${tenantId.slice(3)}:2031-03-01`;
    const notBefore = new Date((await nowMs()) + 60 * DAY_MS).toISOString();
    await engine.parts.keys.ensure({ keyRef, tenantId, notBefore });
    expect(await sweepNextDay()).toContain(tenantId);
    const [due] = assetDays(await engine.runWork(tenantId));
    expect(due?.deleteNotBefore ?? '').toMatch(/^20/);
    expect(Date.parse(due?.deleteNotBefore ?? '')).toBeGreaterThanOrEqual(Date.parse(notBefore));
    const wrapped = async (): Promise<number> =>
      (await engine.root('keys').query('SELECT 1 FROM key_wrappings WHERE key_ref = ?', [keyRef]))
        .length;
    await clockAt(Date.parse(notBefore) - 1000);
    await engine.destroy(tenantId);
    expect(await wrapped()).toBe(1);
    await engine.setClock(due?.deleteNotBefore ?? '');
    expect(await endOf(tenantId)).toBe('ended');
    expect(await wrapped()).toBe(0);
  });

  it('leaves evidence and a copy of its tombstone also when the worker died right behind its end [AB-3] [ST-1]', async () => {
    const { tenantId } = await gone();
    const keyRef = `asset:rn_${tenantId.slice(3)}:2031-03-01`;
    await engine.parts.keys.ensure({ keyRef, tenantId, notBefore: await engine.now() });
    await sweepNextDay();
    const [due] = assetDays(await engine.runWork(tenantId));
    await engine.setClock(due?.deleteNotBefore ?? '');
    saboteur.arm({ call: 1, kind: ': sql CALL close_key_permit', moment: 'before' }, 'dies');
    await expect(engine.destroy(tenantId)).rejects.toThrow('cut by the test');
    saboteur.arm(null);
    const onRecord = async (): Promise<readonly number[]> => [
      (await engine.root('keys').query('SELECT 1 FROM key_tombstones WHERE key_ref = ?', [keyRef]))
        .length,
      (await engine.root('control').query('SELECT 1 FROM tombstones WHERE key_ref = ?', [keyRef]))
        .length,
      (
        await engine
          .root('evidence')
          .query(`SELECT 1 FROM entries WHERE kind = 'key-destroyed' AND subject = ?`, [keyRef])
      ).length,
    ];
    expect(await onRecord()).toEqual([1, 0, 0]);
    expect(await endOf(tenantId)).toBe('ended');
    expect(await onRecord()).toEqual([1, 1, 1]);
  });
});
