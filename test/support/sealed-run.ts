import { createHash } from 'node:crypto';
import type { SqlPool } from '../../src/contracts/sql';
import type { SqlEnvironment } from './environment';

/** A run as it stands in control after the verifier's work, built by the administrator. */
export interface SealedRun {
  readonly tenantId: string;
  readonly runId: string;
  readonly dueOn: string;
  /** Ids of the one batch in `mysql:assets.image_risks`, as the exact text that is hashed. */
  readonly ids: string;
}

/** Days before now for each fact; the defaults allow destruction. */
export interface SealedRunFacts {
  readonly tenantId: string;
  readonly collectedDaysAgo?: number;
  readonly endedDaysAgo?: number;
  readonly notBeforeDaysAgo?: number;
  readonly verified?: boolean;
  readonly rows?: number;
  /** An asset that the run is known to hold something of. */
  readonly assetId?: string;
}

const DESTRUCTIBLE = {
  collectedDaysAgo: 500,
  endedDaysAgo: 400,
  notBeforeDaysAgo: 1,
  verified: true,
  rows: 3,
};

const hours = (days: number): string => `INTERVAL ${Math.round(days * 86_400)} SECOND`;

/** Inserts a sealed asset run whose live rows are still there. */
export async function createSealedRun(
  environment: SqlEnvironment,
  given: SealedRunFacts,
): Promise<SealedRun> {
  const root = environment.pool('root', 'control');
  const facts = { ...DESTRUCTIBLE, ...given };
  const { tenantId, rows } = facts;
  const runId = `rn_${tenantId.slice(3)}`;
  const dueOn = '2020-01-01';
  const pairs = Array.from({ length: rows }, (_, index) => [
    'as_0000000000000001',
    `version-${index}`,
  ]);
  const ids = JSON.stringify(pairs);
  const digest = createHash('sha256').update(ids).digest('hex');
  const ended = `lethe_now() - ${hours(facts.endedDaysAgo)}`;
  const collected = `lethe_now() - ${hours(facts.collectedDaysAgo)}`;
  const notBefore = `lethe_now() - ${hours(facts.notBeforeDaysAgo)}`;
  const statements: readonly string[] = [
    `INSERT INTO interlocks (scope, epoch) VALUES ('${tenantId}', 1)`,
    `INSERT INTO tenants VALUES ('${tenantId}', 'UTC', 'CN', '1', ${ended})`,
    `INSERT INTO subscriptions VALUES ('${tenantId}', 'sb_1', 'CVM', ${collected} - INTERVAL 1 DAY, lethe_now())`,
    `INSERT INTO subscription_ends VALUES ('${tenantId}', 'sb_1', ${ended}, lethe_now(), NULL)`,
    `INSERT INTO runs SELECT '${runId}', '${tenantId}', 'ev_1', 'asset-basic-data', 'termination', 'sb_1',
       ended_at, 1, NULL, NULL, NULL, lethe_now() FROM subscription_ends WHERE tenant_id = '${tenantId}'`,
    `INSERT INTO run_subjects VALUES ('${runId}', 'CVM')`,
    `INSERT INTO cohorts VALUES ('${runId}', '${dueOn}', '${tenantId}', ${collected}, ${notBefore}, ${notBefore}, ${rows}, lethe_now())`,
    `INSERT INTO cohort_keys VALUES ('${runId}', '${dueOn}', 'asset:${runId}:${dueOn}')`,
    `INSERT INTO manifest_batches VALUES ('${runId}', 'mysql:assets.image_risks', 1, '', '', '${ids}', ${rows}, '${digest}')`,
    ...(facts.assetId === undefined
      ? []
      : [`INSERT INTO run_assets VALUES ('${runId}', '${facts.assetId}', 0)`]),
    `INSERT INTO manifests VALUES ('${runId}', 'at_1', 'manifest', lethe_now())`,
    `INSERT INTO cohort_windows VALUES ('${runId}', '${dueOn}', 1, ${notBefore}, ${notBefore}, lethe_now() + INTERVAL 1 DAY, '{}', lethe_now(), ${notBefore}, ${notBefore})`,
    `INSERT INTO window_refreshes VALUES ('${runId}', 1, 1, 1, lethe_now())`,
  ];
  for (const statement of statements) await root.execute(statement);
  if (facts.verified) await verifySealedRun(root, { runId, dueOn, collected });
  for (const [assetId, versionId] of pairs) {
    await root.execute(
      `INSERT INTO \`${environment.prefix}_assets\`.image_risks VALUES (?, ?, ?, 'r', 'malware', 'sc', '2020-01-01', 0, 'd', '{}')`,
      [tenantId, assetId ?? '', versionId ?? ''],
    );
  }
  return { tenantId, runId, dueOn, ids };
}

async function verifySealedRun(
  root: SqlPool,
  run: { readonly runId: string; readonly dueOn: string; readonly collected: string },
): Promise<void> {
  for (const subject of ['copy:archive', 'copy:backup', 'moved']) {
    await root.execute(
      `INSERT INTO verifications VALUES ('${run.runId}', '${run.dueOn}', '${subject}', 'manifest', 'ok', 0, ${run.collected}, lethe_now())`,
    );
  }
}

/** How many of the run's rows are live. */
export async function liveRows(environment: SqlEnvironment, tenantId: string): Promise<number> {
  const rows = await environment
    .pool('root', 'assets')
    .query('SELECT COUNT(*) AS live FROM image_risks WHERE tenant_id = ?', [tenantId]);
  return Number(rows[0]?.['live']);
}

let permits = 0;

/** An id that no other permit has. */
export function newPermitId(): string {
  permits += 1;
  return `pm_${String(permits).padStart(16, '0')}`;
}

/** Asks with the issuer's login for the permit to destroy the run's key. */
export async function issueDestroyPermit(
  environment: SqlEnvironment,
  run: SealedRun,
  asked: { readonly workflowNow?: string | undefined; readonly keyRef?: string } = {},
): Promise<string> {
  const { workflowNow, keyRef = `asset:${run.runId}:${run.dueOn}` } = asked;
  const permit = newPermitId();
  const now = await environment.pool('root', 'control').query('SELECT lethe_now() AS now');
  await environment
    .pool('issuer')
    .execute('CALL issue_destroy_permit(?, ?, ?, ?, ?, 0, ?, 60)', [
      permit,
      run.tenantId,
      run.runId,
      run.dueOn,
      keyRef,
      workflowNow ?? String(now[0]?.['now']),
    ]);
  return permit;
}

/**
 * An approved order for a request of a sealed run, built by the administrator: two people, nobody's
 * signature. What is signed has suites of its own.
 */
export async function createOrder(
  environment: SqlEnvironment,
  order: { readonly tenantId: string; readonly requestId: string; readonly approved?: boolean },
): Promise<string> {
  const root = environment.pool('root', 'control');
  const { tenantId, requestId, approved = true } = order;
  const orderId = `do_${tenantId.slice(3)}`;
  const until = 'lethe_now() + INTERVAL 30 DAY, lethe_now()';
  await root.execute(
    `INSERT INTO deletion_orders VALUES (?, ?, '', 'd', 'p', 'customer-request', 'k1', 'person-1', 1,
       lethe_now(), ${until}, lethe_now() + INTERVAL 7 DAY)`,
    [orderId, tenantId],
  );
  await root.execute(
    `INSERT INTO deletion_order_requests SELECT ?, request_id, record_class FROM deletion_requests
      WHERE tenant_id = ? AND request_id = ?`,
    [orderId, tenantId, requestId],
  );
  if (approved) {
    await root.execute(
      `INSERT INTO deletion_approvals VALUES (?, ?, ?, '', 'a', 'd', 'k2', 'person-2', lethe_now(), ${until})`,
      [`oa_${tenantId.slice(3)}`, orderId, tenantId],
    );
  }
  return orderId;
}
