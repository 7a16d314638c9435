import { readTrips, resetBreaker, tripBreaker } from '../../src/activities/control/breaker';
import { readCaps, setCap } from '../../src/activities/control/caps';
import { readSignedRequest, termsOf } from '../../src/activities/control/decisions';
import { readThrottle, setThrottle } from '../../src/activities/control/throttle';
import { exportCheckpoint } from '../../src/activities/evidence/checkpoints';
import { readLedger } from '../../src/activities/evidence/read-ledger';
import { checkControl } from '../../src/activities/restore-gate/check-control';
import {
  replayControl,
  type ReplayControlPorts,
  type ReplayedControl,
} from '../../src/activities/restore-gate/replay-control';
import { proveSurroundings } from '../../src/composition/prove-surroundings';
import type { SqlPool } from '../../src/contracts/sql';
import { loadConfig } from '../../src/platform/config';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { hold } from '../support/holds';
import { daysLater } from '../support/put-back';
import { lift, loseRows, replayPorts } from '../support/restore-gate';
import { agreeOn, signed } from '../support/signed-decisions';
import { firstTwo } from '../support/signers';
import { ended, subscribed, withHost } from '../support/tenant-life';

const CAP = 'cohorts-per-hour';

let engine: EngineHarness;
let ports: ReplayControlPorts;

beforeEach(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
  ports = replayPorts(engine);
});
afterEach(() => engine.remove());

const lose = (...statements: readonly string[]): Promise<void> => loseRows(engine, statements);

const checkpoint = (): Promise<unknown> =>
  exportCheckpoint(engine.parts.checkpoints, { mode: 'legal-hold' });

const start = (): Promise<void> =>
  proveSurroundings(
    loadConfig({ ...process.env, LETHE_ENVIRONMENT: engine.environment.name }),
    engine.options,
    engine.parts,
  );

const replay = (through: ReplayControlPorts = ports): Promise<ReplayedControl> =>
  replayControl(through, { replayedBy: 'ops-9' });

const lostLimits = async () => (await checkControl(ports.checkpoints)).limits;

const capTo = (amount: number, document?: string, setBy = 'ops-1') =>
  setCap(ports, {
    ...{ cap: CAP, amount, share: 0, setBy, reason: 'a smaller step while we watch' },
    ...(document === undefined ? {} : { document }),
  });

const cap = async () => {
  const record = (await readCaps(ports.control)).find((one) => one.cap === CAP);
  return { inForce: record?.inForce?.amount, pending: record?.pending?.amount ?? null };
};

/** Control as it was before a setting of the cap, and everything that followed it. */
const loseCapFrom = (number: number): Promise<void> =>
  lose(`DELETE FROM cap_settings WHERE cap = '${CAP}' AND setting_number >= ${number}`);

/** A trip of everything, by what was found at a tenant. */
async function trip(scope: 'all' | 'mysql' = 'all'): Promise<string> {
  const tenantId = await subscribed(engine, 'CVM');
  await tripBreaker(ports, {
    ...{ scope, cause: 'verification', tenantId, runId: 'rn_0000000000000001', dueOn: '' },
  });
  return (await readTrips(ports.control))[0]?.tripId ?? '';
}

const reset = (tripId: string) =>
  resetBreaker(ports, { tripId, resetBy: 'ops-1', reason: 'looked at, nothing wrong' });

const openTrips = async (): Promise<readonly string[]> =>
  (await readTrips(ports.control)).filter((one) => one.reset === null).map(({ tripId }) => tripId);

/** A tenant whose archive is due now. */
async function due(): Promise<string> {
  const { tenantId } = await withHost(engine, 'CVM');
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  await engine.send(tenantId, 'endFeature', {});
  const retained = await engine.runWork(tenantId);
  engine.hosted = [ended('CVM')];
  const last = retained.dueDays.map(({ deleteNotBefore }) => deleteNotBefore ?? '').sort();
  await engine.setClock(last.at(-1) ?? '');
  return tenantId;
}

describe('a cap that was tightened after the backup of control was taken', () => {
  it('is listed, is back at once, and is asked for by no later check [AB-1]', async () => {
    await capTo(5);
    expect(await lostLimits()).toEqual({ caps: [], trips: [], throttle: null, unreadable: [] });
    await checkpoint();
    await loseCapFrom(2);
    expect(await checkControl(ports.checkpoints)).toMatchObject({
      older: true,
      limits: { caps: [{ cap: CAP, amount: 5, share: 0 }] },
    });
    await expect(start()).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });

    expect((await replay()).limits.caps).toHaveLength(1);
    await start();
    expect(await cap()).toEqual({ inForce: 5, pending: null });
    expect((await lostLimits()).caps).toEqual([]);
    expect((await replay()).limits.caps).toEqual([]);
    const rows = await engine
      .root('control')
      .query('SELECT setting_number, set_by FROM cap_settings WHERE cap = ?', [CAP]);
    expect(rows.map((row) => String(row['set_by']))).toEqual(['default', 'ops-9']);
  });

  it('stays where control has it stricter by now, also when that was decided since [AB-1]', async () => {
    await capTo(50);
    await loseCapFrom(2);
    await capTo(5);
    expect((await lostLimits()).caps).toEqual([]);
    await replay();
    expect(await cap()).toEqual({ inForce: 5, pending: null });
  });

  it('counts although another one was set since that is stricter only for who had forgotten it [AB-1]', async () => {
    await capTo(5);
    await loseCapFrom(2);
    await capTo(100);
    expect((await lostLimits()).caps).toMatchObject([{ cap: CAP, amount: 5 }]);
    await replay();
    expect(await cap()).toEqual({ inForce: 5, pending: null });
    expect((await lostLimits()).caps).toEqual([]);
  });

  it('takes the place of a looser one that still waits in the backup [AB-1]', async () => {
    await capTo(5000);
    await capTo(2000);
    await loseCapFrom(3);
    expect(await cap()).toEqual({ inForce: 1000, pending: 5000 });
    await replay();
    expect(await cap()).toEqual({ inForce: 1000, pending: null });
    // What people decide afterwards waits and counts as it always does.
    await capTo(3000);
    expect((await lostLimits()).caps).toEqual([]);
    await replay();
    await daysLater(engine, 25 / 24);
    expect(await cap()).toEqual({ inForce: 3000, pending: null });
    expect((await lostLimits()).caps).toEqual([]);
  });
});

describe('a cap that was loosened after the backup of control was taken', () => {
  it('stays strict until people sign the looser one again [AB-1] [CC-4]', async () => {
    const officers = await firstTwo(ports);
    await agreeOn(ports, officers, 'sign-decisions');
    const [anna] = officers;
    const loosen = async (amount: number): Promise<void> => {
      const reason = 'a smaller step while we watch';
      const what = {
        decision: 'set-cap',
        subject: CAP,
        terms: termsOf(amount, 0, reason),
      } as const;
      await capTo(amount, await signed(engine, anna, what), anna.personId);
    };
    await capTo(5);
    await loosen(50);
    await daysLater(engine, 25 / 24);
    expect(await cap()).toEqual({ inForce: 50, pending: null });
    await lose(`DELETE FROM cap_settings WHERE cap = '${CAP}' AND setting_number = 3`);
    expect(await cap()).toEqual({ inForce: 5, pending: null });
    expect((await lostLimits()).caps).toEqual([]);
    await replay();
    expect(await cap()).toEqual({ inForce: 5, pending: null });
    await expect(capTo(50)).rejects.toMatchObject({ code: 'SIGNATURE_REQUIRED' });

    // Where the backup knows neither, what people had signed in the end counts, and it takes no signature.
    await loseCapFrom(2);
    expect((await lostLimits()).caps).toMatchObject([{ cap: CAP, amount: 50 }]);
    await replay();
    expect(await cap()).toEqual({ inForce: 50, pending: null });
    const asked = { decision: 'set-cap', subject: CAP, by: anna.personId } as const;
    expect(await readSignedRequest(ports.control, asked)).not.toBeNull();
  });
});

describe('a trip of the circuit breaker after the backup of control was taken', () => {
  it('is open again and lets nothing go until a person resets it [AB-1]', async () => {
    const tenantId = await due();
    const tripId = await trip();
    await checkpoint();
    await lose('DELETE FROM breaker_trips');
    expect(await checkControl(ports.checkpoints)).toMatchObject({
      older: true,
      limits: { trips: [{ tripId, scope: 'all', cause: 'verification' }] },
    });
    await expect(start()).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
    const { freezeId, limits } = await replay();
    expect(limits.trips).toMatchObject([{ tripId }]);
    await start();
    await lift(engine, freezeId);
    expect((await engine.destroy(tenantId)).blockedOn).toBe('BREAKER_OPEN');
    expect((await replay()).limits.trips).toEqual([]);
    await lift(engine, (await replay()).freezeId);
    await reset(tripId);
    expect((await engine.destroy(tenantId)).snapshot).toMatchObject({ ended: true });
  });

  it('stays reset when it was, and one that the backup has open is reset again by a person', async () => {
    const [one, other] = [await trip('all'), await trip('mysql')];
    await reset(one);
    await reset(other);
    await lose(`DELETE FROM breaker_trips WHERE trip_id = '${one}'`, 'DELETE FROM breaker_resets');
    expect((await lostLimits()).trips).toEqual([]);
    await replay();
    expect(await openTrips()).toEqual([other]);
    await daysLater(engine, 1);
    await reset(other);
    await reset(other);
    expect(await openTrips()).toEqual([]);
    const kinds: string[] = [];
    for await (const { kind } of readLedger(engine.parts.ledger.pool)) kinds.push(kind);
    expect(kinds.filter((kind) => kind.startsWith('breaker-reset'))).toEqual([
      ...['breaker-reset', 'breaker-reset', 'breaker-reset-again'],
    ]);
    expect(await lostLimits()).toMatchObject({ trips: [], unreadable: [] });
  });
});

describe('the throttle after the backup of control was taken', () => {
  it('is put back part by part where it was stricter, and quiet hours are asked for', async () => {
    const hours = { from: '22:00', to: '06:00', zone: 'UTC' };
    await setThrottle(ports, { threadsRunningMax: 5, setBy: 'ops-2' });
    await setThrottle(ports, { paused: true, rowsPerSecondMax: 9, quietHours: hours, setBy: 'o' });
    await checkpoint();
    await lose('DELETE FROM throttles WHERE throttle_number = 2');
    const stricter = { paused: true, rowsPerSecondMax: 9 };
    expect(await lostLimits()).toMatchObject({ throttle: { stricter, hasOtherQuietHours: true } });
    await expect(start()).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
    expect((await replay()).limits.throttle).toMatchObject({ hasOtherQuietHours: true });
    expect(await readThrottle(ports.control)).toMatchObject({ ...stricter, threadsRunningMax: 5 });
    expect((await replay()).limits.throttle).toBeNull();
  });
});

describe('a replay of limits', () => {
  it('that was killed half way is ended by the next one as if nothing had happened [AB-1]', async () => {
    await capTo(5);
    const [one, other] = [await trip('all'), await trip('mysql')];
    await setThrottle(ports, { paused: true, setBy: 'ops-1' });
    await checkpoint();
    await loseCapFrom(2);
    await lose('DELETE FROM breaker_trips', 'DELETE FROM throttles');
    for (const deadly of ['replay_cap', 'SELECT MAX(setting_number)', 'replay_trip']) {
      await expect(replay({ ...ports, control: dyingAt(deadly) })).rejects.toThrow('killed');
      await expect(start()).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
    }
    await replay();
    await start();
    expect(await cap()).toEqual({ inForce: 5, pending: null });
    expect([...(await openTrips())].sort()).toEqual([one, other].sort());
    expect(await readThrottle(ports.control)).toMatchObject({ paused: true });
    expect(await lostLimits()).toEqual({ caps: [], trips: [], throttle: null, unreadable: [] });
  });

  const contradictions = [
    ['names a cap that this build does not know', 'cap-set', 'tenants-per-year/2', {}],
    ['has no amount', 'cap-set', `${CAP}/2`, { cap: CAP, amount: null }],
    [
      'takes effect before it was decided',
      'cap-set',
      `${CAP}/2`,
      {
        ...{ cap: CAP, effectiveAt: '2029-01-01T00:00:00.000000Z' },
        recordedAt: '2030-01-01T00:00:00.000000Z',
      },
    ],
    [
      'has a scope that this build does not know',
      'breaker-tripped',
      'bt_0000000000000007',
      {
        ...{ tripId: 'bt_0000000000000007', scope: 'moon' },
      },
    ],
    ['resets nothing by name', 'breaker-reset', 'bt_0000000000000007', { tripId: null }],
  ] as const;

  it.each(contradictions)(
    'is refused while an entry of the evidence %s [CC-4]',
    async (...[, kind, subject, change]) => {
      const tenantId = await subscribed(engine, 'CVM');
      await hold(engine, tenantId);
      const at = await engine.now();
      const details = { cap: 'tenants-per-year', amount: 1, share: 0, setBy: 'ops-1', ...change };
      await engine.parts.ledger.append({
        ...{ tenantId, kind, subject },
        details: {
          effectiveAt: at,
          trippedAt: at,
          resetAt: at,
          runId: 'rn_0000000000000001',
          ...details,
        },
      });
      await checkpoint();
      await lose(
        ...['hold_scopes', 'hold_grounds', 'holds'].map((table) => `DELETE FROM ${table}`),
      );
      expect((await lostLimits()).unreadable).toMatchObject([{ kind, subject }]);
      await expect(replay()).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
      // All is frozen, control stays older, and no worker starts.
      const frozen = await engine
        .root('control')
        .query(`SELECT 1 FROM freezes WHERE scope = 'global'`);
      expect(frozen).toHaveLength(1);
      await expect(start()).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
    },
  );

  it('is refused while a trip has a reset that lies before it: it counts as open', async () => {
    const tripId = await trip();
    await engine.parts.ledger.append({
      ...{ tenantId: null, kind: 'breaker-reset', subject: tripId },
      details: { tripId, resetBy: 'ops-1', resetAt: '2029-01-01T00:00:00.000000Z' },
    });
    await lose('DELETE FROM breaker_trips');
    expect(await lostLimits()).toMatchObject({
      trips: [{ tripId }],
      unreadable: [{ kind: 'breaker-tripped', subject: tripId }],
    });
    await expect(replay()).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
  });
});

/** Control of a process that is killed before its first statement that contains a text. */
function dyingAt(text: string): SqlPool {
  const { control } = ports;
  const killed = (statement: string): void => {
    if (statement.includes(text)) throw new Error('killed');
  };
  return {
    ...control,
    query: (statement, params) => {
      killed(statement);
      return control.query(statement, params);
    },
    execute: (statement, params) => {
      killed(statement);
      return control.execute(statement, params);
    },
  };
}
