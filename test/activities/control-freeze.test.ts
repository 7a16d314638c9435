import { placeFreeze, type FreezePorts } from '../../src/activities/control/freeze';
import { approveLift, requestLift } from '../../src/activities/control/lift-freeze';
import { createEvidenceLedger } from '../../src/activities/evidence/ledger';
import type { SqlPool } from '../../src/contracts/sql';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { createSealedRun, type SealedRun } from '../support/sealed-run';

let environment: SqlEnvironment;
let issuer: SqlPool;
let root: SqlPool;
let ports: FreezePorts;
let serial = 0;
const ledger: { tenantId: string | null; kind: string; subject: string }[] = [];
const unstamped: string[] = [];

beforeAll(async () => {
  environment = await createSqlEnvironment({ simulation: true });
  issuer = environment.pool('issuer');
  root = environment.pool('root');
  const evidence = createEvidenceLedger({ pool: environment.pool('ledger', 'evidence') });
  ports = {
    control: environment.pool('control'),
    keys: environment.pool('control', 'keys'),
    unstamp: ({ attemptId }) => {
      unstamped.push(attemptId);
      return Promise.resolve();
    },
    pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    ledger: {
      append: async (act) => {
        await evidence.append(act);
        ledger.push(act);
      },
    },
  };
});
afterAll(() => environment.remove());

async function sealed(): Promise<SealedRun> {
  serial += 1;
  const run = await createSealedRun(environment, {
    tenantId: `tn_freeze${String(serial).padStart(11, '0')}`,
  });
  await ports.keys.execute('CALL ensure_epoch(?)', [run.tenantId]);
  await refreshed(run);
  return run;
}

const freezeId = (): string => `fz_freeze${String((serial += 1)).padStart(11, '0')}`;

/** Marks the run's windows as computed for the epochs as they are now, as the tenant's process does. */
async function refreshed(run: SealedRun): Promise<void> {
  await root.execute(
    `INSERT INTO window_refreshes SELECT ?, (SELECT MAX(refresh_number) + 1 FROM window_refreshes WHERE run_id = ?),
       g.epoch, t.epoch, lethe_now() FROM interlocks g JOIN interlocks t ON t.scope = ? WHERE g.scope = 'global'`,
    [run.runId, run.runId, run.tenantId],
  );
}

async function issueMove(run: SealedRun): Promise<string> {
  const permit = `pm_freeze${String((serial += 1)).padStart(11, '0')}`;
  await issuer.execute(`CALL issue_move_permit(?, ?, ?, 'mysql:assets.image_risks', 1, 60)`, [
    permit,
    run.tenantId,
    run.runId,
  ]);
  return permit;
}

async function epochOf(scope: string): Promise<readonly number[]> {
  const rows = await root.query(
    `SELECT i.epoch AS control_epoch, k.epoch AS key_epoch FROM interlocks i
       JOIN \`${environment.prefix}_keys\`.key_epochs k ON k.scope = i.scope WHERE i.scope = ?`,
    [scope],
  );
  return [Number(rows[0]?.['control_epoch']), Number(rows[0]?.['key_epoch'])];
}

const REASON = 'the cause was found and removed';

/** Two people lift a freeze, as the command line lets them. */
async function lift(id: string): Promise<void> {
  await requestLift(ports, { freezeId: id, requestedBy: 'ops-1', reason: REASON });
  await approveLift(ports, { freezeId: id, approvedBy: 'ops-2' });
}

const moveClock = (hours: number): Promise<unknown> =>
  root.execute(
    'UPDATE simulation_clock SET offset_microseconds = offset_microseconds + ? WHERE id = 1',
    [hours * 3_600_000_000],
  );

const FROZEN = { code: 'PERMIT_REFUSED', message: expect.stringContaining('freeze') as string };

describe.each(['a tenant', 'global'])('a freeze of %s', (what) => {
  it('refuses every permit until two different people have lifted it, and none after', async () => {
    const run = await sealed();
    const scope = what === 'global' ? 'global' : run.tenantId;
    await issueMove(run);
    const order = { freezeId: freezeId(), scope, placedBy: 'ops-1' };
    await placeFreeze(ports, order);
    await refreshed(run);
    await expect(issueMove(run)).rejects.toMatchObject(FROZEN);

    const ask = { freezeId: order.freezeId, requestedBy: 'ops-1', reason: REASON };
    const asked = await requestLift(ports, ask);
    expect(asked).toMatchObject({ liftedBy: [], inForce: true, request: { expired: false } });
    expect(await requestLift(ports, ask)).toEqual(asked);
    await expect(issueMove(run)).rejects.toMatchObject(FROZEN);

    const approve = { freezeId: order.freezeId, approvedBy: 'ops-2' };
    const lifted = await approveLift(ports, approve);
    expect(lifted).toMatchObject({ liftedBy: ['ops-1', 'ops-2'], inForce: false });
    expect(await approveLift(ports, approve)).toEqual(lifted);
    await refreshed(run);
    expect(await issueMove(run)).toMatch(/^pm_/);
  });

  it('revokes the permits that are out, in control and in the key store', async () => {
    const run = await sealed();
    const scope = what === 'global' ? 'global' : run.tenantId;
    const permit = await issueMove(run);
    const before = await epochOf(scope);
    const order = { freezeId: freezeId(), scope, placedBy: 'ops-1' };
    const placed = await placeFreeze(ports, order);
    const rows = await root.query('SELECT revoked_at FROM permits WHERE permit_id = ?', [permit]);
    expect(rows[0]?.['revoked_at']).not.toBeNull();
    const after = await epochOf(scope);
    expect(after[0]).toBeGreaterThan(before[0] ?? 0);
    expect(after[1]).toBeGreaterThan(before[1] ?? 0);
    expect(await placeFreeze(ports, order)).toEqual(placed);
    await lift(order.freezeId);
  });

  it('takes the stamps of an interrupted attempt off before it is acknowledged', async () => {
    const run = await sealed();
    const scope = what === 'global' ? 'global' : run.tenantId;
    const permit = await issueMove(run);
    const attemptId = `at_${run.tenantId.slice(3)}`;
    await root.execute(
      `INSERT INTO attempts (attempt_id, tenant_id, purpose, permit_id, location, asset_id, started_at, lease_until)
       VALUES (?, ?, 'purge', ?, 'mongodb:assets.images', 'as_1', lethe_now() - INTERVAL 90 SECOND, lethe_now() - INTERVAL 40 SECOND)`,
      [attemptId, run.tenantId, permit],
    );
    const order = { freezeId: freezeId(), scope, placedBy: 'ops-1' };
    await placeFreeze(ports, order);
    expect(unstamped).toContain(attemptId);
    await lift(order.freezeId);
  });

  it('is in the evidence at every step, with who asked and who approved', async () => {
    const run = await sealed();
    const scope = what === 'global' ? 'global' : run.tenantId;
    const order = { freezeId: freezeId(), scope, placedBy: 'ops-1' };
    await placeFreeze(ports, order);
    await lift(order.freezeId);
    const tenantId = what === 'global' ? null : run.tenantId;
    expect(ledger.filter(({ subject }) => subject.startsWith(order.freezeId))).toMatchObject([
      { tenantId, kind: 'freeze-placed', subject: order.freezeId },
      { tenantId, kind: 'freeze-lift-requested', subject: `${order.freezeId}/1` },
      {
        tenantId,
        kind: 'freeze-lifted',
        subject: order.freezeId,
        details: { requestedBy: 'ops-1', approvedBy: 'ops-2' },
      },
    ]);
  });
});

describe('a freeze', () => {
  it('of one tenant leaves the others alone', async () => {
    const [frozen, other] = [await sealed(), await sealed()];
    await placeFreeze(ports, { freezeId: freezeId(), scope: frozen.tenantId, placedBy: 'ops-1' });
    expect(await issueMove(other)).toMatch(/^pm_/);
  });

  it('of a tenant that nobody knows is refused: it would only look like one', async () => {
    const placing = placeFreeze(ports, {
      freezeId: freezeId(),
      scope: 'tn_freeze000000none',
      placedBy: 'ops-1',
    });
    await expect(placing).rejects.toMatchObject({ code: 'UNKNOWN_TENANT', field: 'scope' });
  });

  it('is not placed under the id of another one', async () => {
    const [one, other] = [await sealed(), await sealed()];
    const order = { freezeId: freezeId(), scope: one.tenantId, placedBy: 'ops-1' };
    await placeFreeze(ports, order);
    await expect(placeFreeze(ports, { ...order, scope: other.tenantId })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
    expect(await issueMove(other)).toMatch(/^pm_/);
  });

  it.each([
    ['freezeId', { freezeId: 'fz_1', scope: 'global', placedBy: 'ops-1' }],
    ['scope', { freezeId: `fz_${'0'.repeat(16)}`, scope: '', placedBy: 'ops-1' }],
    ['scope', { freezeId: `fz_${'0'.repeat(16)}`, scope: '%', placedBy: 'ops-1' }],
    ['placedBy', { freezeId: `fz_${'0'.repeat(16)}`, scope: 'global', placedBy: 'Jane Doe' }],
  ])('with a malformed %s is refused and changes nothing', async (...[field, order]) => {
    await expect(placeFreeze(ports, order)).rejects.toMatchObject({ field });
    const rows = await root.query('SELECT COUNT(*) AS n FROM freezes WHERE freeze_id = ?', [
      order.freezeId,
    ]);
    expect(Number(rows[0]?.['n'])).toBe(0);
  });

  it('that does not exist cannot be lifted', async () => {
    const unknown = { code: 'UNKNOWN_FREEZE' };
    const id = `fz_${'9'.repeat(16)}`;
    const asking = requestLift(ports, { freezeId: id, requestedBy: 'ops-1', reason: REASON });
    await expect(asking).rejects.toMatchObject(unknown);
    const approving = approveLift(ports, { freezeId: id, approvedBy: 'ops-2' });
    await expect(approving).rejects.toMatchObject(unknown);
  });

  it.each([
    ['nobody asked', null, 'ops-2'],
    ['who asked approves', 'ops-1', 'ops-1'],
    ['who asked approves under another spelling', 'ops-1', 'OPS-1'],
  ])('stays in force when %s', async (...[, requestedBy, approvedBy]) => {
    const run = await sealed();
    const id = freezeId();
    await placeFreeze(ports, { freezeId: id, scope: run.tenantId, placedBy: 'ops-1' });
    if (requestedBy !== null)
      await requestLift(ports, { freezeId: id, requestedBy, reason: REASON });
    await refreshed(run);
    const approving = approveLift(ports, { freezeId: id, approvedBy });
    await expect(approving).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
    await expect(issueMove(run)).rejects.toMatchObject(FROZEN);
  });

  it('stays in force when the request was approved a day later: it has expired', async () => {
    const run = await sealed();
    const id = freezeId();
    await placeFreeze(ports, { freezeId: id, scope: run.tenantId, placedBy: 'ops-1' });
    await requestLift(ports, { freezeId: id, requestedBy: 'ops-1', reason: REASON });
    await moveClock(24);
    const approve = { freezeId: id, approvedBy: 'ops-2' };
    await expect(approveLift(ports, approve)).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
    await refreshed(run);
    await expect(issueMove(run)).rejects.toMatchObject(FROZEN);
    await requestLift(ports, { freezeId: id, requestedBy: 'ops-1', reason: REASON });
    expect(await approveLift(ports, approve)).toMatchObject({ inForce: false });
  });

  it.each(['because', 'a reason\nover two lines', '   ', ''])(
    'is not asked to be lifted for the reason %j',
    async (reason) => {
      const run = await sealed();
      const id = freezeId();
      await placeFreeze(ports, { freezeId: id, scope: run.tenantId, placedBy: 'ops-1' });
      const asking = requestLift(ports, { freezeId: id, requestedBy: 'ops-1', reason });
      await expect(asking).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'reason' });
      const short = ports.control.execute('CALL request_lift(?, ?, ?)', [id, 'ops-1', 'because']);
      await expect(short).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    },
  );

  it('is lifted by nobody with a statement of their own', async () => {
    const run = await sealed();
    const id = freezeId();
    await placeFreeze(ports, { freezeId: id, scope: run.tenantId, placedBy: 'ops-1' });
    const own = `INSERT INTO freeze_lifts VALUES ('${id}', 'ops-1', lethe_now()), ('${id}', 'ops-2', lethe_now())`;
    await expect(ports.control.execute(own)).rejects.toThrow(/DENIED/);
    await refreshed(run);
    await expect(issueMove(run)).rejects.toMatchObject(FROZEN);
  });

  it('is not acknowledged when the key store cannot be reached', async () => {
    const run = await sealed();
    const away = { ...ports, keys: environment.pool('collector', 'keys') };
    const order = { freezeId: freezeId(), scope: run.tenantId, placedBy: 'ops-1' };
    await expect(placeFreeze(away, order)).rejects.toThrow(/ER_(DB|TABLE)ACCESS_DENIED_ERROR/);
    await refreshed(run);
    await expect(issueMove(run)).rejects.toMatchObject(FROZEN);
    expect(await placeFreeze(ports, order)).toMatchObject({ freezeId: order.freezeId });
  });
});
