import { createSimulator, type Simulator } from '../../src/simulation/simulator';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { createTemporalEnvironment, type TemporalEnvironment } from '../support/temporal';
import { beginToEndService, endService, SimulatedLife, subscribe } from './simulated-life';

const START = '2030-01-07T01:00:00Z';
const DATABASES = ['control', 'keys', 'evidence'] as const;

let sql: SqlEnvironment;
let temporal: TemporalEnvironment;
let simulator: Simulator;

const createFor = (
  environment: string,
  limits: { readonly patienceMs?: number; readonly skipsMax?: number } = {},
): Simulator =>
  createSimulator({
    ...limits,
    environment,
    control: sql.pool('simulator', 'control'),
    keys: sql.pool('simulator', 'keys'),
    evidence: sql.pool('simulator', 'evidence'),
    quietWaitMs: 300,
    connection: temporal.connection,
    namespace: temporal.namespace,
  });

beforeAll(async () => {
  sql = await createSqlEnvironment({ simulation: true });
  temporal = await createTemporalEnvironment();
  simulator = createFor(sql.name);
});

afterAll(async () => {
  await temporal.close();
  await sql.remove();
});

const root = (statement: string): Promise<unknown> =>
  sql.pool('root', 'control').execute(statement);

const offsets = async (): Promise<string[]> =>
  Promise.all(
    DATABASES.map(async (database) => {
      const rows = await sql
        .pool('root', database)
        .query('SELECT offset_microseconds AS found FROM simulation_clock');
      return String(rows[0]?.['found']);
    }),
  );

describe('the clocks of a simulation environment', () => {
  it('move together, by one offset, to the instant that was asked for', async () => {
    await simulator.advanceTo(START, []);
    const [control, ...others] = await offsets();
    expect(others).toEqual([control, control]);
    const now = await simulator.now();
    expect(now.slice(0, 15)).toBe('2030-01-07T01:0');
    expect(Date.parse(now)).toBeGreaterThanOrEqual(Date.parse(START));
  });

  it('never go back', async () => {
    const before = await offsets();
    await expect(simulator.advanceTo('2030-01-07T00:59:59Z', [])).rejects.toMatchObject({
      code: 'NOT_PERMITTED',
      field: 'instant',
    });
    expect(await offsets()).toEqual(before);
  });

  it.each([
    [
      'a permit',
      `INSERT INTO permits SELECT 'pm_x', 'move', 'tn_x', 'rn_x', '2030-01-01', 'mysql:assets.scans', 1, 1, 1,
         lethe_now(), lethe_now() + INTERVAL 10 MINUTE, NULL, NULL, NULL FROM DUAL`,
      "DELETE FROM permits WHERE permit_id = 'pm_x'",
    ],
    [
      'a key permit',
      `INSERT INTO {keys}.key_permits SELECT 'pm_x', 'destroy', 'tn_x', 'asset:rn_x:2030-01-01', 1, 1,
         lethe_now(), lethe_now() + INTERVAL 10 MINUTE, NULL, NULL FROM DUAL`,
      "DELETE FROM {keys}.key_permits WHERE permit_id = 'pm_x'",
    ],
    [
      'the lease of an attempt',
      `INSERT INTO attempts (attempt_id, tenant_id, purpose, started_at, lease_until)
         SELECT 'at_x', 'tn_x', 'ingest', lethe_now(), lethe_now() + INTERVAL 10 MINUTE FROM DUAL`,
      "DELETE FROM attempts WHERE attempt_id = 'at_x'",
    ],
  ])('stand still while %s is live, and move once it is gone', async (...[, insert, remove]) => {
    const named = (statement: string): string =>
      statement.replace('{keys}', `\`${sql.prefix}_keys\``);
    const before = await offsets();
    const soon = `${(await simulator.now()).slice(0, 17)}59.999Z`;
    await root(named(insert));
    await expect(simulator.advanceTo(soon, [])).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    expect(await offsets()).toEqual(before);
    await root(named(remove));
    const later = new Date(Date.parse(soon) + 1000).toISOString();
    await simulator.advanceTo(later, []);
    expect(await offsets()).not.toEqual(before);
  });

  it('take up where a move broke off, without one clock ahead of the others', async () => {
    await sql
      .pool('root', 'control')
      .execute(
        'UPDATE simulation_clock SET offset_microseconds = offset_microseconds + 1000 WHERE id = 1',
      );
    const later = new Date(Date.parse(await simulator.now()) + 60_000).toISOString();
    await simulator.advanceTo(later, []);
    const [control, ...others] = await offsets();
    expect(others).toEqual([control, control]);
  });

  it('exist only where the name of the environment says so', async () => {
    const inProduction = async (): Promise<Simulator> => Promise.resolve(createFor('lethe'));
    await expect(inProduction()).rejects.toMatchObject({
      code: 'ENVIRONMENT_MISMATCH',
      field: 'environment',
    });
  });
});

describe('a workflow in simulated time', () => {
  const days = (count: number): string[] =>
    Array.from({ length: count }, (_, index) =>
      new Date(Date.parse('2031-02-01T18:00:00Z') + index * 86_400_000).toISOString(),
    );

  const inYear =
    (year: number) =>
    (instant: string): string =>
      instant.replace('2031', String(year));

  it('joins the databases years ahead, and its timers and children follow', async () => {
    const life = new SimulatedLife(days(1), () => simulator.now());
    await temporal.whileWorking(life.activities, async () => {
      const workflowId = await subscribe(temporal.client, 'tn_simulated0000001');
      expect(await simulator.join(workflowId)).toBe('reached');
      await endService(temporal.client, workflowId);
      expect(life.acceptedAt[1]?.slice(0, 10)).toBe('2030-01-07');
      const child = `disposition-run:tn_simulated0000001:ev_1`;
      const { events } = await temporal.client.getHandle(child).fetchHistory();
      // The server dates the start itself in real time; the first task is what the child lives in.
      const born = Number(String(events?.[1]?.eventTime?.seconds));
      expect(new Date(born * 1000).toISOString().slice(0, 10)).toBe('2030-01-07');

      await simulator.advanceTo('2031-02-01T17:00:00Z', [workflowId]);
      expect(life.acts).toEqual([]);
      await simulator.advanceTo('2031-02-01T18:00:05Z', [workflowId]);
      await temporal.client.getHandle(workflowId).result();
      expect(life.acts).toHaveLength(1);
      expect(await simulator.join(workflowId)).toBe('ended');
    });
  });

  it('is walked from due day to due day, and neither clock is ever before the window', async () => {
    const due = days(12).map(inYear(2032));
    const life = new SimulatedLife([...due], () => simulator.now());
    await temporal.whileWorking(life.activities, async () => {
      const workflowId = await subscribe(temporal.client, 'tn_simulated0000002');
      await simulator.join(workflowId);
      await endService(temporal.client, workflowId);
      await simulator.runUntil('2032-03-01T00:00:00Z', {
        workflowIds: () => Promise.resolve([workflowId]),
        nextDue: () => Promise.resolve(life.nextDue),
        settle: () => Promise.resolve(),
      });
      await temporal.client.getHandle(workflowId).result();
    });
    expect(life.acts).toHaveLength(due.length);
    due.forEach((instant, index) => {
      const act = life.acts[index];
      expect(Date.parse(act?.workflowNow ?? '')).toBeGreaterThanOrEqual(Date.parse(instant));
      expect(Date.parse(act?.databaseNow ?? '')).toBeGreaterThanOrEqual(Date.parse(instant));
      expect(Date.parse(act?.databaseNow ?? '')).toBeLessThan(Date.parse(instant) + 120_000);
    });
  });

  it('is walked no further than what is due while a busy machine takes longer than three steps', async () => {
    const life = new SimulatedLife(days(1).map(inYear(2033)), () => simulator.now());
    await temporal.whileWorking(life.activities, async () => {
      const workflowId = await subscribe(temporal.client, 'tn_simulated0000007');
      await simulator.join(workflowId);
      await endService(temporal.client, workflowId);
      life.destroysForMs = 17_000;
      const before = simulator.steps.length;
      await simulator.runUntil('2033-02-02T00:00:00Z', {
        workflowIds: () => Promise.resolve([workflowId]),
        nextDue: () => Promise.resolve(life.nextDue),
        settle: () => Promise.resolve(),
      });
      await temporal.client.getHandle(workflowId).result();
      expect(life.acts).toHaveLength(1);
      // One to the window, one to the end of the walk.
      expect(simulator.steps.length - before).toBe(2);
    });
  });

  it('stops the walk, and does not run past, when what is due is not done', async () => {
    const life = new SimulatedLife(['2034-01-01T00:00:00Z'], () => simulator.now());
    await temporal.whileWorking(life.activities, async () => {
      const workflowId = await subscribe(temporal.client, 'tn_simulated0000003');
      await simulator.join(workflowId);
      await endService(temporal.client, workflowId);
      life.blocked = true;
      const walk = simulator.runUntil('2035-01-01T00:00:00Z', {
        workflowIds: () => Promise.resolve([workflowId]),
        nextDue: () => Promise.resolve(life.nextDue),
        settle: () => Promise.resolve(),
      });
      await expect(walk).rejects.toMatchObject({ code: 'CLOCK_DISAGREES', field: 'nextDue' });
      expect((await simulator.now()).slice(0, 13)).toBe('2034-01-01T00');
      await temporal.client.getHandle(workflowId).terminate();
    });
  });

  it('takes along a child that waits, and lets it wait no longer than the step', async () => {
    const life = new SimulatedLife(['2035-06-01T00:00:00Z'], () => simulator.now());
    await temporal.whileWorking(life.activities, async () => {
      const workflowId = await subscribe(temporal.client, 'tn_simulated0000005');
      await simulator.join(workflowId);
      life.childBlocked = true;
      await beginToEndService(temporal.client, workflowId);
      const child = temporal.client.getHandle('disposition-run:tn_simulated0000005:ev_1');
      for (let poll = 0; poll < 300 && life.blockedAt.length === 0; poll += 1) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const from = Date.parse(await simulator.now());
      life.childBlocked = false;
      // The child looks again after a minute; there is less real time than that.
      const impatient = createFor(sql.name, { patienceMs: 20_000 });
      await impatient.advanceTo(new Date(from + 3_600_000).toISOString(), [workflowId]);
      expect((await child.describe()).status.name).toBe('COMPLETED');
      expect(life.state.stage).toBe('retained');
      await temporal.client.getHandle(workflowId).terminate();
    });
  });

  it('is stopped when it waits again and again on the way', async () => {
    const life = new SimulatedLife(['2036-01-01T00:00:00Z'], () => simulator.now());
    await temporal.whileWorking(life.activities, async () => {
      const workflowId = await subscribe(temporal.client, 'tn_simulated0000006');
      await simulator.join(workflowId);
      await endService(temporal.client, workflowId);
      life.blocked = true;
      const limited = createFor(sql.name, { skipsMax: 3 });
      await expect(limited.advanceTo('2036-01-02T00:00:00Z', [workflowId])).rejects.toMatchObject({
        code: 'CLOCK_DISAGREES',
        message: `${workflowId} did not reach 2036-01-02T00:00:00Z: it waits again and again`,
      });
      await temporal.client.getHandle(workflowId).terminate();
    });
  });

  it('is named with what it is busy with when it does not get there in time', async () => {
    const life = new SimulatedLife([], () => simulator.now());
    const workflowId = await temporal.whileWorking(life.activities, async () => {
      const started = await subscribe(temporal.client, 'tn_simulated0000004');
      await simulator.join(started);
      return started;
    });
    // Without a worker what the signal asks for stays undone.
    await temporal.client.getHandle(workflowId).signal('factsChanged');
    const impatient = createFor(sql.name, { patienceMs: 500 });
    const later = new Date(Date.parse(await simulator.now()) + 60_000).toISOString();
    const stuck = impatient.advanceTo(later, [workflowId]);
    await expect(stuck).rejects.toMatchObject({ code: 'CLOCK_DISAGREES' });
    await expect(stuck).rejects.toThrow(`${workflowId} did not reach`);
    await temporal.client.getHandle(workflowId).terminate();
  });
});
