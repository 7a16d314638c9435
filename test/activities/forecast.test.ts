import { readForecast, recordRisks } from '../../src/activities/control/read-forecast';
import { createLimitsHarness, type LimitsHarness } from '../support/limits';

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
