import type { KeyObject } from 'node:crypto';
import {
  ORDER_DOCUMENTS,
  orderDocument,
  type DeletionApproval,
  type DeletionOrder,
  type DeletionPlan,
  type OrderStop,
} from '../contracts/orders';
import { readCompact } from '../domain/signed-document';
import { digestOfDocument, signDocument } from '../transparency/signed-document';

const DAY_MS = 86_400_000;
/** How long after the last contractual end an order still counts: a store may be away for days. */
const SPARE_DAYS = 14;
/** An order never counts longer; the database refuses it as well. */
const ORDER_DAYS_MAX = 400;

/** An instant as documents state it. */
export const signedInstant = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** An order for a plan that somebody has seen, not signed yet. */
export function orderFor(
  plan: DeletionPlan,
  order: Pick<DeletionOrder, 'orderId' | 'reason' | 'person'> & { readonly expiresAt?: string },
): DeletionOrder {
  const issued = Math.floor(Date.parse(plan.asOf));
  const ends = plan.goes.flatMap(({ latestAt }) => (latestAt === null ? [] : [latestAt]));
  const last = Math.max(issued, ...ends.map((end) => Date.parse(end)));
  const expires = Math.min(last + SPARE_DAYS * DAY_MS, issued + ORDER_DAYS_MAX * DAY_MS);
  return {
    version: 1,
    orderId: order.orderId,
    tenantId: plan.tenantId,
    requestIds: plan.requestIds,
    scope: plan.scope,
    planDigest: plan.planDigest,
    reason: order.reason,
    person: order.person,
    issuedAt: signedInstant(issued),
    expiresAt: order.expiresAt ?? signedInstant(expires),
  };
}

/** Signs an order as its person; offline. @throws LetheError for a field that is malformed. */
export function signOrder(order: DeletionOrder, key: KeyObject): string {
  const document = signDocument(order, ORDER_DOCUMENTS.order, key);
  orderDocument('order')(document, 'order');
  return document;
}

/** Signs the approval of a signed order, bound to every letter of it; offline. */
export function signApproval(
  order: string,
  approval: Pick<DeletionApproval, 'approvalId' | 'person' | 'issuedAt'> & {
    readonly expiresAt?: string;
  },
  key: KeyObject,
): string {
  orderDocument('order')(order, 'order');
  const { kid, payload } = readCompact(order, 'order');
  const { orderId, tenantId, planDigest, person, expiresAt } = payload as unknown as DeletionOrder;
  const document = signDocument(
    {
      ...{ version: 1, orderId, tenantId, planDigest, expiresAt, ...approval },
      ...{ orderDigest: digestOfDocument(order), orderKid: kid, orderPerson: person },
    },
    ORDER_DOCUMENTS.approval,
    key,
  );
  orderDocument('approval')(document, 'approval');
  return document;
}

/** Signs what stops an order; offline. */
export function signStop(
  kind: 'denial' | 'revocation',
  stop: Omit<OrderStop, 'version'>,
  key: KeyObject,
): string {
  const document = signDocument({ version: 1, ...stop }, ORDER_DOCUMENTS[kind], key);
  orderDocument(kind)(document, kind);
  return document;
}
