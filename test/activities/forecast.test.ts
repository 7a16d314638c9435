import { readForecast, recordRisks } from '../../src/activities/control/read-forecast';
import { warnOfDeadlines } from '../../src/activities/sweep/deadline-warnings';
import type { DutyRound } from '../../src/contracts/sweep';
import { createLimitsHarness, type LimitsHarness } from '../support/limits';
import type { SealedRun } from '../support/sealed-run';

let limits: LimitsHarness;

beforeEach(async () => {
  limits = await createLimitsHarness();
});
afterEach(() => limits.remove());

describe('a forecast from control', () => {
  it('agrees with the permits: what it lets pass passes, what it says is at risk is refused [AB-3]', async () => {
    await limits.capAt('tenants-per-30-days', 2);
    const runs = [await limits.sealed(), await limits.sealed(), await limits.sealed()] as const;
    const answers = await readForecast(limits.root);
    const atRisk = answers.filter((answer) => answer.atRisk !== null);
    expect(answers).toHaveLength(3);
    expect(atRisk).toMatchObject([{ atRisk: 'tenants-per-30-days' }]);
    const last = runs.find(({ runId }) => runId === atRisk[0]?.runId);
    for (const run of runs.filter((one) => one !== last)) await limits.issueDestroy(run);
    if (last === undefined) throw new Error('one of the runs is at risk');
    await expect(limits.issueDestroy(last)).rejects.toMatchObject({
      code: 'CAP_TENANTS_PER_30_DAYS',
    });
    const expectedAt = Date.parse(atRisk[0]?.expectedAt ?? '');
    const [row] = await limits.root.query('SELECT lethe_now() AS now');
    const hours =
      (expectedAt - Date.parse(`${String(row?.['now']).replace(' ', 'T')}Z`)) / 3_600_000;
    await limits.moveClock(hours - 0.1);
    await expect(limits.issueDestroy(last)).rejects.toMatchObject({
      code: 'CAP_TENANTS_PER_30_DAYS',
    });
    await limits.moveClock(0.2);
    expect(await limits.issueDestroy(last)).toMatch(/^pm_/);
  });

  it('leaves out what is held, begun or not waiting any more', async () => {
    const [held, begun] = [await limits.sealed(), await limits.sealed()];
    await limits.root.execute(
      `INSERT INTO cohort_windows VALUES (?, ?, 2, NULL, NULL, NULL, '{}', lethe_now(), NULL, NULL)`,
      [held.runId, held.dueOn],
    );
    await limits.root.execute(
      `INSERT INTO cohort_states VALUES (?, ?, 'destroying', lethe_now())`,
      [begun.runId, begun.dueOn],
    );
    expect(await readForecast(limits.root)).toEqual([]);
  });

  it('is evidence for each promise at risk, once', async () => {
    await limits.capAt('store-share-per-day', 2);
    const [run, other] = [await limits.sealed({ rows: 3 }), await limits.sealed({ rows: 3 })];
    const ports = { control: limits.root, ledger: limits.ports.ledger };
    expect(await recordRisks(ports, run.tenantId)).toBe(1);
    expect(await recordRisks(ports, run.tenantId)).toBe(1);
    expect(limits.acts[0]).toMatchObject({
      kind: 'deadline-at-risk',
      tenantId: run.tenantId,
      details: { cap: 'store-share-per-day' },
    });
    const rows = await limits.environment
      .pool('root', 'evidence')
      .query(`SELECT tenant_id FROM entries WHERE kind = 'deadline-at-risk'`);
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(limits.acts)).not.toContain(other.tenantId);
  });
});

describe('a week before its window', () => {
  /** A promise that the cap alone breaks; its window opens in 30 days. */
  const promised = async (): Promise<SealedRun> => {
    await limits.capAt('store-share-per-day', 2);
    const run = await limits.sealed({ rows: 3 });
    await limits.root.execute(
      `INSERT INTO cohort_windows VALUES (?, ?, 2, lethe_now() + INTERVAL 30 DAY,
         lethe_now() + INTERVAL 30 DAY, lethe_now() + INTERVAL 37 DAY, '{}', lethe_now(), NULL, NULL)`,
      [run.runId, run.dueOn],
    );
    return run;
  };
  const warn = (): Promise<DutyRound> =>
    warnOfDeadlines({ control: limits.environment.pool('control'), ledger: limits.ports.ledger });
  const told = async (): Promise<readonly unknown[]> =>
    limits.root.query(
      `SELECT CONVERT(n.tenant_id USING utf8mb4) AS tenant_id, n.data FROM notices n JOIN deadline_warnings w
          ON n.notice_type = 'deadline.at-risk' AND w.tenant_id = n.tenant_id`,
    );

  it('a promise that a cap would break is told of, not before and only once [AB-3]', async () => {
    const run = await promised();
    const early = await warn();
    expect(limits.acts).toEqual([]);
    const hours = (Date.parse(early.nextAt ?? '') - Date.parse(await now())) / 3_600_000;
    expect(hours).toBeCloseTo(23 * 24, 1);

    await limits.moveClock(hours - 0.1);
    await warn();
    expect(await told()).toEqual([]);
    await limits.moveClock(0.2);
    expect(await warn()).toMatchObject({ tenantsToWake: [], nextAt: null });
    await warn();
    expect(limits.acts).toMatchObject([
      { kind: 'deadline-at-risk', subject: `${run.runId}/${run.dueOn}/store-share-per-day/week` },
    ]);
    expect(await told()).toMatchObject([{ tenant_id: run.tenantId }]);
  });

  it('a promise that is safe by then is not told of, whatever was said at the seal [AB-3]', async () => {
    await promised();
    await limits.capAt('store-share-per-day', 1000);
    await limits.moveClock(24 * 24);
    await warn();
    expect(limits.acts).toEqual([]);
    expect(await told()).toEqual([]);
  });

  it('a warning whose row was lost is given again under the same name [AB-3]', async () => {
    const { runId } = await promised();
    await limits.moveClock(24 * 24);
    await warn();
    await limits.root.execute(`DELETE FROM deadline_warnings WHERE run_id = ?`, [runId]);
    await warn();
    expect(new Set(limits.acts.map(({ subject }) => subject)).size).toBe(1);
    const rows = await limits.environment
      .pool('root', 'evidence')
      .query(`SELECT 1 FROM entries WHERE kind = 'deadline-at-risk'`);
    expect(rows).toHaveLength(1);
  });
});

const now = async (): Promise<string> => {
  const [row] = await limits.root.query('SELECT lethe_now() AS now');
  return `${String(row?.['now']).replace(' ', 'T')}Z`;
};
