import {
  expireBackup,
  readBackups,
  registerBackup,
  type RegisterBackup,
} from '../../src/activities/control/backups';
import { placeFreeze, type FreezePorts } from '../../src/activities/control/freeze';
import { readThrottle, setThrottle } from '../../src/activities/control/throttle';
import { addReceiver, disableReceiver, listReceivers } from '../../src/activities/notices/register';
import { readScanSchedule, setScanSchedule } from '../../src/activities/schedule/scan-schedule';
import { closeEvent, markCohort, markRun } from '../../src/activities/disposition/run-rows';
import type { Sql, SqlPool } from '../../src/contracts/sql';
import { createLimitsHarness, type LimitsHarness } from '../support/limits';
import { until } from '../support/live-engine';
import { someoneWaits } from '../support/lock-waits';
import type { SealedRun } from '../support/sealed-run';

const POLICY = { allowHttp: [], allowPrivate: [] };
let limits: LimitsHarness;
let serial = 0;

beforeAll(async () => {
  limits = await createLimitsHarness();
});
afterAll(() => limits.remove());

const id = (prefix: string): string => `${prefix}_${String((serial += 1)).padStart(16, '0')}`;
const name = (): string => `receiver-${(serial += 1)}`;

const outcome = (work: Promise<unknown>): Promise<unknown> =>
  work.catch((error: unknown) => (error as { code: string }).code);

/** What two people get who do something in the same moment; the second one waits for the first. */
async function inTheSameMoment(
  first: (control: SqlPool) => Promise<unknown>,
  second: (control: SqlPool) => Promise<unknown>,
): Promise<readonly [unknown, unknown]> {
  const { control } = limits.ports;
  let other: Promise<unknown> = Promise.resolve();
  const heldOpen: SqlPool = {
    ...control,
    transaction: (work) =>
      control.transaction(async (sql) => {
        const result = await work(sql);
        other = outcome(second(control));
        await until(() => someoneWaits(limits.root));
        return result;
      }),
  };
  const one = await outcome(first(heldOpen));
  return [one, await other];
}

const portsOn = (control: SqlPool) => ({ ...limits.ports, control });

describe('two people in the same moment', () => {
  it('both set the throttle: what each named counts, and neither undoes the other', async () => {
    const [one, other] = await inTheSameMoment(
      (control) => setThrottle(portsOn(control), { paused: true, setBy: 'ops-1' }),
      (control) => setThrottle(portsOn(control), { rowsPerSecondMax: 7, setBy: 'ops-2' }),
    );
    expect(one).toMatchObject({ number: 1, paused: true });
    expect(other).toMatchObject({ number: 2, paused: true, rowsPerSecondMax: 7 });
    expect(await readThrottle(limits.root)).toMatchObject({ number: 2, paused: true });
  });

  it('both set the schedule of scans of a tenant: the later one counts', async () => {
    const { tenantId } = await limits.sealed();
    const set = (everyHours: number) => (control: SqlPool) =>
      setScanSchedule(portsOn(control), { tenantId, everyHours, setBy: 'ops-1' });
    const answers = await inTheSameMoment(set(24), set(48));
    expect(answers).toMatchObject([{ number: 1 }, { number: 2 }]);
    expect(await readScanSchedule(limits.root, tenantId)).toMatchObject({ everyHours: 48 });
  });

  it('both register the same backup: it is there once, and another one of that id is refused', async () => {
    const order = (location = 's3://backups.example/one'): RegisterBackup => ({
      ...{ setId: 'bs_00000001', store: 'mysql', covers: ['control'], location },
      ...{ takenAt: '2026-01-01T00:00:00Z', expiresAt: '2026-01-15T00:00:00Z' },
      registeredBy: 'ops-1',
    });
    const register = (given: RegisterBackup) => (control: SqlPool) =>
      registerBackup(portsOn(control), given);
    const [one, other] = await inTheSameMoment(register(order()), register(order()));
    expect(other).toEqual(one);
    const another = { ...order(), setId: 'bs_00000002' };
    const elsewhere = { ...another, location: 's3://backups.example/two' };
    const [, refused] = await inTheSameMoment(register(another), register(elsewhere));
    expect(refused).toBe('IDEMPOTENCY_CONFLICT');
    expect(await readBackups(limits.root)).toHaveLength(2);
  });

  it('both report that a backup is gone: the first report counts', async () => {
    const { setId } = await registerBackup(limits.ports, {
      ...{ setId: 'bs_00000003', store: 'mysql', covers: ['control'] },
      ...{ location: 's3://backups.example/3', takenAt: '2026-01-01T00:00:00Z' },
      ...{ expiresAt: '2026-01-15T00:00:00Z', registeredBy: 'ops-1' },
    });
    const gone = (expiredBy: string) => (control: SqlPool) =>
      expireBackup(portsOn(control), { setId, expiredBy });
    const answers = await inTheSameMoment(gone('ops-1'), gone('ops-2'));
    expect(answers).toMatchObject([{ expiredBy: 'ops-1' }, { expiredBy: 'ops-1' }]);
  });

  it('both register a receiver: the same one is there once, and another one under the name is refused', async () => {
    const add = (receiver: string, host: string) => (control: SqlPool) =>
      addReceiver(
        control,
        { name: receiver, kind: 'webhook', address: `https://${host}/`, addedBy: 'ops-1' },
        POLICY,
      );
    const same = name();
    const [one, other] = await inTheSameMoment(add(same, 'one.example'), add(same, 'one.example'));
    expect(one).toMatchObject({ name: same });
    expect(other).toEqual(one);
    const taken = name();
    const [, refused] = await inTheSameMoment(add(taken, 'one.example'), add(taken, 'two.example'));
    expect(refused).toBe('IDEMPOTENCY_CONFLICT');
    expect(await listReceivers(limits.root)).toHaveLength(2);
  });

  it('both disable a receiver: it is disabled by the first', async () => {
    const receiver = name();
    await addReceiver(
      limits.ports.control,
      { name: receiver, kind: 'mail', address: 'dpo@example.com', addedBy: 'ops-1' },
      POLICY,
    );
    const disable = (disabledBy: string) => (control: SqlPool) =>
      disableReceiver(control, { name: receiver, disabledBy });
    const answers = await inTheSameMoment(disable('ops-1'), disable('ops-2'));
    expect(answers).toMatchObject([{ ended: { by: 'ops-1' } }, { ended: { by: 'ops-1' } }]);
  });

  it('both place a freeze under one id over different scopes: the second is told that it is taken [AB-1]', async () => {
    const [{ tenantId: one }, { tenantId: two }] = [await limits.sealed(), await limits.sealed()];
    const freezeId = id('fz');
    const place = (scope: string) => (control: SqlPool) =>
      placeFreeze({ ...freezePorts(), control }, { freezeId, scope, placedBy: 'ops-1' });
    const [placed, refused] = await inTheSameMoment(place(one), place(two));
    expect(placed).toMatchObject({ freezeId, scope: one });
    expect(refused).toBe('IDEMPOTENCY_CONFLICT');
  });
});

describe('two workers in the same moment', () => {
  /** States of the run, its due day and its event, by the administrator's own statement. */
  const marked = async (runId: string): Promise<readonly unknown[]> => {
    const rows = await limits.root.query(
      `SELECT CONCAT('run ', state) AS mark FROM run_states WHERE run_id = ?
        UNION ALL SELECT CONCAT('due day ', state) FROM cohort_states WHERE run_id = ?
        UNION ALL SELECT CONCAT('event ', event_id) FROM event_closings WHERE event_id = ?`,
      [runId, runId, `ev_${runId.slice(3)}`],
    );
    return rows.map((row) => String(row['mark']));
  };

  it.each([
    [
      'a run',
      'run superseded',
      (sql: Sql, run: SealedRun) => markRun(sql, run.runId, 'superseded'),
    ],
    [
      'a due day',
      'due day returned',
      (sql: Sql, run: SealedRun) => markCohort(sql, run, 'returned'),
    ],
    [
      'an event',
      'event',
      (sql: Sql, { tenantId, runId }: SealedRun) =>
        closeEvent(sql, tenantId, `ev_${runId.slice(3)}`),
    ],
  ] as const)('both say the same of %s: it is said once', async (...[, mark, say]) => {
    const run = await limits.sealed();
    const says = (control: SqlPool) => control.transaction((sql) => say(sql, run));
    expect(await inTheSameMoment(says, says)).toEqual([undefined, undefined]);
    const said = (await marked(run.runId)).filter((one) => String(one).startsWith(mark));
    expect(said).toHaveLength(1);
  });
});

const freezePorts = (): FreezePorts => ({
  ...limits.ports,
  unstamp: () => Promise.resolve(),
  pause: () => Promise.resolve(),
});
