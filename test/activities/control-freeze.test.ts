import { liftFreeze, placeFreeze, type FreezePorts } from '../../src/activities/control/freeze';
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
  environment = await createSqlEnvironment();
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

    const lift = (liftedBy: string) => liftFreeze(ports, { freezeId: order.freezeId, liftedBy });
    expect(await lift('ops-1')).toMatchObject({ liftedBy: ['ops-1'], inForce: true });
    expect(await lift('ops-1')).toMatchObject({ liftedBy: ['ops-1'], inForce: true });
    await expect(issueMove(run)).rejects.toMatchObject(FROZEN);

    expect(await lift('ops-2')).toMatchObject({ liftedBy: ['ops-1', 'ops-2'], inForce: false });
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
    for (const liftedBy of ['ops-1', 'ops-2']) {
      await liftFreeze(ports, { freezeId: order.freezeId, liftedBy });
    }
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
    for (const liftedBy of ['ops-1', 'ops-2']) {
      await liftFreeze(ports, { freezeId: order.freezeId, liftedBy });
    }
  });

  it('is in the evidence, once placed and once for each person who lifted it', async () => {
    const run = await sealed();
    const scope = what === 'global' ? 'global' : run.tenantId;
    const order = { freezeId: freezeId(), scope, placedBy: 'ops-1' };
    await placeFreeze(ports, order);
    await liftFreeze(ports, { freezeId: order.freezeId, liftedBy: 'ops-1' });
    await liftFreeze(ports, { freezeId: order.freezeId, liftedBy: 'ops-2' });
    const tenantId = what === 'global' ? null : run.tenantId;
    expect(ledger.filter(({ subject }) => subject.startsWith(order.freezeId))).toMatchObject([
      { tenantId, kind: 'freeze-placed', subject: order.freezeId },
      { tenantId, kind: 'freeze-lifted', subject: `${order.freezeId}/ops-1` },
      { tenantId, kind: 'freeze-lifted', subject: `${order.freezeId}/ops-2` },
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
    const lifting = liftFreeze(ports, { freezeId: `fz_${'9'.repeat(16)}`, liftedBy: 'ops-1' });
    await expect(lifting).rejects.toMatchObject({ code: 'UNKNOWN_FREEZE', field: 'freezeId' });
  });

  it('is not acknowledged when the key store cannot be reached', async () => {
    const run = await sealed();
    const away = { ...ports, keys: environment.pool('collector', 'keys') };
    const order = { freezeId: freezeId(), scope: run.tenantId, placedBy: 'ops-1' };
    await expect(placeFreeze(away, order)).rejects.toThrow();
    await refreshed(run);
    await expect(issueMove(run)).rejects.toMatchObject(FROZEN);
    expect(await placeFreeze(ports, order)).toMatchObject({ freezeId: order.freezeId });
  });
});
