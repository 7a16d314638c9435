import { findReappeared } from '../../src/activities/restore-gate/find-reappeared';
import type { RunReference } from '../../src/contracts/activities';
import { startWorker } from '../support/crash-life';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { IS_LONG } from '../support/long-form';
import { daysLater } from '../support/put-back';
import { finderPorts } from '../support/restore-gate';
import { sabotaged, Saboteur, type Target } from '../support/saboteur';
import type { Call } from '../support/store-calls';
import { liveRecords } from '../support/tenant-life';
import { destroyedAndBack } from '../support/two-due-days';

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterAll(() => engine.remove());

const KEEPS = /^verifier: INSERT\s+INTO returned_batches/;
const JUDGES = /^verifier: INSERT\s+INTO verifications/;

const count = async (statement: string, params: readonly string[]): Promise<number> => {
  const rows = await engine.root('control').query(statement, params);
  return Number(rows[0]?.['n']);
};

const trips = (tenantId: string): Promise<number> =>
  count('SELECT COUNT(*) AS n FROM breaker_trips WHERE tenant_id = ?', [tenantId]);

const reappeared = async (tenantId: string) => {
  const finder = await finderPorts(engine);
  const found = [
    ...(await findReappeared(finder, 'mysql')),
    ...(await findReappeared(finder, 'mongodb')),
  ];
  return found
    .filter((batch) => batch.tenantId === tenantId)
    .map(({ location, records }) => ({ location, records }));
};

/** The run that brings the tenant's second due day back, as its process would have it. */
async function runOf(tenantId: string): Promise<RunReference> {
  const { work } = await engine.snapshot(tenantId);
  const item = work.find(({ kind }) => kind === 'dispose');
  if (item?.kind !== 'dispose') throw new Error('nothing comes back');
  const { eventId, mode } = item;
  const { runIds } = await engine.activities.planRuns({ tenantId, eventId, mode });
  return { tenantId, runId: runIds[0] ?? '', eventId };
}

/** Brings the run back with a worker that dies at a call: nothing that it does afterwards reaches a store. */
async function bringBack(run: RunReference, target: Target | null): Promise<readonly Call[]> {
  const saboteur = new Saboteur();
  const worker = await startWorker(engine, (stores) => sabotaged(stores, saboteur));
  saboteur.arm(target, 'dies');
  const failure = await worker.activities.restoreRun(run).then(
    () => null,
    (error: unknown) => error,
  );
  await worker.close();
  expect([saboteur.hasStruck, failure !== null]).toEqual([target !== null, target !== null]);
  return saboteur.calls;
}

/** Ids that were kept of what came back, and ids of what is live by the administrator's own statements. */
async function keptAndLive(tenantId: string, runId: string) {
  const rows = await engine
    .root('control')
    .query('SELECT location, asset_id, ids FROM returned_batches WHERE run_id = ?', [runId]);
  const kept = rows.flatMap((row) =>
    (JSON.parse(String(row['ids'])) as (string | [string, string])[]).map((id) =>
      [
        String(row['location']),
        ...(typeof id === 'string' ? [String(row['asset_id']), id] : id),
      ].join(),
    ),
  );
  const live: string[] = [];
  for (const table of ['assets', 'asset_links', 'scans', 'image_risks']) {
    const found = await engine
      .root('assets')
      .query(`SELECT asset_id, version_id FROM ${table} WHERE tenant_id = ?`, [tenantId]);
    live.push(
      ...found.map((row) =>
        [`mysql:assets.${table}`, String(row['asset_id']), String(row['version_id'])].join(),
      ),
    );
  }
  const documents = await engine.mongo
    .db(`${engine.environment.prefix}_assets`)
    .collection('fingerprints')
    .find({ tenantId })
    .toArray();
  live.push(
    ...documents.map((one) =>
      ['mongodb:assets.fingerprints', String(one['assetId']), String(one._id)].join(),
    ),
  );
  return { kept: kept.sort(), live: live.sort() };
}

/** What the certificate, the sweep and the gate make of a tenant that is back. */
async function judgements(
  tenantId: string,
  runId: string,
  bringFirst: () => Promise<number>,
): Promise<unknown> {
  const order = { tenantId, workflowNow: await engine.now() };
  const { progress, snapshot } = await engine.activities.verifyAndCertify(order);
  await daysLater(engine, 1.1);
  await engine.activities.sweep();
  const sweeps = await engine
    .root('control')
    .query('SELECT outcome, found FROM sweeps WHERE run_id = ? ORDER BY swept_at', [runId]);
  const before = await reappeared(tenantId);
  await bringFirst();
  return {
    ...{ blockedOn: progress.blockedOn, certificates: snapshot.counters.certificates },
    sweeps: sweeps.map((row) => `${String(row['outcome'])} ${String(row['found'])}`),
    ...{ before, after: await reappeared(tenantId), trips: await trips(tenantId) },
    live: await liveRecords(engine, tenantId),
  };
}

/** One tenant that comes back, with a death in the middle; what is left of it in the end. */
async function lifeWith(target: Target | null) {
  const { tenantId, bringFirst } = await destroyedAndBack(engine);
  const run = await runOf(tenantId);
  const calls = await bringBack(run, target);
  if (target !== null) {
    // Half of them never count: nobody says yet that something is gone, or that it is there again.
    const order = { tenantId, workflowNow: await engine.now() };
    const { progress } = await engine.activities.verifyAndCertify(order);
    expect(progress).toMatchObject({ blockedOn: 'restore', counts: { certified: 0 } });
    expect(await reappeared(tenantId)).toEqual([]);
    expect(await trips(tenantId)).toBe(0);
    await bringBack(run, null);
  }
  const { kept, live } = await keptAndLive(tenantId, run.runId);
  expect(kept).toHaveLength(7);
  expect(kept).toEqual(live);
  return { calls, judged: await judgements(tenantId, run.runId, bringFirst) };
}

/** Calls from the first batch of ids to the verdict; in the short form those that write. */
function deadly(calls: readonly Call[]): readonly Target[] {
  const from = calls.findIndex(({ name }) => KEEPS.test(name));
  const to = calls.findLastIndex(({ name }) => JUDGES.test(name));
  const writes = calls.flatMap(({ name }, at) =>
    (KEEPS.test(name) || JUDGES.test(name)) && at <= to ? [at] : [],
  );
  expect(writes).toHaveLength(6);
  const every = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  return (IS_LONG ? every : writes).flatMap((at, index): Target[] => {
    const both: Target[] = [
      { call: at + 1, moment: 'before' },
      { call: at + 1, moment: 'after' },
    ];
    return IS_LONG || at === to ? both : [both[index % 2] as Target];
  });
}

describe('a verifier that dies while it keeps which records came back', () => {
  it(
    'is succeeded by one that keeps all of them, and certificate, sweep and gate judge alike [AB-2] [AB-3]',
    async () => {
      const calm = await lifeWith(null);
      expect(calm.judged).toMatchObject({
        ...{ blockedOn: null, certificates: 1, trips: 0, before: [], sweeps: ['clean 0'] },
        after: [{ location: 'mysql:assets.asset_links', records: 1 }],
      });
      for (const target of deadly(calm.calls)) {
        const { judged } = await lifeWith(target);
        expect({ target, judged }).toEqual({ target, judged: calm.judged });
      }
    },
    IS_LONG ? 3_600_000 : 600_000,
  );
});
