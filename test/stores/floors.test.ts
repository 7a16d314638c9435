import type { SqlPool } from '../../src/contracts/sql';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import {
  createSealedRun,
  issueDestroyPermit,
  type SealedRun,
  type SealedRunFacts,
} from '../support/sealed-run';

let environment: SqlEnvironment;
let root: SqlPool;
let serial = 0;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  root = environment.pool('root', 'control');
});
afterAll(() => environment.remove());

const sealed = (facts: Partial<SealedRunFacts>): Promise<SealedRun> => {
  serial += 1;
  const tenantId = `tn_floors${String(serial).padStart(11, '0')}`;
  return createSealedRun(environment, { tenantId, ...facts });
};
const issueKeyDestroy = (run: SealedRun): Promise<string> => issueDestroyPermit(environment, run);

const requested = async (run: SealedRun, daysAgo: number): Promise<void> => {
  await root.execute(
    `INSERT INTO deletion_requests VALUES (?, 'rq_1', 'asset-basic-data',
      lethe_now() - INTERVAL ${Math.round(daysAgo * 86_400)} SECOND)`,
    [run.tenantId],
  );
};
const withdrawn = (run: SealedRun): Promise<unknown> =>
  root.execute("INSERT INTO deletion_withdrawals VALUES (?, 'rq_1', lethe_now())", [run.tenantId]);
// The window is forged in all of these: it says that it is open, and the floor decides.
const [minimum, minute] = [180, 1 / 1440];

describe('the floor under a permit to destroy', () => {
  it('after a request waits for the minimum and no longer for the end [AB-1] [DR-1]', async () => {
    const early = await sealed({ collectedDaysAgo: minimum - minute, endedDaysAgo: 10 });
    await requested(early, 5);
    await expect(issueKeyDestroy(early)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    const reached = await sealed({ collectedDaysAgo: minimum, endedDaysAgo: 10 });
    await expect(issueKeyDestroy(reached)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    await requested(reached, 5);
    await expect(issueKeyDestroy(reached)).resolves.toMatch(/^pm_/);
  });

  it('waits for the end again once the request is withdrawn, whoever planned the run [AB-3] [DR-1]', async () => {
    for (const kind of ['termination', 'request']) {
      for (const [endedDaysAgo, answer] of [
        [29 - minute, 'PERMIT_REFUSED'],
        [29, 'issued'],
      ] as const) {
        const run = await sealed({ endedDaysAgo });
        await requested(run, 20);
        if (kind === 'request') {
          await root.execute(
            "UPDATE runs SET event_kind = 'request', event_ref = 'rq_1' WHERE run_id = ?",
            [run.runId],
          );
        }
        await withdrawn(run);
        const issued = await issueKeyDestroy(run).then(
          () => 'issued',
          (error: unknown) => (error as { code?: string }).code,
        );
        expect([kind, endedDaysAgo, issued]).toEqual([kind, endedDaysAgo, answer]);
      }
    }
  });

  it('counts no request of another class or of another tenant [DR-1]', async () => {
    const [run, other] = [await sealed({ endedDaysAgo: 10 }), await sealed({ endedDaysAgo: 10 })];
    await requested(other, 5);
    await root.execute(
      "INSERT INTO deletion_requests VALUES (?, 'rq_2', 'console-configuration-data', lethe_now() - INTERVAL 5 DAY)",
      [run.tenantId],
    );
    await expect(issueKeyDestroy(run)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    await expect(issueKeyDestroy(other)).resolves.toMatch(/^pm_/);
  });
});
