import type { SqlPool } from '../../src/contracts/sql';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { insertHold, insertRelease } from '../support/released-holds';
import {
  createSealedRun,
  issueDestroyPermit,
  liveRows,
  newPermitId,
  type SealedRun,
  type SealedRunFacts,
} from '../support/sealed-run';

let environment: SqlEnvironment;
let issuer: SqlPool;
let purger: SqlPool;
let root: SqlPool;
let serial = 0;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  issuer = environment.pool('issuer');
  purger = environment.pool('purger', 'assets');
  root = environment.pool('root', 'control');
});
afterAll(() => environment.remove());

const sealed = (facts: Partial<SealedRunFacts> = {}): Promise<SealedRun> => {
  serial += 1;
  return createSealedRun(environment, {
    tenantId: `tn_permits${String(serial).padStart(10, '0')}`,
    ...facts,
  });
};

async function issueMove(run: SealedRun, permit = newPermitId()): Promise<string> {
  await issuer.execute(`CALL issue_move_permit(?, ?, ?, 'mysql:assets.image_risks', 1, 60)`, [
    permit,
    run.tenantId,
    run.runId,
  ]);
  return permit;
}

const issueKeyDestroy = (run: SealedRun, workflowNow?: string): Promise<string> =>
  issueDestroyPermit(environment, run, { workflowNow });

const purge = (permit: string, tenantId: string, ids: string): Promise<unknown> =>
  purger.execute('CALL purge_image_risks(?, ?, 1, ?)', [permit, tenantId, ids]);

async function bump(tenantId: string): Promise<void> {
  await environment.pool('control').execute('CALL bump_interlock(?)', [tenantId]);
}

describe('a purge through the guarded procedure', () => {
  it('removes exactly the sealed batch under a live permit [AB-2]', async () => {
    const run = await sealed();
    await purge(await issueMove(run), run.tenantId, run.ids);
    expect(await liveRows(environment, run.tenantId)).toBe(0);
  });

  it('removes nothing a second time under the same permit', async () => {
    const run = await sealed();
    const permit = await issueMove(run);
    await purge(permit, run.tenantId, run.ids);
    await expect(purge(permit, run.tenantId, run.ids)).rejects.toMatchObject({
      code: 'PERMIT_REFUSED',
    });
  });

  it.each([
    ['without a permit', { permit: 'pm_nobody0000000000' }],
    ['for another tenant', { tenantId: 'tn_somebodyelse00000' }],
    ['with no ids', { ids: '[]' }],
    ['with ids of another batch', { ids: '[["as_0000000000000001","version-9"]]' }],
    [
      'with one id more',
      {
        ids: '[["as_0000000000000001","version-0"],["as_0000000000000001","version-1"],["as_0000000000000001","version-2"],["as_0000000000000001","version-3"]]',
      },
    ],
  ])('changes nothing %s [AB-1]', async (_, change) => {
    const run = await sealed();
    const call = { permit: await issueMove(run), tenantId: run.tenantId, ids: run.ids, ...change };
    await expect(purge(call.permit, call.tenantId, call.ids)).rejects.toMatchObject({
      code: expect.stringMatching(/PERMIT_REFUSED|DIGEST_MISMATCH/) as string,
    });
    expect(await liveRows(environment, run.tenantId)).toBe(3);
  });

  it.each([null])('changes nothing when tenant and ids are %s', async (value) => {
    const run = await sealed();
    const permit = await issueMove(run);
    await expect(
      purger.execute('CALL purge_image_risks(?, ?, 1, ?)', [permit, value, value]),
    ).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    expect(await liveRows(environment, run.tenantId)).toBe(3);
  });

  it('rolls back when the table holds another number of the sealed rows', async () => {
    const run = await sealed();
    await environment
      .pool('root', 'assets')
      .execute(
        `DELETE FROM image_risks WHERE tenant_id = ? AND asset_id = 'as_0000000000000001' AND version_id = 'version-1'`,
        [run.tenantId],
      );
    const permit = await issueMove(run);
    await expect(purge(permit, run.tenantId, run.ids)).rejects.toMatchObject({
      code: 'COUNT_MISMATCH',
    });
    expect(await liveRows(environment, run.tenantId)).toBe(2);
  });

  it('changes nothing after an interlock that came between permit and purge [CC-4]', async () => {
    const run = await sealed();
    const permit = await issueMove(run);
    await bump(run.tenantId);
    await expect(purge(permit, run.tenantId, run.ids)).rejects.toMatchObject({
      code: 'PERMIT_REFUSED',
    });
    expect(await liveRows(environment, run.tenantId)).toBe(3);
  });

  it('changes nothing when the session forges its clock to before the permit expired', async () => {
    const run = await sealed();
    const permit = await issueMove(run);
    await root.execute('UPDATE permits SET expires_at = lethe_now() WHERE permit_id = ?', [permit]);
    await expect(
      purger.transaction(async (sql) => {
        await sql.query('COMMIT');
        await sql.execute('SET timestamp = 86400').catch(() => undefined);
        await sql.execute('CALL purge_image_risks(?, ?, 1, ?)', [permit, run.tenantId, run.ids]);
      }),
    ).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    expect(await liveRows(environment, run.tenantId)).toBe(3);
  });

  it('leaves safe updates on in the session on every way out', async () => {
    const run = await sealed();
    await purge(await issueMove(run), run.tenantId, run.ids);
    const rows = await purger.query('SELECT @@sql_safe_updates AS safe');
    expect(String(rows[0]?.['safe'])).toBe('1');
  });
});

describe('a permit to move', () => {
  it('is refused until both copies are verified [AB-2]', async () => {
    const run = await sealed({ verified: false });
    await expect(issueMove(run)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
  });

  it('is issued under a legal hold, because the data is preserved [CC-4]', async () => {
    const run = await sealed();
    await insertHold(root, `hd_${run.runId}`, { tenantId: run.tenantId });
    await expect(issueMove(run)).resolves.toMatch(/^pm_/);
  });

  it('is refused while a freeze is in force, and issued when two people have lifted it', async () => {
    const run = await sealed();
    await root.execute(`INSERT INTO freezes VALUES ('fz_${run.runId}', ?, lethe_now(), 'a')`, [
      run.tenantId,
    ]);
    await expect(issueMove(run)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    await root.execute(`INSERT INTO freeze_lifts VALUES ('fz_${run.runId}', 'a', lethe_now())`);
    await expect(issueMove(run)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    await root.execute(`INSERT INTO freeze_lifts VALUES ('fz_${run.runId}', 'b', lethe_now())`);
    await expect(issueMove(run)).resolves.toMatch(/^pm_/);
  });

  it('is refused when the service is in use again before the window [AB-2]', async () => {
    const run = await sealed({ notBeforeDaysAgo: -10 });
    await root.execute(
      `INSERT INTO subscriptions VALUES (?, 'sb_2', 'CVM', lethe_now(), lethe_now())`,
      [run.tenantId],
    );
    await expect(issueMove(run)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
  });

  it("is issued when another service than the run's own is in use", async () => {
    const run = await sealed({ notBeforeDaysAgo: -10 });
    await root.execute(
      `INSERT INTO subscriptions VALUES (?, 'sb_2', 'ECM', lethe_now(), lethe_now())`,
      [run.tenantId],
    );
    await expect(issueMove(run)).resolves.toMatch(/^pm_/);
  });

  it('is refused while the windows are older than the last interlock', async () => {
    const run = await sealed();
    await bump(run.tenantId);
    await expect(issueMove(run)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
  });
});

describe('a permit to destroy', () => {
  it('is issued when window, verification and floors agree [AB-3]', async () => {
    await expect(issueKeyDestroy(await sealed())).resolves.toMatch(/^pm_/);
  });

  it.each([
    ['the window opens in a minute', { notBeforeDaysAgo: -1 / 1440 }],
    [
      'the newest observation is 4320 hours old less a minute, whatever the window says',
      { collectedDaysAgo: 180 - 1 / 1440, endedDaysAgo: 100 },
    ],
    [
      'the service ended 29 days ago less a minute, whatever the window says',
      { endedDaysAgo: 29 - 1 / 1440 },
    ],
    ['the verifier has not confirmed that nothing is live', { verified: false }],
  ])('is refused when %s [AB-1] [AB-3]', async (_, facts) => {
    await expect(issueKeyDestroy(await sealed(facts))).rejects.toMatchObject({
      code: 'PERMIT_REFUSED',
    });
  });

  it.each([
    ['the window opened a second ago', { notBeforeDaysAgo: 1 / 86_400 }],
    ['the newest observation is 4320 hours old', { collectedDaysAgo: 180, endedDaysAgo: 100 }],
    ['the service ended 29 days ago', { endedDaysAgo: 29 }],
  ])('is issued when %s [AB-1] [AB-3]', async (_, facts) => {
    await expect(issueKeyDestroy(await sealed(facts))).resolves.toMatch(/^pm_/);
  });

  it('is refused under a legal hold and issued after its release [CC-4]', async () => {
    const run = await sealed();
    await insertHold(root, `hd_${run.runId}`, { tenantId: run.tenantId });
    await expect(issueKeyDestroy(run)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    await insertRelease(root, `hd_${run.runId}`, { hoursAgo: 1 });
    await expect(issueKeyDestroy(run)).resolves.toMatch(/^pm_/);
  });

  it('is not stopped by a hold on the other record class', async () => {
    const run = await sealed();
    await insertHold(root, `hd_${run.runId}`, {
      tenantId: run.tenantId,
      record_class: 'console-configuration-data',
    });
    await expect(issueKeyDestroy(run)).resolves.toMatch(/^pm_/);
  });

  it('is refused when the process says that it is too early', async () => {
    await expect(issueKeyDestroy(await sealed(), '2001-01-01 00:00:00')).rejects.toMatchObject({
      code: 'PERMIT_REFUSED',
    });
  });

  it('is refused when the process is ahead of the database', async () => {
    await expect(issueKeyDestroy(await sealed(), '2099-01-01 00:00:00')).rejects.toMatchObject({
      code: 'CLOCK_DISAGREES',
    });
  });

  it('is refused for a run of another tenant', async () => {
    const [mine, theirs] = [await sealed(), await sealed()];
    await expect(issueKeyDestroy({ ...mine, runId: theirs.runId })).rejects.toMatchObject({
      code: 'PERMIT_REFUSED',
    });
  });
});
