import type { Sql } from '../../contracts/sql';
import { LetheError } from '../../domain/errors';
import { isSamePerson } from '../../domain/signers';
import type { CohortRow } from '../control/cohort-rows';
import { covers } from '../control/governing-facts';
import {
  openOrderDocument,
  type DocumentReading,
  type OpenedDocument,
} from '../control/open-order-document';
import { readSigners } from '../control/signers';
import { required, textRow, textRows, toInstant } from '../control/sql-text';
import type { RequestFact, TenantFacts } from '../control/tenant-facts';

/** Who is asked, and about what. */
export interface OrderedEnd {
  readonly facts: TenantFacts;
  readonly cohort: CohortRow;
  /** The earlier of both clocks. */
  readonly now: string;
}

/**
 * Checks the signatures behind a destruction once more, on what is stored: the permit procedures read rows,
 * and rows can be written by whoever administers the server. What the end of use alone allows needs no order
 * and is not checked; without any order the permit is refused anyway. Reading, so safe to repeat.
 *
 * @throws LetheError ORDER_REFUSED, or what the signature is refused for: nothing is destroyed.
 * @source CC-2, DR-1
 */
export async function assertOrdersSigned(sql: Sql, end: OrderedEnd): Promise<void> {
  const { facts, cohort, now } = end;
  const { endedNotBefore } = cohort;
  if (endedNotBefore !== null && Date.parse(endedNotBefore) <= Date.parse(now)) return;
  const signers = await readSigners(sql);
  for (const request of facts.requests) {
    if (request.orderId === null || !isFor(cohort, request)) continue;
    await assertOrderSigned(sql, { tenantId: facts.tenantId, signers, now }, request);
  }
}

const isFor = (cohort: CohortRow, request: RequestFact): boolean =>
  request.recordClass === cohort.recordClass &&
  covers(cohort, request.requestId, request.receivedAt);

type Reading = Omit<DocumentReading, 'at'> & { readonly now: string };

async function assertOrderSigned(
  sql: Sql,
  reading: Reading,
  { orderId, requestId, recordClass }: RequestFact,
): Promise<void> {
  const row = await textRow(
    sql,
    'SELECT document, submitted_at FROM deletion_orders WHERE order_id = ?',
    [orderId],
  );
  const at = toInstant(required(row ?? {}, 'submitted_at'));
  const opened = openOrderDocument({ ...reading, at }, 'order', required(row ?? {}, 'document'));
  const { payload: order } = opened;
  const isOwn =
    order.orderId === orderId &&
    order.requestIds.includes(requestId) &&
    order.scope.includes(recordClass);
  assertInForce(order, reading.now, 'order');
  if (!isOwn) throw refused('the stored order is for something else', 'order');
  const approvals = await textRows(
    sql,
    'SELECT document, approved_at, approved_by FROM deletion_approvals WHERE order_id = ?',
    [orderId],
  );
  for (const approval of approvals) {
    const { payload, signer } = openedApproval(reading, approval);
    assertInForce(payload, reading.now, 'approval');
    // Columns say how many people approved; one signature must not stand for two of them.
    if (signer.personId !== approval['approved_by']) {
      throw refused('the stored approval names another person than who signed', 'approval');
    }
    assertApproves({ payload, signer }, opened);
  }
  if (approvals.length === 0) throw refused('nobody approved the order', 'approval');
}

const openedApproval = (
  reading: Reading,
  row: Readonly<Record<string, string | null>>,
): OpenedDocument<'approval'> =>
  openOrderDocument(
    { ...reading, at: toInstant(required(row, 'approved_at')) },
    'approval',
    required(row, 'document'),
  );

function assertApproves(
  { payload: approval, signer }: Pick<OpenedDocument<'approval'>, 'payload' | 'signer'>,
  order: OpenedDocument<'order'>,
): void {
  const isForOrder =
    approval.orderId === order.payload.orderId && approval.orderDigest === order.digest;
  const isBySecond =
    signer.kid !== order.signer.kid && !isSamePerson(signer.personId, order.signer.personId);
  if (!isForOrder || !isBySecond) {
    throw refused(
      'the stored approval is for something else, or not by a second person',
      'approval',
    );
  }
}

/** What was signed says until when it counts, whatever its row says. */
function assertInForce(
  { expiresAt }: { readonly expiresAt: string },
  now: string,
  field: string,
): void {
  if (Date.parse(expiresAt) > Date.parse(now)) return;
  throw refused(`the signed ${field} has expired, whatever its row says`, field);
}

const refused = (what: string, field: string): LetheError =>
  new LetheError('ORDER_REFUSED', what, { field });
