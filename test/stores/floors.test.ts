import type { SqlPool } from '../../src/contracts/sql';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import {
  createOrder,
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
    await createOrder(environment, { tenantId: early.tenantId, requestId: 'rq_1' });
    await expect(issueKeyDestroy(early)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    const reached = await sealed({ collectedDaysAgo: minimum, endedDaysAgo: 10 });
    await expect(issueKeyDestroy(reached)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    await requested(reached, 5);
    await createOrder(environment, { tenantId: reached.tenantId, requestId: 'rq_1' });
    await expect(issueKeyDestroy(reached)).resolves.toMatch(/^pm_/);
  });

  it('after a request is passed only under an approved order in force [DR-1] [CC-2]', async () => {
    const asked = async (approved: boolean): Promise<SealedRun> => {
      const run = await sealed({ collectedDaysAgo: minimum, endedDaysAgo: 10 });
      await requested(run, 5);
      await createOrder(environment, { tenantId: run.tenantId, requestId: 'rq_1', approved });
      return run;
    };
    const REQUIRED = { code: 'ORDER_REQUIRED' };
    const bare = await sealed({ collectedDaysAgo: minimum, endedDaysAgo: 10 });
    await requested(bare, 5);
    await expect(issueKeyDestroy(bare)).rejects.toMatchObject(REQUIRED);
    await expect(issueKeyDestroy(await asked(false))).rejects.toMatchObject(REQUIRED);
    const spoilt: readonly (readonly [string, string])[] = [
      [
        'expired',
        "UPDATE deletion_orders SET expires_at = lethe_now() WHERE order_id = CONCAT('do_', SUBSTRING(?, 4))",
      ],
      [
        'approval expired',
        "UPDATE deletion_approvals SET expires_at = lethe_now() WHERE approval_id = CONCAT('oa_', SUBSTRING(?, 4))",
      ],
      [
        'same person',
        "UPDATE deletion_approvals SET approved_by = 'PERSON-1' WHERE approval_id = CONCAT('oa_', SUBSTRING(?, 4))",
      ],
      [
        'same key',
        "UPDATE deletion_approvals SET approver_kid = 'k1' WHERE approval_id = CONCAT('oa_', SUBSTRING(?, 4))",
      ],
      [
        'other order',
        "UPDATE deletion_approvals SET order_digest = 'e' WHERE approval_id = CONCAT('oa_', SUBSTRING(?, 4))",
      ],
      [
        'other tenant',
        "UPDATE deletion_orders SET tenant_id = 'tn_0000000000000000' WHERE order_id = CONCAT('do_', SUBSTRING(?, 4))",
      ],
      [
        'other request',
        "UPDATE deletion_order_requests SET request_id = 'rq_2' WHERE order_id = CONCAT('do_', SUBSTRING(?, 4))",
      ],
      [
        'other class',
        "UPDATE deletion_order_requests SET record_class = 'console-configuration-data' WHERE order_id = CONCAT('do_', SUBSTRING(?, 4))",
      ],
      [
        'stopped',
        "INSERT INTO deletion_order_stops SELECT order_id, tenant_id, 'revoked', '', 's', 'mistake', 'k1', 'person-1', lethe_now() FROM deletion_orders WHERE tenant_id = ?",
      ],
      [
        'key taken out',
        "INSERT INTO signer_revocations SELECT signer_kid, 'ch_1', lethe_now() FROM deletion_orders WHERE tenant_id = ?",
      ],
    ];
    await expect(issueKeyDestroy(await asked(true))).resolves.toMatch(/^pm_/);
    for (const [what, statement] of spoilt) {
      const run = await asked(true);
      await root.execute(statement, [run.tenantId]);
      const code = await issueKeyDestroy(run).then(
        () => 'issued',
        (error: unknown) => (error as { code?: string }).code,
      );
      expect([what, code]).toEqual([what, 'ORDER_REQUIRED']);
    }
    await root.execute("DELETE FROM signer_revocations WHERE kid = 'k1'");
  });

  it('needs no order where the end of use alone lets it go [AB-3]', async () => {
    const run = await sealed({ collectedDaysAgo: minimum, endedDaysAgo: 29 });
    await requested(run, 5);
    await expect(issueKeyDestroy(run)).resolves.toMatch(/^pm_/);
    const closed = await sealed({ collectedDaysAgo: minimum, endedDaysAgo: 29 });
    await requested(closed, 5);
    await root.execute(
      'UPDATE cohort_windows SET ended_not_before = lethe_now() + INTERVAL 1 MINUTE WHERE run_id = ?',
      [closed.runId],
    );
    await expect(issueKeyDestroy(closed)).rejects.toMatchObject({ code: 'ORDER_REQUIRED' });
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
    await createOrder(environment, { tenantId: other.tenantId, requestId: 'rq_1' });
    await root.execute(
      "INSERT INTO deletion_requests VALUES (?, 'rq_2', 'console-configuration-data', lethe_now() - INTERVAL 5 DAY)",
      [run.tenantId],
    );
    await expect(issueKeyDestroy(run)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    await expect(issueKeyDestroy(other)).resolves.toMatch(/^pm_/);
  });
});
