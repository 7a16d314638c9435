import type { SqlPool } from '../../src/contracts/sql';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { insertHold, insertRelease } from '../support/released-holds';
import {
  createSealedRun,
  issueDestroyPermit,
  newPermitId,
  type SealedRun,
} from '../support/sealed-run';

let environment: SqlEnvironment;
let root: SqlPool;
let control: SqlPool;
let serial = 0;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  root = environment.pool('root', 'control');
  control = environment.pool('control');
});
afterAll(() => environment.remove());

const REFUSED = { code: 'PERMIT_REFUSED' };
const NOT_PERMITTED = { code: 'NOT_PERMITTED' };

/** A run whose key may be destroyed now; its records were collected from 2024-01-01 to 500 days ago. */
async function destructible(): Promise<SealedRun & { readonly holdId: string }> {
  serial += 1;
  const tenantId = `tn_holdscopes${String(serial).padStart(7, '0')}`;
  const run = await createSealedRun(environment, { tenantId, assetId: ASSET });
  await root.execute(`INSERT INTO cohort_spans VALUES (?, ?, '2024-01-01', lethe_now())`, [
    run.runId,
    run.dueOn,
  ]);
  return { ...run, holdId: `hd_${tenantId.slice(3)}` };
}

const ASSET = 'as_0000000000000001';
const CLASS = { record_class: 'asset-basic-data' };
const newest = `(SELECT newest_observed_at FROM cohorts WHERE run_id = ?)`;

const issue = (run: SealedRun): Promise<string> => issueDestroyPermit(environment, run);

describe('a hold over part of a tenant', () => {
  it.each([
    ['its service', { ...CLASS, hosting_service: 'CVM' }],
    ['one of its assets', { ...CLASS, asset_id: ASSET }],
    [
      'what was collected since before its newest record',
      { ...CLASS, collected_from: '2024-06-01' },
    ],
    ['what was collected until after its oldest record', { ...CLASS, collected_to: '2024-06-01' }],
    [
      'a range that overlaps',
      { ...CLASS, collected_from: '2000-01-01', collected_to: '2024-01-01 00:00:00.000001' },
    ],
  ])('keeps a due day that might hold %s [CC-4]', async (_, scope) => {
    const run = await destructible();
    await insertHold(root, run.holdId, { tenantId: run.tenantId, ...scope });
    await expect(issue(run)).rejects.toMatchObject(REFUSED);
  });

  it.each([
    ['another service', { ...CLASS, hosting_service: 'ECM' }],
    ['another asset', { ...CLASS, asset_id: 'as_0000000000000002' }],
    ['what was collected later', { ...CLASS, collected_from: '2099-01-01' }],
    ['what was collected before its oldest record', { ...CLASS, collected_to: '2024-01-01' }],
    [
      'one of its assets, of another service',
      { ...CLASS, hosting_service: 'ECM', asset_id: ASSET },
    ],
  ])('lets a due day go that cannot hold %s [CC-4]', async (_, scope) => {
    const run = await destructible();
    await insertHold(root, run.holdId, { tenantId: run.tenantId, ...scope });
    await expect(issue(run)).resolves.toMatch(/^pm_/);
  });

  it.each([
    ['services', 'run_subjects', { ...CLASS, hosting_service: 'ECM' }],
    ['assets', 'run_assets', { ...CLASS, asset_id: 'as_0000000000000002' }],
    ['oldest record', 'cohort_spans', { ...CLASS, collected_to: '2001-01-01' }],
  ])('keeps a due day whose %s nobody knows [CC-4]', async (...[, table, scope]) => {
    const run = await destructible();
    await insertHold(root, run.holdId, { tenantId: run.tenantId, ...scope });
    await root.transaction(async (sql) => {
      await sql.execute('SET SESSION sql_safe_updates = 0');
      await sql.execute(`DELETE FROM ${table} WHERE run_id = ?`, [run.runId]);
    });
    await expect(issue(run)).rejects.toMatchObject(REFUSED);
  });

  it('begins with the very instant from which it holds, and not a microsecond later [CC-4]', async () => {
    const [kept, gone] = [await destructible(), await destructible()];
    const from = async (run: SealedRun, shift: number): Promise<string> => {
      const rows = await root.query(
        `SELECT DATE_FORMAT(${newest} + INTERVAL ${shift} MICROSECOND, '%Y-%m-%d %H:%i:%s.%f') AS at`,
        [run.runId],
      );
      return String(rows[0]?.['at']);
    };
    const scope = async (run: SealedRun, shift: number) => ({
      ...{ tenantId: run.tenantId, ...CLASS },
      collected_from: await from(run, shift),
    });
    await insertHold(root, kept.holdId, await scope(kept, 0));
    await insertHold(root, gone.holdId, await scope(gone, 1));
    await expect(issue(kept)).rejects.toMatchObject(REFUSED);
    await expect(issue(gone)).resolves.toMatch(/^pm_/);
  });

  it('keeps a restored archive and what a backup brought back as well [CC-4]', async () => {
    const run = await destructible();
    await insertHold(root, run.holdId, { tenantId: run.tenantId, ...CLASS, asset_id: ASSET });
    const permit = (kind: string): Promise<unknown> =>
      root.execute(
        `INSERT INTO permits (permit_id, kind, tenant_id, run_id, due_on, location, batch_number,
           global_epoch, tenant_epoch, issued_at, expires_at)
         VALUES (?, ?, ?, ?, ?, 'mysql:assets.image_risks', 1, 1, 1, lethe_now(), lethe_now())`,
        [newPermitId(), kind, run.tenantId, run.runId, run.dueOn],
      );
    await expect(permit('retire')).rejects.toMatchObject(REFUSED);
    await expect(permit('destroy')).rejects.toMatchObject(REFUSED);
    // A move takes nothing away: two copies keep it.
    await expect(permit('move')).resolves.toBeDefined();
  });
});

describe('a release of a hold', () => {
  async function held(): Promise<SealedRun & { readonly holdId: string }> {
    const run = await destructible();
    await insertHold(root, run.holdId, { tenantId: run.tenantId });
    return run;
  }

  const decide = (act: string, holdId: string, by: string): Promise<unknown> =>
    control.execute(`CALL ${act}_hold_release(?, ?)`, [holdId, by]);

  it('counts from the instant of its effect and not a moment before [CC-4]', async () => {
    const [early, late] = [await held(), await held()];
    await insertRelease(root, early.holdId, { hoursAgo: -1 });
    await insertRelease(root, late.holdId, { hoursAgo: 0 });
    await expect(issue(early)).rejects.toMatchObject(REFUSED);
    await expect(issue(late)).resolves.toMatch(/^pm_/);
  });

  it('does not count when it was approved a moment ago by two people: the delay is not over [CC-4]', async () => {
    const run = await held();
    await decide('request', run.holdId, 'dpo-1');
    await decide('approve', run.holdId, 'dpo-2');
    await expect(issue(run)).rejects.toMatchObject(REFUSED);
    const rows = await root.query(
      `SELECT TIMESTAMPDIFF(SECOND, approved_at, released_at) AS delay, delay_hours AS hours
         FROM hold_releases WHERE hold_id = ?`,
      [run.holdId],
    );
    expect(rows.map(({ delay, hours }) => [Number(delay), hours])).toEqual([[86_400, 24]]);
  });

  it.each([
    ['who asked', 'dpo-1'],
    ['who asked, in capitals', 'DPO-1'],
    ['nobody', ''],
  ])('is not approved by %s [CC-4]', async (_, by) => {
    const run = await held();
    await decide('request', run.holdId, 'dpo-1');
    const approving = decide('approve', run.holdId, by);
    await expect(approving).rejects.toMatchObject({
      code: by === '' ? 'INVALID_INPUT' : 'NOT_PERMITTED',
    });
    expect(await root.query('SELECT 1 FROM hold_releases WHERE hold_id = ?', [run.holdId])).toEqual(
      [],
    );
  });

  it('is not approved when nobody asked, when the request has run out or was withdrawn [CC-4]', async () => {
    const run = await held();
    await expect(decide('approve', run.holdId, 'dpo-2')).rejects.toMatchObject(NOT_PERMITTED);
    await root.execute(
      `INSERT INTO hold_release_requests VALUES (?, 1, 'dpo-1', lethe_now(), lethe_now())`,
      [run.holdId],
    );
    await expect(decide('approve', run.holdId, 'dpo-2')).rejects.toMatchObject(NOT_PERMITTED);
    await decide('request', run.holdId, 'dpo-1');
    await decide('withdraw', run.holdId, 'dpo-3');
    await expect(decide('approve', run.holdId, 'dpo-2')).rejects.toMatchObject(NOT_PERMITTED);
    // Companion: a new request is another one.
    await decide('request', run.holdId, 'dpo-1');
    await expect(decide('approve', run.holdId, 'dpo-2')).resolves.toBeDefined();
  });

  it('that was withdrawn before its effect never counts, and one in effect cannot be withdrawn [CC-4]', async () => {
    const [withdrawn, over] = [await held(), await held()];
    await decide('request', withdrawn.holdId, 'dpo-1');
    await decide('approve', withdrawn.holdId, 'dpo-2');
    await decide('withdraw', withdrawn.holdId, 'dpo-1');
    const released = await root.query('SELECT 1 FROM released_holds WHERE hold_id = ?', [
      withdrawn.holdId,
    ]);
    expect(released).toEqual([]);
    await insertRelease(root, over.holdId, { hoursAgo: 1 });
    await expect(decide('withdraw', over.holdId, 'dpo-1')).rejects.toMatchObject(NOT_PERMITTED);
    await expect(issue(over)).resolves.toMatch(/^pm_/);
  });

  it.each([
    ['by one person under two names', { approvedBy: 'DPO-1', hoursAgo: 1 }],
    ['by one person', { approvedBy: 'dpo-1', hoursAgo: 1 }],
  ])('is refused even to an administrator when it is %s [CC-4]', async (_, release) => {
    const run = await held();
    await expect(insertRelease(root, run.holdId, release)).rejects.toMatchObject(NOT_PERMITTED);
    await expect(issue(run)).rejects.toMatchObject(REFUSED);
  });

  it('is refused without a request, and without its delay [CC-4]', async () => {
    const run = await held();
    const insert = (delay: string): Promise<unknown> =>
      root.execute(
        `INSERT INTO hold_releases (hold_id, request_number, released_by, approved_by, approved_at, released_at)
         VALUES (?, 1, 'dpo-1', 'dpo-2', lethe_now(), lethe_now() + INTERVAL ${delay})`,
        [run.holdId],
      );
    await expect(insert('24 HOUR')).rejects.toMatchObject(NOT_PERMITTED);
    await decide('request', run.holdId, 'dpo-1');
    await expect(insert('23 HOUR')).rejects.toMatchObject(NOT_PERMITTED);
    await expect(insert('24 HOUR')).resolves.toBeDefined();
  });

  it.each(['hold_releases', 'hold_release_requests', 'hold_release_withdrawals'])(
    'has no login that writes %s with a statement of its own [CC-4]',
    async (table) => {
      for (const role of ['control', 'issuer', 'verifier', 'reader', 'archiver'] as const) {
        await expect(
          environment.pool(role, 'control').execute(`INSERT INTO ${table} SELECT * FROM ${table}`),
        ).rejects.toMatchObject({ code: 'ER_TABLEACCESS_DENIED_ERROR' });
      }
    },
  );

  it('is put back by the restore gate only while everything is frozen [CC-4]', async () => {
    const run = await held();
    const replay = (): Promise<unknown> =>
      control.execute(
        `CALL replay_hold_release(?, 1, 'approved', 'dpo-1', 'dpo-2', lethe_now(), lethe_now())`,
        [run.holdId],
      );
    await expect(replay()).rejects.toMatchObject(NOT_PERMITTED);
    await root.execute(`INSERT INTO freezes VALUES (?, 'global', lethe_now(), 'ops-1')`, [
      `fz_${run.runId}`,
    ]);
    await expect(replay()).resolves.toBeDefined();
    await root.execute(
      `INSERT INTO freeze_lifts VALUES (?, 'a', lethe_now()), (?, 'b', lethe_now())`,
      [`fz_${run.runId}`, `fz_${run.runId}`],
    );
  });
});
