import type { DecisionKind, SignedBy } from '../../contracts/decisions';
import type { ReleaseState } from '../../contracts/holds';
import type { HoldRecord } from '../../contracts/control-reader';
import type { Sql } from '../../contracts/sql';
import {
  assertReleaseApproval,
  assertReleaseRequest,
  assertReleaseWithdrawal,
} from '../../contracts/validate-hold';
import { LetheError } from '../../domain/errors';
import { withDecision } from './decisions';
import { refreshTenant } from './refresh-tenant';
import type { HoldPorts } from './holds';
import { settleInterlock } from './interlock';
import { readHold, releaseStateOf } from './read-holds';
import { required, textRow, textRows, toInstant } from './sql-text';

/** A decision about a hold: the procedure that takes it, and who decided. */
interface Decision {
  readonly holdId: string;
  readonly procedure: 'request_hold_release' | 'approve_hold_release' | 'withdraw_hold_release';
  readonly by: string;
}

/**
 * Asks that a hold be released. It stays in force: somebody else has to approve before the request expires.
 *
 * @idempotency the same person asking again changes nothing while the request lives.
 * @throws LetheError UNKNOWN_HOLD; NOT_PERMITTED when its release was approved already;
 *   SIGNATURE_REQUIRED where decisions are signed, or what is wrong with the document.
 * @source CC-4
 */
export async function requestHoldRelease(
  ports: HoldPorts,
  order: { readonly holdId: string; readonly requestedBy: string } & SignedBy,
): Promise<ReleaseState> {
  const { holdId, ...request } = order;
  assertReleaseRequest(request);
  const tenants = await decideSigned(ports, 'request-release', {
    ...{ holdId, procedure: 'request_hold_release', by: request.requestedBy },
    document: request.document,
  });
  await recordAll(ports, holdId, tenants);
  return stateOf(ports, holdId);
}

/**
 * Approves the newest request to release a hold, by somebody else than who made it. The procedure in the
 * database decides whether they are two people and whether the request still lives. The hold stays in force
 * until the delay is over.
 *
 * @idempotency approving what was approved changes nothing.
 * @throws LetheError UNKNOWN_HOLD; NOT_PERMITTED for the same person, or without a living request;
 *   SIGNATURE_REQUIRED where decisions are signed, or what is wrong with the document.
 * @source CC-4
 */
export async function approveHoldRelease(
  ports: HoldPorts,
  order: { readonly holdId: string; readonly approvedBy: string } & SignedBy,
): Promise<ReleaseState> {
  const { holdId, ...approval } = order;
  assertReleaseApproval(approval);
  const tenants = await decideSigned(ports, 'approve-release', {
    ...{ holdId, procedure: 'approve_hold_release', by: approval.approvedBy },
    document: approval.document,
  });
  await recordAll(ports, holdId, tenants);
  return stateOf(ports, holdId);
}

/**
 * Withdraws what was asked for or approved, as long as it has not taken effect; keeping takes one person.
 *
 * @idempotency withdrawing again changes nothing.
 * @throws LetheError UNKNOWN_HOLD; NOT_PERMITTED when the release has taken effect, or nobody asked for one.
 * @source CC-4
 */
export async function withdrawHoldRelease(
  ports: HoldPorts,
  order: { readonly holdId: string; readonly withdrawnBy: string },
): Promise<ReleaseState> {
  const { holdId, withdrawnBy } = order;
  assertReleaseWithdrawal({ withdrawnBy });
  const tenants = await decide(ports, {
    holdId,
    procedure: 'withdraw_hold_release',
    by: withdrawnBy,
  });
  // Like every interlock: what was permitted at the edge of the release is revoked and waited for.
  for (const tenantId of tenants) await settleInterlock(ports, tenantId);
  await recordAll(ports, holdId, tenants);
  for (const tenantId of tenants) await refreshTenant(ports, tenantId);
  return stateOf(ports, holdId);
}

/**
 * Carries out what follows a release that has taken effect: windows are computed again with the instant of
 * the release, and the evidence says that it is over. One that has not changes nothing.
 *
 * @idempotency windows that are the same are not written again; the entry is made once.
 * @throws LetheError UNKNOWN_HOLD.
 * @source CC-4
 */
export async function settleHoldRelease(
  ports: HoldPorts,
  { holdId }: { readonly holdId: string },
): Promise<ReleaseState> {
  const state = await stateOf(ports, holdId);
  if (state.state !== 'released') return state;
  const { release } = await known(ports.control, holdId);
  for (const tenantId of await tenantsOf(ports.control, holdId)) {
    await refreshTenant(ports, tenantId);
    await ports.ledger.append({
      tenantId,
      kind: 'hold-released',
      subject: `${holdId}/${tenantId}`,
      details: { holdId, ...release },
    });
  }
  return state;
}

const decideSigned = (
  ports: HoldPorts,
  decision: DecisionKind,
  order: Decision & { readonly document: string | undefined },
): Promise<readonly string[]> =>
  withDecision(
    ports,
    { decision, subject: order.holdId, by: order.by, document: order.document },
    () => decide(ports, order),
  );

async function decide(
  ports: HoldPorts,
  { holdId, procedure, by }: Decision,
): Promise<readonly string[]> {
  const tenants = await tenantsOf(ports.control, holdId);
  await ports.control.transaction(async (sql) => {
    for (const tenantId of tenants) await sql.execute('CALL lock_tenant(?)', [tenantId]);
    await sql.execute(`CALL ${procedure}(?, ?)`, [holdId, by]);
    if (procedure !== 'withdraw_hold_release') return;
    for (const tenantId of tenants) await sql.execute('CALL bump_interlock(?)', [tenantId]);
  });
  return tenants;
}

/** Tenants of a hold, in the order in which they are locked. */
async function tenantsOf(sql: Sql, holdId: string): Promise<readonly string[]> {
  const rows = await textRows(
    sql,
    'SELECT DISTINCT tenant_id FROM hold_scopes WHERE hold_id = ? ORDER BY tenant_id',
    [holdId],
  );
  if (rows.length > 0) return rows.map((row) => required(row, 'tenant_id'));
  throw new LetheError('UNKNOWN_HOLD', 'holdId names no hold; `lethe hold list` shows them', {
    field: 'holdId',
  });
}

async function known(sql: Sql, holdId: string): Promise<HoldRecord> {
  const hold = await readHold(sql, holdId);
  if (hold !== null) return hold;
  throw new LetheError('UNKNOWN_HOLD', 'holdId names no hold; `lethe hold list` shows them', {
    field: 'holdId',
  });
}

const stateOf = async ({ control }: HoldPorts, holdId: string): Promise<ReleaseState> =>
  releaseStateOf(await known(control, holdId));

/** Puts the newest request and what became of it into the evidence; what is there already stays. */
async function recordAll(
  ports: HoldPorts,
  holdId: string,
  tenants: readonly string[],
): Promise<void> {
  const row = await textRow(
    ports.control,
    `SELECT q.request_number, q.requested_by, q.requested_at, q.expires_at,
            r.approved_by, r.approved_at, r.released_at, w.withdrawn_by, w.withdrawn_at
       FROM hold_release_requests q
       LEFT JOIN hold_releases r
         ON r.hold_id = q.hold_id AND r.request_number = q.request_number
       LEFT JOIN hold_release_withdrawals w
         ON w.hold_id = q.hold_id AND w.request_number = q.request_number
      WHERE q.hold_id = ? ORDER BY q.request_number DESC LIMIT 1`,
    [holdId],
  );
  if (row === null) return;
  const at = (column: string): string => toInstant(required(row, column));
  const request = Number(required(row, 'request_number'));
  const requestedBy = required(row, 'requested_by');
  const acts: [string, Readonly<Record<string, string>>][] = [
    [
      'hold-release-requested',
      { requestedBy, requestedAt: at('requested_at'), expiresAt: at('expires_at') },
    ],
  ];
  if ((row['approved_by'] ?? null) !== null) {
    const approvedBy = required(row, 'approved_by');
    const [approvedAt, releasedAt] = [at('approved_at'), at('released_at')];
    acts.push(['hold-release-approved', { requestedBy, approvedBy, approvedAt, releasedAt }]);
  }
  if ((row['withdrawn_by'] ?? null) !== null) {
    const withdrawnBy = required(row, 'withdrawn_by');
    acts.push(['hold-release-withdrawn', { withdrawnBy, withdrawnAt: at('withdrawn_at') }]);
  }
  for (const [kind, details] of acts) {
    for (const tenantId of tenants) {
      const subject = `${holdId}/${tenantId}/${request}`;
      await ports.ledger.append({
        tenantId,
        kind,
        subject,
        details: { holdId, request, ...details },
      });
    }
  }
}
