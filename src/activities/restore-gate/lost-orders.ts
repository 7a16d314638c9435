import type { Sql, SqlPool } from '../../contracts/sql';
import type { LedgerEntry } from '../../domain/evidence';
import { required, textRows, toSqlTime } from '../control/sql-text';

/** Something that the evidence knows, control does not, and that takes an order out of force. */
export type LostAuthority =
  | {
      readonly what: 'order-stopped';
      readonly tenantId: string;
      readonly orderId: string;
      readonly stop: string;
      readonly reason: string;
      readonly stoppedBy: string;
      readonly stoppedAt: string;
    }
  | {
      readonly what: 'deletion-withdrawn';
      readonly tenantId: string;
      readonly requestId: string;
      readonly withdrawnAt: string;
    }
  | {
      readonly what: 'key-taken-out';
      readonly kid: string;
      readonly changeId: string;
      readonly at: string;
    }
  | {
      readonly what: 'rule-set';
      readonly changeId: string;
      readonly approvalsNeeded: number;
      readonly approveWithinHours: number;
      readonly at: string;
    }
  | {
      readonly what: 'decisions-rule';
      readonly changeId: string;
      readonly signed: boolean;
      readonly at: string;
    };

/** What an entry says that takes orders out of force; null for any other. */
export function lostAuthority(entry: LedgerEntry): LostAuthority | null {
  const { kind, details, at } = entry;
  const text = (field: string): string => String(details[field]);
  const tenantId = entry.tenantId ?? '';
  if (kind === 'order-stopped') {
    return {
      ...{ what: kind, tenantId, orderId: text('orderId'), stop: text('stop') },
      ...{ reason: text('reason'), stoppedBy: text('stoppedBy'), stoppedAt: text('stoppedAt') },
    };
  }
  if (kind === 'deletion-withdrawn') {
    return {
      ...{ what: kind, tenantId },
      ...{ requestId: text('requestId'), withdrawnAt: text('withdrawnAt') },
    };
  }
  if (kind !== 'authority-changed') return null;
  const changeId = text('changeId');
  if (details['action'] === 'revoke-signer') {
    const kid = Buffer.from(text('subjectKey'), 'hex').toString('base64url');
    return { what: 'key-taken-out', kid, changeId, at };
  }
  if (details['action'] === 'sign-decisions' || details['action'] === 'name-decisions') {
    const signed = details['action'] === 'sign-decisions';
    return { what: 'decisions-rule', changeId, signed, at };
  }
  // A key that was added and is lost counts for nobody: people add it again.
  if (details['action'] !== 'set-rule') return null;
  return {
    ...{ what: 'rule-set', changeId, at },
    approvalsNeeded: Number(details['approvalsNeeded']),
    approveWithinHours: Number(details['approveWithinHours']),
  };
}

/**
 * Puts back what takes orders out of force. An order under a withdrawal that was lost is stopped, because
 * control takes the request for a standing one until its sender withdraws it again: people have to order anew.
 *
 * @returns tenants whose windows must be computed again.
 * @idempotency what is there stays as it is.
 * @source CC-2, DR-1
 */
export async function replayAuthority(
  control: SqlPool,
  lost: readonly LostAuthority[],
  replayedBy: string,
): Promise<readonly string[]> {
  const tenants = new Set<string>();
  for (const one of lost) {
    if (one.what === 'key-taken-out') {
      await control.execute('CALL replay_signer_revocation(?, ?, ?)', [
        ...[one.kid, one.changeId, toSqlTime(one.at)],
      ]);
    } else if (one.what === 'rule-set') {
      await control.execute('CALL replay_approval_rule(?, ?, ?, ?)', [
        ...[one.changeId, one.approvalsNeeded, one.approveWithinHours, toSqlTime(one.at)],
      ]);
    } else if (one.what === 'decisions-rule') {
      await control.execute('CALL replay_decision_rule(?, ?, ?)', [
        ...[one.changeId, one.signed ? 1 : 0, toSqlTime(one.at)],
      ]);
    } else if (one.what === 'order-stopped') {
      tenants.add(one.tenantId);
      await control.execute('CALL replay_order_stop(?, ?, ?, ?, ?, ?)', [
        ...[one.tenantId, one.orderId, one.stop, one.reason, one.stoppedBy],
        toSqlTime(one.stoppedAt),
      ]);
    } else {
      tenants.add(one.tenantId);
      await stopOrdersOf(control, one, replayedBy);
    }
  }
  return [...tenants].sort();
}

/**
 * True when what was lost would let an order count that people took out of force. A withdrawal stays lost until its
 * sender withdraws again; once it was replayed no order of its request counts. Reading, so safe to repeat.
 */
export async function isOrderStillInForce(control: Sql, lost: LostAuthority): Promise<boolean> {
  if (lost.what !== 'deletion-withdrawn') return true;
  const rows = await textRows(
    control,
    `SELECT q.order_id FROM deletion_order_requests q
       JOIN deletion_orders o ON o.order_id = q.order_id
      WHERE o.tenant_id = ? AND q.request_id = ?
        AND NOT EXISTS (SELECT 1 FROM deletion_order_stops s WHERE s.order_id = q.order_id) LIMIT 1`,
    [lost.tenantId, lost.requestId],
  );
  return rows.length > 0;
}

async function stopOrdersOf(
  control: SqlPool,
  { tenantId, requestId }: { readonly tenantId: string; readonly requestId: string },
  replayedBy: string,
): Promise<void> {
  const rows = await textRows(
    control,
    `SELECT o.order_id FROM deletion_orders o
       JOIN deletion_order_requests q ON q.order_id = o.order_id
      WHERE o.tenant_id = ? AND q.request_id = ?`,
    [tenantId, requestId],
  );
  for (const row of rows) {
    await control.execute('CALL replay_order_stop(?, ?, ?, ?, ?, NULL)', [
      ...[tenantId, required(row, 'order_id'), 'revoked', 'other', replayedBy],
    ]);
  }
}
