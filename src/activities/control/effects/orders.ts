import type { OrderDocumentKind } from '../../../contracts/orders';
import { LetheError } from '../../../domain/errors';
import { isSamePerson } from '../../../domain/signers';
import type { EffectContext, EffectResult } from '../command-context';
import { openOrderDocument, type OpenedDocument } from '../open-order-document';
import { readPlan } from '../order-plan';
import { readSigners } from '../signers';
import { required, textRow, textRows } from '../sql-text';

type OrderCommand = 'submitOrder' | 'approveOrder' | 'denyOrder' | 'revokeOrder';
type Context = EffectContext<OrderCommand>;

/**
 * A signed order is taken when its plan is still the one that would be carried out. It ends nothing
 * until another person approves it.
 *
 * @idempotency the same document again is answered as it was; another one under its id is refused.
 * @source CC-2, DR-1
 */
export async function submitOrder(context: EffectContext<'submitOrder'>): Promise<EffectResult> {
  const document = context.command.body.order;
  const { payload: order, digest } = await opened(context, 'order', document);
  const known = await storedDigest(context, 'deletion_orders', ['order_id', order.orderId]);
  const planDigest = known === null ? await planNow(context, order.requestIds) : order.planDigest;
  await context.sql.execute('CALL submit_order(?, ?, ?)', [context.tenantId, document, planDigest]);
  return { orderId: order.orderId, orderDigest: digest, orderedBy: order.person };
}

/**
 * Another person approves an order. The plan is computed anew: what was approved is what goes.
 *
 * @source CC-2, DR-1
 */
export async function approveOrder(context: EffectContext<'approveOrder'>): Promise<EffectResult> {
  const document = context.command.body.approval;
  const { payload: approval, signer } = await opened(context, 'approval', document);
  const { orderId, approvalId } = approval;
  const order = await readOrder(context, orderId);
  if (order.signerKid === signer.kid || isSamePerson(order.orderedBy, signer.personId)) {
    throw refused('FOUR_EYES', 'somebody else approves than who signed the order', 'approval');
  }
  if (approval.orderKid !== order.signerKid || approval.orderPerson !== order.orderedBy) {
    throw refused('ORDER_REFUSED', 'approval names another signer of the order', 'approval');
  }
  const known = await storedDigest(context, 'deletion_approvals', ['approval_id', approvalId]);
  const planDigest =
    known === null ? await planNow(context, order.requestIds) : approval.planDigest;
  await context.sql.execute('CALL approve_order(?, ?, ?)', [
    context.tenantId,
    document,
    planDigest,
  ]);
  return { orderId, approvalId, approvedBy: approval.person };
}

/** An order is denied before it was approved; it needs a new one. */
export async function denyOrder(context: EffectContext<'denyOrder'>): Promise<EffectResult> {
  const document = context.command.body.denial;
  return stop(context, { kind: 'denial', document });
}

/**
 * An order is revoked: nothing more is destroyed under it. Until the first destruction permit, like a
 * withdrawal, and not after it.
 */
export async function revokeOrder(context: EffectContext<'revokeOrder'>): Promise<EffectResult> {
  const document = context.command.body.revocation;
  return stop(context, { kind: 'revocation', document });
}

async function stop(
  context: Context,
  { kind, document }: { readonly kind: 'denial' | 'revocation'; readonly document: string },
): Promise<EffectResult> {
  const { payload } = await opened(context, kind, document);
  const { orderId, reason, person } = payload;
  const order = await readOrder(context, orderId);
  const stopped = await storedDigest(context, 'deletion_order_stops', ['order_id', orderId]);
  if (stopped === null) await assertStoppable(context, { kind, order });
  await context.sql.execute('CALL stop_order(?, ?, ?)', [
    context.tenantId,
    kind === 'denial' ? 'denied' : 'revoked',
    document,
  ]);
  return { orderId, reason, stoppedBy: person };
}

async function assertStoppable(
  context: Context,
  { kind, order }: { readonly kind: 'denial' | 'revocation'; readonly order: StoredOrder },
): Promise<void> {
  const covering = await textRows(
    context.sql,
    `SELECT request_id FROM deletion_order_requests WHERE order_id = ?
        AND order_for_request(?, request_id, record_class, lethe_now()) = order_id`,
    [order.orderId, context.tenantId],
  );
  if (kind === 'denial' && covering.length > 0) {
    throw refused('NOT_PERMITTED', 'the order was approved; revoke it instead', 'denial');
  }
  const begun = await textRow(
    context.sql,
    `SELECT p.permit_id FROM permits p JOIN runs r ON r.run_id = p.run_id
       JOIN deletion_order_requests q ON q.order_id = ? AND q.record_class = r.record_class
       JOIN deletion_orders o ON o.order_id = q.order_id
      WHERE r.tenant_id = ? AND p.kind = 'destroy' AND p.issued_at >= o.submitted_at
        AND (r.event_kind <> 'request' OR r.event_ref = q.request_id) LIMIT 1`,
    [order.orderId, context.tenantId],
  );
  if (covering.length > 0 && begun !== null) {
    throw refused('REQUEST_IRREVOCABLE', 'destruction under the order has begun', kind);
  }
}

interface StoredOrder {
  readonly orderId: string;
  readonly signerKid: string;
  readonly orderedBy: string;
  readonly requestIds: readonly string[];
}

async function readOrder(context: Context, orderId: string): Promise<StoredOrder> {
  const row = await textRow(
    context.sql,
    'SELECT signer_kid, ordered_by FROM deletion_orders WHERE order_id = ? AND tenant_id = ?',
    [orderId, context.tenantId],
  );
  if (row === null) {
    throw refused('UNKNOWN_ORDER', 'orderId names no order of this tenant', 'orderId');
  }
  const requests = await textRows(
    context.sql,
    'SELECT request_id FROM deletion_order_requests WHERE order_id = ? ORDER BY request_id',
    [orderId],
  );
  return {
    orderId,
    signerKid: required(row, 'signer_kid'),
    orderedBy: required(row, 'ordered_by'),
    requestIds: requests.map((request) => required(request, 'request_id')),
  };
}

/** Digest under which something is on record already; what is there was decided when it came. */
async function storedDigest(
  context: Context,
  table: 'deletion_orders' | 'deletion_approvals' | 'deletion_order_stops',
  [column, id]: readonly ['order_id' | 'approval_id', string],
): Promise<string | null> {
  const row = await textRow(context.sql, `SELECT digest FROM ${table} WHERE ${column} = ?`, [id]);
  return row === null ? null : required(row, 'digest');
}

/** Opens a document: its shape, its signature, its tenant, and that who signed says who they are. */
async function opened<K extends OrderDocumentKind>(
  context: Context,
  kind: K,
  document: string,
): Promise<OpenedDocument<K>> {
  return openOrderDocument(
    { tenantId: context.tenantId, at: context.now, signers: await readSigners(context.sql) },
    kind,
    document,
  );
}

/** Digest of the plan as it is now. */
async function planNow(context: Context, requestIds: readonly string[]): Promise<string> {
  const plan = await readPlan(context.sql, context.facts, requestIds);
  if (plan.ready) return plan.planDigest;
  throw refused(
    'PLAN_NOT_READY',
    'what was requested is not sealed yet, or nothing of it is left; preview it again',
    'planDigest',
  );
}

const refused = (
  code:
    | 'FOUR_EYES'
    | 'ORDER_REFUSED'
    | 'NOT_PERMITTED'
    | 'UNKNOWN_ORDER'
    | 'REQUEST_IRREVOCABLE'
    | 'PLAN_NOT_READY',
  what: string,
  field: string,
): LetheError => new LetheError(code, what, { field });
