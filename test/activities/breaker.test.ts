import { readTrips, resetBreaker, tripBreaker } from '../../src/activities/control/breaker';
import { readStop, stopOf } from '../../src/activities/control/stops';
import { isLetheError } from '../../src/domain/errors';
import { createLimitsHarness, type LimitsHarness } from '../support/limits';
import type { SealedRun } from '../support/sealed-run';
import { refusalOf } from '../support/thrown';

let limits: LimitsHarness;

beforeEach(async () => {
  limits = await createLimitsHarness();
});
afterEach(() => limits.remove());

const refusedWith = (code: string): object => ({ code });

describe('the circuit breaker', () => {
  const trip = (run: SealedRun, scope: 'all' | 'mysql' | 'keys'): Promise<void> =>
    tripBreaker(limits.ports, { scope, cause: 'verification', ...run });
  const reset = async (): Promise<void> => {
    const open = (await readTrips(limits.ports.control)).filter((record) => record.reset === null);
    for (const { tripId } of open) {
      await resetBreaker(limits.ports, {
        tripId,
        resetBy: 'ops-1',
        reason: 'looked at, nothing wrong',
      });
    }
  };

  it('stops the store it names and no other until a person resets it', async () => {
    const run = await limits.sealed();
    await trip(run, 'mysql');
    await expect(limits.issueMove(run)).rejects.toMatchObject(refusedWith('BREAKER_OPEN'));
    expect(await limits.issueDestroy(run)).toMatch(/^pm_/);
    await limits.moveClock(24 * 40);
    await expect(limits.issueMove(run)).rejects.toMatchObject(refusedWith('BREAKER_OPEN'));
    await reset();
    expect(await limits.issueMove(run)).toMatch(/^pm_/);
  });

  it('stops everything when the cause may be anywhere', async () => {
    const run = await limits.sealed();
    await trip(run, 'all');
    await expect(limits.issueMove(run)).rejects.toMatchObject(refusedWith('BREAKER_OPEN'));
    await expect(limits.issueDestroy(run)).rejects.toMatchObject(refusedWith('BREAKER_OPEN'));
  });

  it('takes back the permits that are out, in control and in the key store', async () => {
    const run = await limits.sealed();
    const permit = await limits.issueDestroy(run);
    const epoch = async (): Promise<number> => {
      const [row] = await limits.ports.keys.query(
        `SELECT epoch FROM key_epochs WHERE scope = 'global'`,
      );
      return Number(row?.['epoch']);
    };
    const before = await epoch();
    await trip(run, 'keys');
    const [row] = await limits.root.query('SELECT revoked_at FROM permits WHERE permit_id = ?', [
      permit,
    ]);
    expect(row?.['revoked_at']).not.toBeNull();
    expect(await epoch()).toBe(before + 1);
  });

  it('trips on more tenants a day than usual, before the cap is reached', async () => {
    const runs: SealedRun[] = [];
    for (let tenant = 0; tenant < 9; tenant += 1) runs.push(await limits.sealed());
    for (const run of runs.slice(0, 8)) await limits.issueDestroy(run);
    const ninth = runs[8] as SealedRun;
    const refusal = await refusalOf(limits.issueDestroy(ninth));
    expect(isLetheError(refusal) && refusal.code).toBe('BREAKER_VOLUME');
    expect(await stopOf(limits.ports, ninth, refusal)).toBe('BREAKER_VOLUME');
    await expect(limits.issueDestroy(runs[0] as SealedRun)).rejects.toMatchObject(
      refusedWith('BREAKER_OPEN'),
    );
    expect(await readStop(limits.root, ninth.tenantId, [])).toBe('BREAKER_OPEN');
    expect(limits.acts.map(({ kind }) => kind)).toEqual(['breaker-tripped', 'run-stopped']);
    await reset();
    expect(await limits.issueDestroy(ninth)).toMatch(/^pm_/);
    expect(await readStop(limits.root, ninth.tenantId, [])).toBeNull();
  });

  it('trips on more records a day than usual, and takes a busy history for usual', async () => {
    await limits.capAt('unusual-records-per-day', 5, 2000);
    await limits.issueDestroy(await limits.sealed({ rows: 3 }));
    const run = await limits.sealed({ rows: 3 });
    await expect(limits.issueDestroy(run)).rejects.toMatchObject(refusedWith('BREAKER_VOLUME'));
    await limits.moveClock(25);
    await limits.issueDestroy(run);
    // Yesterday three records, today six: twice the busiest day passes, more does not.
    expect(await limits.issueDestroy(await limits.sealed({ rows: 3 }))).toMatch(/^pm_/);
    const more = await limits.sealed({ rows: 1 });
    await expect(limits.issueDestroy(more)).rejects.toMatchObject(refusedWith('BREAKER_VOLUME'));
  });

  it('is tripped once for a cause, is reset with a reason, and both are evidence', async () => {
    const run = await limits.sealed();
    await trip(run, 'all');
    await trip(run, 'all');
    const [open, ...others] = await readTrips(limits.ports.control);
    expect(others).toEqual([]);
    const tripId = open?.tripId ?? '';
    const short = resetBreaker(limits.ports, { tripId, resetBy: 'ops-1', reason: 'ok' });
    await expect(short).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'reason' });
    await reset();
    expect(await readTrips(limits.ports.control)).toMatchObject([
      { tripId, reset: { resetBy: 'ops-1' } },
    ]);
    expect(limits.acts.map(({ kind, subject }) => [kind, subject])).toEqual([
      ['breaker-tripped', tripId],
      ['breaker-tripped', tripId],
      ['breaker-reset', tripId],
    ]);
  });

  it('has no reset for a trip that never was', async () => {
    const wrong = {
      tripId: `bt_${'9'.repeat(16)}`,
      resetBy: 'ops-1',
      reason: 'nothing to see here',
    };
    await expect(resetBreaker(limits.ports, wrong)).rejects.toMatchObject({ code: 'UNKNOWN_TRIP' });
  });
});

describe('a stop', () => {
  it('is shown until a permit of the cohort passes, and recorded once an hour', async () => {
    await limits.capAt('cohorts-per-hour', 1);
    await limits.issueDestroy(await limits.sealed());
    const run = await limits.sealed();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await limits.issueDestroy(run).catch((error: unknown) => stopOf(limits.ports, run, error));
    }
    const stops = await limits.root.query('SELECT COUNT(*) AS n FROM cap_stops');
    expect(Number(stops[0]?.['n'])).toBe(1);
    expect(await readStop(limits.root, run.tenantId, [])).toBe('CAP_COHORTS_PER_HOUR');
    await limits.moveClock(1.01);
    await limits.issueDestroy(run);
    expect(await readStop(limits.root, run.tenantId, [])).toBeNull();
  });

  it('is nothing that another failure is taken for', async () => {
    const run = await limits.sealed();
    expect(await stopOf(limits.ports, run, new Error('something else'))).toBeNull();
    expect(limits.acts).toEqual([]);
  });
});
