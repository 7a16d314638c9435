import { readProgress } from '../../src/activities/control/read-progress';
import { setThrottle, type SetThrottle } from '../../src/activities/control/throttle';
import { composeDisposition } from '../../src/composition/disposition';
import { LetheError } from '../../src/domain/errors';
import type { Stores } from '../../src/platform/connections';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { newAsset } from '../support/observations';
import { largeReport } from '../support/populate';
import { liveRecords, planned, subscribed, withHost } from '../support/tenant-life';

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness();
  // Noon in Shanghai.
  await engine.setClock('2030-01-07T04:00:00Z');
});
afterAll(() => engine.remove());
afterEach(() => throttle({ paused: false, rowsPerSecondMax: null, quietHours: null }));

const throttle = (change: Partial<SetThrottle>) =>
  setThrottle(
    { control: engine.stores.sql('control', 'control'), ledger: engine.parts.ledger },
    { setBy: 'operator-1', ...change },
  );

/** A run whose copies are verified and whose rows are live. */
async function verified(): Promise<Awaited<ReturnType<typeof planned>>> {
  const { tenantId } = await withHost(engine, 'CVM');
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  const run = await planned(engine, tenantId);
  await engine.activities.sealAndCopy(run);
  await engine.activities.verifyCopies(run);
  return run;
}

const isLive = async (tenantId: string): Promise<boolean> =>
  Object.values(await liveRecords(engine, tenantId)).some((count) => count > 0);

const progress = (tenantId: string) =>
  readProgress(engine.stores.sql('reader', 'control'), tenantId);

describe('a pause', () => {
  it('moves nothing, says why, and is over when it is lifted, with evidence of both [AB-2]', async () => {
    const run = await verified();
    const before = await liveRecords(engine, run.tenantId);
    const { number } = await throttle({ paused: true });
    expect(await engine.activities.moveRows(run)).toMatchObject({
      done: false,
      blockedOn: 'throttle:paused',
    });
    expect(await liveRecords(engine, run.tenantId)).toEqual(before);
    expect(await progress(run.tenantId)).toMatchObject([
      { phase: 'moving', waitsFor: 'paused', rows: { done: 0, left: 7 }, isLate: false },
    ]);
    await throttle({ paused: false });
    expect(await engine.activities.moveRows(run)).toMatchObject({ done: true, blockedOn: null });
    expect(await isLive(run.tenantId)).toBe(false);
    const rows = await engine
      .root('evidence')
      .query(
        `SELECT COUNT(*) AS n FROM entries WHERE kind = 'throttle-set' AND subject IN (?, ?)`,
        [String(number), String(number + 1)],
      );
    expect(Number(rows[0]?.['n'])).toBe(2);
  });

  it('begins no seal and no verification either', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    const run = await planned(engine, tenantId);
    await throttle({ paused: true });
    for (const step of ['sealAndCopy', 'verifyCopies'] as const) {
      expect(await engine.activities[step](run)).toMatchObject({ blockedOn: 'throttle:paused' });
    }
    expect(await progress(tenantId)).toMatchObject([
      { phase: 'sealing', rows: { done: 0, left: null } },
    ]);
  });
});

describe('quiet hours', () => {
  it("hold the move in the tenant's own zone, and not in another's", async () => {
    const run = await verified();
    const noon = { from: '11:00', to: '13:00' };
    await throttle({ quietHours: { ...noon, zone: 'Europe/Berlin' } });
    expect(await progress(run.tenantId)).toMatchObject([{ waitsFor: null }]);
    await throttle({ quietHours: { ...noon, zone: null } });
    expect(await progress(run.tenantId)).toMatchObject([{ waitsFor: 'quiet-hours' }]);
    expect(await engine.activities.moveRows(run)).toMatchObject({
      blockedOn: 'throttle:quiet-hours',
    });
    expect(await isLive(run.tenantId)).toBe(true);
    await throttle({ quietHours: { ...noon, zone: 'Europe/Berlin' } });
    expect(await engine.activities.moveRows(run)).toMatchObject({ done: true });
    expect(await isLive(run.tenantId)).toBe(false);
  });

  it('give way to the instant by which rows must have moved, and being late is shown [AB-2] [ST-1]', async () => {
    const run = await verified();
    await throttle({ quietHours: { from: '00:00', to: '23:59', zone: 'UTC' } });
    expect(await engine.activities.moveRows(run)).toMatchObject({
      blockedOn: 'throttle:quiet-hours',
    });
    await engine.setClock('2030-01-17T04:00:00Z');
    expect(await progress(run.tenantId)).toMatchObject([{ isLate: true, waitsFor: null }]);
    expect(await engine.activities.moveRows(run)).toMatchObject({ done: true });
    expect(await isLive(run.tenantId)).toBe(false);
  });
});

describe('a warning', () => {
  it('comes a day before rows must have moved, and says what holds them up [AB-2]', async () => {
    const run = await verified();
    const [first] = await progress(run.tenantId);
    expect(first).toMatchObject({ warning: null, isLate: false, waitsFor: null });
    const day = Date.parse(first?.moveBy ?? '') - 86_400_000;
    await engine.setClock(new Date(day - 3_600_000).toISOString());
    expect(await progress(run.tenantId)).toMatchObject([{ warning: null }]);
    await engine.setClock(new Date(day).toISOString());
    await engine
      .root('control')
      .execute(`INSERT INTO cap_stops VALUES (?, '', 'CAP_ROWS_PER_BATCH', lethe_now())`, [
        run.runId,
      ]);
    expect(await progress(run.tenantId)).toMatchObject([
      { warning: 'tight', isLate: false, waitsFor: 'CAP_ROWS_PER_BATCH' },
    ]);
    expect(await engine.activities.moveRows(run)).toMatchObject({ done: true });
    expect(await progress(run.tenantId)).toMatchObject([{ waitsFor: null }]);
    await engine.activities.verifyMoved(run);
    expect(await progress(run.tenantId)).toMatchObject([{ phase: 'moved', warning: null }]);
  });
});

describe('tries that fail', () => {
  it('lengthen the rests after them, and the batch goes under a new permit [AB-2]', async () => {
    const run = await verified();
    const pauses: number[] = [];
    let failures = 2;
    const stores: Stores = {
      ...engine.stores,
      sql: (role, database) => {
        const pool = engine.stores.sql(role, database);
        if (role !== 'purger' || database !== 'assets') return pool;
        return {
          ...pool,
          execute: (text, values) => {
            if (!text.startsWith('CALL purge_') || failures === 0)
              return pool.execute(text, values);
            failures -= 1;
            return Promise.reject(new LetheError('STORE_UNAVAILABLE', 'rolled back: a deadlock'));
          },
        };
      },
    };
    const pause = (milliseconds: number): Promise<void> => {
      pauses.push(milliseconds);
      return Promise.resolve();
    };
    const activities = await composeDisposition({ ...engine.options, stores, pause }, engine.parts);
    expect(await activities.moveRows(run)).toMatchObject({ done: true });
    expect(await isLive(run.tenantId)).toBe(false);
    const from = pauses.indexOf(400);
    expect(pauses.slice(from, from + 2)).toEqual([400, 800]);
    const after = pauses.slice(from + 2);
    expect(after.length).toBeGreaterThan(0);
    expect(after.filter((milliseconds) => milliseconds < 500)).toEqual([]);
  });
});

describe('a limit of rows', () => {
  it('makes the move rest as long as it asks for', async () => {
    const run = await verified();
    await throttle({ rowsPerSecondMax: 7 });
    const started = performance.now();
    await engine.activities.moveRows(run);
    // The last of the seven rows needs no rest before it; each batch is followed by its own.
    expect(performance.now() - started).toBeGreaterThan(600);
    expect(await isLive(run.tenantId)).toBe(false);
  });
});

describe('a limit so low that a permit would run out during a rest', () => {
  it('asks for the next permit after the rest, and needs no second attempt [AB-2]', async () => {
    const tenantId = await subscribed(engine, 'CVM');
    const host = { tenantId, assetId: newAsset(), observedAt: await engine.now() };
    await engine.send(tenantId, 'linkAsset', { assetId: host.assetId, services: ['CVM'] });
    await engine.observe(largeReport(host, { fingerprints: 100, risks: 100, turn: 0 }));
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    const run = await planned(engine, tenantId);
    await engine.activities.sealAndCopy(run);
    await engine.activities.verifyCopies(run);
    await throttle({ rowsPerSecondMax: 1 });
    const pauses: number[] = [];
    const pause = async (milliseconds: number): Promise<void> => {
      pauses.push(milliseconds);
      await engine.setClock(
        new Date(Date.parse(await engine.now()) + milliseconds + 1_000).toISOString(),
      );
    };
    const activities = await composeDisposition({ ...engine.options, pause }, engine.parts);
    expect(await activities.moveRows(run)).toMatchObject({ done: true });
    // Longer than a permit lives, and more was moved after it.
    expect(pauses.slice(0, -1).some((milliseconds) => milliseconds > 60_000)).toBe(true);
    expect(await isLive(tenantId)).toBe(false);
  });
});

describe('a throttle that makes no sense', () => {
  it.each([
    [{ rowsPerSecondMax: 0 }, 'rowsPerSecondMax'],
    [{ threadsRunningMax: 0 }, 'threadsRunningMax'],
    [{ quietHours: { from: '24:00', to: '06:00', zone: null } }, 'quietHours.from'],
    [{ quietHours: { from: '22:00', to: '06:00', zone: 'Mars/Base' } }, 'quietHours.zone'],
    [{ setBy: 'a b' }, 'setBy'],
  ])('is refused with its field and changes nothing: %j', async (change, field) => {
    const count = async (): Promise<unknown> =>
      (await engine.root('control').query('SELECT COUNT(*) AS n FROM throttles'))[0];
    const before = await count();
    await expect(throttle(change)).rejects.toMatchObject({ field });
    expect(await count()).toEqual(before);
  });
});

describe('a run that has moved', () => {
  it('shows its rows and bytes as done and waits for nothing', async () => {
    const run = await verified();
    await engine.activities.moveRows(run);
    await engine.activities.verifyMoved(run);
    const [shown] = await progress(run.tenantId);
    expect(shown).toMatchObject({
      phase: 'moved',
      rows: { done: 7, left: 0 },
      waitsFor: null,
      isLate: false,
    });
    expect(shown?.bytes.left).toBe(0);
    expect(shown?.bytes.done).toBeGreaterThan(500);
    expect(shown?.latestAt).not.toBeNull();
  });
});
