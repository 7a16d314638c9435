import type { SqlPool } from '../../src/contracts/sql';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { insertHold, insertRelease } from '../support/released-holds';
import { createSealedRun, type SealedRun, type SealedRunFacts } from '../support/sealed-run';

let environment: SqlEnvironment;
let root: SqlPool;
let serial = 0;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  root = environment.pool('root');
});
afterAll(() => environment.remove());

const number = (): string => String((serial += 1)).padStart(10, '0');

/** A run whose tenant came back; nothing is due yet, and the verifier has read everything back. */
async function restored(
  facts: Partial<SealedRunFacts> & { readBack?: string } = {},
): Promise<SealedRun> {
  const { readBack = 'ok', ...rest } = facts;
  const run = await createSealedRun(environment, {
    tenantId: `tn_retire${number()}`,
    notBeforeDaysAgo: -100,
    collectedDaysAgo: 10,
    endedDaysAgo: 5,
    ...rest,
  });
  await root.execute(`INSERT INTO cohort_states VALUES (?, ?, 'restoring', lethe_now())`, [
    run.runId,
    run.dueOn,
  ]);
  if (readBack !== 'never') {
    await root.execute(
      `INSERT INTO verifications VALUES (?, ?, 'restored', 'manifest', ?, 3, NULL, lethe_now())`,
      [run.runId, run.dueOn, readBack],
    );
  }
  return run;
}

async function issueRetire(
  run: SealedRun,
  keyRef = `asset:${run.runId}:${run.dueOn}`,
): Promise<string> {
  const permit = `pm_retire${number()}`;
  await environment
    .pool('issuer')
    .execute('CALL issue_retire_permit(?, ?, ?, ?, ?, 60)', [
      permit,
      ...[run.tenantId, run.runId, run.dueOn, keyRef],
    ]);
  return permit;
}

const REFUSED = { code: 'PERMIT_REFUSED' };

describe('a permit to retire', () => {
  it('is issued when everything was read back live, however early it is [AB-2]', async () => {
    expect(await issueRetire(await restored())).toMatch(/^pm_/);
  });

  it.each([
    ['never looked', 'never'],
    ['found a difference', 'failed'],
  ])('is refused while the verifier %s [AB-1]', async (...[, readBack]) => {
    await expect(issueRetire(await restored({ readBack }))).rejects.toMatchObject(REFUSED);
  });

  it('is refused for a run that nobody restores', async () => {
    const run = await createSealedRun(environment, { tenantId: `tn_retire${number()}` });
    await expect(issueRetire(run)).rejects.toMatchObject(REFUSED);
  });

  it('is refused for a key that is not of the cohort', async () => {
    const [run, other] = [await restored(), await restored()];
    const key = `asset:${other.runId}:${other.dueOn}`;
    await expect(issueRetire(run, key)).rejects.toMatchObject(REFUSED);
  });

  it('is refused under a legal hold and issued after its release [CC-4]', async () => {
    const run = await restored();
    await insertHold(root, `hd_${run.runId}`, { tenantId: run.tenantId });
    await expect(issueRetire(run)).rejects.toMatchObject(REFUSED);
    await insertRelease(root, `hd_${run.runId}`, { hoursAgo: 1 });
    expect(await issueRetire(run)).toMatch(/^pm_/);
  });

  it('is refused under a freeze and while the circuit breaker is open', async () => {
    const run = await restored();
    await root.execute(`INSERT INTO freezes VALUES (?, ?, lethe_now(), 'a')`, [
      `fz_${run.runId}`,
      run.tenantId,
    ]);
    await expect(issueRetire(run)).rejects.toMatchObject(REFUSED);
    await root.execute(
      `INSERT INTO freeze_lifts VALUES (?, 'a', lethe_now()), (?, 'b', lethe_now())`,
      [`fz_${run.runId}`, `fz_${run.runId}`],
    );
    await root.execute(
      `INSERT INTO breaker_trips VALUES ('bt_1', 'keys', 'verification', NULL, NULL, NULL, lethe_now())`,
    );
    await expect(issueRetire(run)).rejects.toMatchObject({ code: 'BREAKER_OPEN' });
    await root.execute(`INSERT INTO breaker_resets VALUES ('bt_1', 'a', 'test', lethe_now())`);
    expect(await issueRetire(run)).toMatch(/^pm_/);
  });

  it('is counted against no cap: nothing is lost with it', async () => {
    const run = await restored();
    await issueRetire(run);
    const rows = await root.query('SELECT COUNT(*) AS n FROM cap_uses WHERE run_id = ?', [
      run.runId,
    ]);
    expect(Number(rows[0]?.['n'])).toBe(0);
  });

  it('destroys nothing by itself: its run stays closed to a permit to destroy', async () => {
    const run = await restored({ notBeforeDaysAgo: 1, collectedDaysAgo: 500, endedDaysAgo: 400 });
    const [row] = await root.query('SELECT lethe_now() AS now');
    const destroying = environment
      .pool('issuer')
      .execute('CALL issue_destroy_permit(?, ?, ?, ?, ?, 0, ?, 60)', [
        `pm_retire${number()}`,
        ...[run.tenantId, run.runId, run.dueOn, `asset:${run.runId}:${run.dueOn}`],
        String(row?.['now']),
      ]);
    await expect(destroying).rejects.toMatchObject(REFUSED);
  });
});
