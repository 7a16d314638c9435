import { readProgress } from '../../src/activities/control/read-progress';
import { setThrottle } from '../../src/activities/control/throttle';
import { readReplicaLag } from '../../src/activities/disposition/replica-lag';
import { composeDisposition } from '../../src/composition/disposition';
import { loadConfig } from '../../src/platform/config';
import { openStores, type Stores } from '../../src/platform/connections';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { startReplicatedSql, type ReplicatedSql } from '../support/replicated-sql';
import { liveRecords, planned, withHost } from '../support/tenant-life';
import { until } from '../support/race-lives';

const VARIABLES = ['LETHE_MYSQL_URL', 'LETHE_MYSQL_REPLICAS'] as const;
const before = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]));

let servers: ReplicatedSql;
let engine: EngineHarness;
beforeAll(async () => {
  servers = await startReplicatedSql();
  process.env['LETHE_MYSQL_URL'] = servers.sourceUrl;
  process.env['LETHE_MYSQL_REPLICAS'] = servers.replicaAddress;
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T04:00:00Z');
  await throttle({ replicaLagMaxSeconds: 1, replicaLagResumeSeconds: 1 });
});
afterAll(async () => {
  await engine.remove();
  await servers.remove();
  for (const name of VARIABLES) {
    if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = before[name];
  }
});

const throttle = (change: object) =>
  setThrottle(
    { control: engine.stores.sql('control', 'control'), ledger: engine.parts.ledger },
    { setBy: 'operator-1', ...change },
  );

type Run = Awaited<ReturnType<typeof planned>>;

/** A run whose copies are verified and whose rows are live. */
async function verified(): Promise<Run> {
  const { tenantId } = await withHost(engine, 'CVM');
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  const run = await planned(engine, tenantId);
  await engine.activities.sealAndCopy(run);
  await engine.activities.verifyCopies(run);
  return run;
}

/** One step of the move; a wait between two looks is as short as a replica needs that is in time. */
async function move(run: Run, stores: Stores = engine.stores): Promise<unknown> {
  const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 100));
  const options = { ...engine.options, stores, pause };
  return (await composeDisposition(options, engine.parts)).moveRows(run);
}

const progress = async ({ tenantId }: Run) =>
  (await readProgress(engine.stores.sql('reader', 'control'), tenantId))[0];

const liveIn = async ({ tenantId }: Run): Promise<number> =>
  Object.values(await liveRecords(engine, tenantId)).reduce((sum, count) => sum + count, 0);

/** Waits until the replica is really that far behind, or has really caught up. */
const untilLag = (is: (milliseconds: number) => boolean): Promise<void> =>
  until(async () => {
    const source = engine.stores.sql('purger', 'control');
    const lag = await readReplicaLag({ source, replicas: engine.stores.replicas() });
    return lag !== null && is(lag);
  });

const WAITS = { done: false, blockedOn: 'throttle:replica-lag' };
const MOVED = { done: true, blockedOn: null };
const beatAt = async (): Promise<unknown> =>
  (await engine.root('control').query('SELECT beat_at FROM replica_beats'))[0];

describe('a replica that falls behind', () => {
  it.each(['SQL_THREAD', 'IO_THREAD'])(
    'holds the move up while its %s is stopped, is named as the reason, and lets it go on then [AB-2]',
    async (thread) => {
      expect(await move(await verified())).toMatchObject(MOVED);
      const run = await verified();
      await servers.atReplica(`STOP SLAVE ${thread}`);
      await untilLag((milliseconds) => milliseconds > 1_000);
      const live = await liveIn(run);
      expect(await move(run)).toMatchObject(WAITS);
      expect(await liveIn(run)).toBe(live);
      expect(await progress(run)).toMatchObject({ waitsFor: 'replica-lag', rows: { done: 0 } });
      await servers.atReplica(`START SLAVE ${thread}`);
      await untilLag((milliseconds) => milliseconds < 1_000);
      expect(await move(run)).toMatchObject(MOVED);
      expect(await liveIn(run)).toBe(0);
      expect(await progress(run)).toMatchObject({ waitsFor: null });
    },
  );

  it('is asked with an account that can read one row there and nothing else [PU-1]', async () => {
    const [replica] = engine.stores.replicas();
    expect(await replica?.query('SELECT id FROM replica_beats')).toHaveLength(1);
    for (const statement of [
      'SELECT COUNT(*) FROM tenants',
      'CALL beat_replicas()',
      "UPDATE replica_beats SET beat_at = '2999-01-01' WHERE id = 1",
      'SHOW SLAVE STATUS',
    ]) {
      await expect(replica?.query(statement)).rejects.toThrow(/denied|command/i);
    }
  });
});

describe('a replica that does not say how far it is', () => {
  it('because it is the source itself holds the move up; without replicas nothing is asked [AB-2]', async () => {
    const run = await verified();
    const config = loadConfig({
      ...process.env,
      LETHE_ENVIRONMENT: engine.environment.name,
      LETHE_MYSQL_REPLICAS: servers.sourceAddress,
    });
    const itself = openStores(config, engine.credentials);
    try {
      expect(
        await move(run, { ...engine.stores, replicas: () => itself.replicas() }),
      ).toMatchObject(WAITS);
    } finally {
      await itself.close();
    }
    const beat = await beatAt();
    expect(await move(run, { ...engine.stores, replicas: () => [] })).toMatchObject(MOVED);
    expect(await beatAt()).toEqual(beat);
  });

  it('because it is dead holds the move up until a deadline presses, and that is warned of [AB-2] [ST-1]', async () => {
    const run = await verified();
    await servers.killReplica();
    await until(async () => {
      const [replica] = engine.stores.replicas();
      return (await replica?.query('SELECT 1').catch(() => null)) === null;
    });
    expect(await move(run)).toMatchObject(WAITS);
    const shown = await progress(run);
    expect(shown).toMatchObject({ waitsFor: 'replica-lag', warning: null });
    const lastDay = new Date(Date.parse(shown?.moveBy ?? '') - 86_400_000).toISOString();
    await engine.setClock(lastDay);
    expect(await progress(run)).toMatchObject({ warning: 'tight', isLate: false });
    expect(await move(run)).toMatchObject(MOVED);
  });
});

describe('thresholds that make no sense', () => {
  it.each([
    [{ replicaLagMaxSeconds: 0 }, 'replicaLagMaxSeconds'],
    [{ replicaLagMaxSeconds: 5, replicaLagResumeSeconds: 6 }, 'replicaLagResumeSeconds'],
  ])('are refused with their field: %j', async (change, field) => {
    await expect(throttle(change)).rejects.toMatchObject({ field });
  });
});
