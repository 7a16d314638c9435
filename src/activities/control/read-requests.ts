import type { OrderRecord, RequestRecord } from '../../contracts/order-records';
import type { Sql } from '../../contracts/sql';
import {
  pagesOf,
  requestState,
  type OrderState,
  type Page,
  type PageLevel,
  type RequestFacts,
} from '../../domain/deletion-request';
import type { RecordClass } from '../../domain/record-class';
import { isWaiting, type CohortRow } from './cohort-rows';
import { covers } from './governing-facts';
import { required, textRows, toInstant, toInstantOrNull, type TextRow } from './sql-text';
import type { RequestFact, TenantFacts } from './tenant-facts';

const ORDERS_MAX = 500;

/** All orders of a tenant with their approvals and what became of them, the newest first. */
export async function readOrders(sql: Sql, tenantId: string): Promise<readonly OrderRecord[]> {
  const rows = await textRows(
    sql,
    `SELECT o.order_id, o.digest, o.plan_digest, o.reason, o.signer_kid, o.ordered_by, o.issued_at,
            o.expires_at, o.submitted_at, o.approve_until, s.kind AS stopped, s.stopped_by,
            s.stopped_at, s.reason AS stop_reason, lethe_now() AS now,
            (SELECT GROUP_CONCAT(q.request_id ORDER BY q.request_id) FROM deletion_order_requests q
              WHERE q.order_id = o.order_id) AS request_ids,
            (SELECT GROUP_CONCAT(DISTINCT q.record_class ORDER BY q.record_class)
               FROM deletion_order_requests q WHERE q.order_id = o.order_id) AS scope,
            (SELECT COUNT(*) FROM deletion_order_requests q WHERE q.order_id = o.order_id
               AND order_for_request(o.tenant_id, q.request_id, q.record_class, lethe_now())
                 IS NOT NULL) AS in_force,
            (SELECT GROUP_CONCAT(a.approved_by ORDER BY a.approved_at) FROM deletion_approvals a
              WHERE a.order_id = o.order_id) AS approved_by,
            (SELECT MAX(a.approved_at) FROM deletion_approvals a
              WHERE a.order_id = o.order_id) AS approved_at
       FROM deletion_orders o LEFT JOIN deletion_order_stops s ON s.order_id = o.order_id
      WHERE o.tenant_id = ? ORDER BY o.submitted_at DESC, o.order_id LIMIT ${ORDERS_MAX}`,
    [tenantId],
  );
  return rows.map((row) => toOrder(row, tenantId));
}

function toOrder(row: TextRow, tenantId: string): OrderRecord {
  const list = (column: string): readonly string[] => {
    const text = row[column] ?? '';
    return text === '' ? [] : text.split(',');
  };
  return {
    orderId: required(row, 'order_id'),
    tenantId,
    requestIds: list('request_ids'),
    scope: list('scope') as readonly RecordClass[],
    state: stateOf(row),
    digest: required(row, 'digest'),
    planDigest: required(row, 'plan_digest'),
    reason: required(row, 'reason'),
    signerKid: required(row, 'signer_kid'),
    orderedBy: required(row, 'ordered_by'),
    issuedAt: toInstant(required(row, 'issued_at')),
    submittedAt: toInstant(required(row, 'submitted_at')),
    approveUntil: toInstant(required(row, 'approve_until')),
    expiresAt: toInstant(required(row, 'expires_at')),
    approvedBy: list('approved_by'),
    approvedAt: toInstantOrNull(row['approved_at']),
    stopped:
      row['stopped'] === null
        ? null
        : {
            by: required(row, 'stopped_by'),
            at: toInstant(required(row, 'stopped_at')),
            reason: required(row, 'stop_reason'),
          },
  };
}

/** An order whose approval ran out, or whose key was taken out, is as good as expired. */
function stateOf(row: TextRow): OrderState {
  const now = toInstant(required(row, 'now'));
  const stopped = row['stopped'] ?? null;
  if (stopped !== null) return stopped === 'denied' ? 'denied' : 'revoked';
  if (Number(required(row, 'in_force')) > 0) return 'approved';
  const open = toInstant(required(row, 'approve_until')) > now;
  return open && toInstant(required(row, 'expires_at')) > now ? 'pending' : 'expired';
}

/** Requests of a tenant with their states, in the order of their receipt. @source CC-2, DR-1 */
export async function readRequests(
  sql: Sql,
  facts: TenantFacts,
  cohorts: readonly CohortRow[],
): Promise<readonly RequestRecord[]> {
  if (facts.requests.length === 0) return [];
  const orders = await readOrders(sql, facts.tenantId);
  const paged = await readPaged(sql, facts.tenantId);
  const open = await readOpenRequests(sql, facts.tenantId);
  return facts.requests.map((request, at) =>
    recordOf(request, {
      covered: cohorts.filter(
        (cohort) =>
          cohort.recordClass === request.recordClass &&
          covers(cohort, request.requestId, request.receivedAt),
      ),
      order: orders.find(({ requestIds }) => requestIds.includes(request.requestId)) ?? null,
      pages: paged.get(request.requestId) ?? [],
      sealed: !open.has(request.requestId),
      held: isHeld(facts, request),
      followsAnother: facts.requests
        .slice(0, at)
        .some((other) => other.recordClass === request.recordClass && other.withdrawnAt === null),
    }),
  );
}

const isHeld = (facts: TenantFacts, { recordClass }: RequestFact): boolean =>
  facts.holds.some(
    (hold) =>
      hold.releasedAt === null && (hold.recordClass === null || hold.recordClass === recordClass),
  );

interface Surroundings {
  readonly covered: readonly CohortRow[];
  readonly order: OrderRecord | null;
  readonly pages: readonly PageLevel[];
  readonly sealed: boolean;
  readonly held: boolean;
  readonly followsAnother: boolean;
}

function recordOf(request: RequestFact, around: Surroundings): RequestRecord {
  const { covered, order, pages, sealed } = around;
  const { requestId, recordClass, receivedAt, withdrawnAt } = request;
  const waiting = covered.filter(({ state }) => isWaiting(state));
  const latestAt = firstEnd(waiting);
  const isOpen = waiting.length > 0 || !sealed;
  const waitsForOrder = withdrawnAt === null && request.orderId === null && isOpen;
  return {
    ...{ requestId, recordClass, receivedAt, withdrawnAt, latestAt, waitsForOrder, paged: pages },
    state: requestState(factsOf(request, waiting.length, around)),
    orderId: request.orderId ?? order?.orderId ?? null,
    nextPage: waitsForOrder ? nextPage(receivedAt, latestAt, pages) : null,
  };
}

const firstEnd = (waiting: readonly CohortRow[]): string | null =>
  waiting.flatMap(({ latestAt }) => (latestAt === null ? [] : [latestAt])).sort()[0] ?? null;

function factsOf(request: RequestFact, waiting: number, around: Surroundings): RequestFacts {
  const count = (state: string): number =>
    around.covered.filter((cohort) => cohort.state === state).length;
  return {
    withdrawn: request.withdrawnAt !== null,
    sealed: around.sealed,
    waiting,
    destroying: count('destroying'),
    destroyed: count('destroyed'),
    certified: count('certified'),
    held: around.held,
    paged: around.pages.length > 0,
    order: orderState(request, around.order),
    followsAnother: around.followsAnother,
  };
}

/** An order may be in force for another request than this one, whose class it does not cover. */
function orderState({ orderId }: RequestFact, newest: OrderRecord | null): OrderState | null {
  if (orderId !== null) return 'approved';
  if (newest === null) return null;
  return newest.state === 'approved' ? 'expired' : newest.state;
}

/** The first call that was not made yet. */
const nextPage = (
  receivedAt: string,
  latestAt: string | null,
  made: readonly PageLevel[],
): Page | null =>
  [...pagesOf(receivedAt, latestAt)]
    .filter(({ level }) => !made.includes(level))
    .sort((a, b) => a.at.localeCompare(b.at))[0] ?? null;

async function readPaged(
  sql: Sql,
  tenantId: string,
): Promise<ReadonlyMap<string, readonly PageLevel[]>> {
  const rows = await textRows(
    sql,
    'SELECT request_id, level FROM order_pages WHERE tenant_id = ? ORDER BY paged_at, level',
    [tenantId],
  );
  const paged = new Map<string, PageLevel[]>();
  for (const row of rows) {
    const requestId = required(row, 'request_id');
    paged.set(requestId, [...(paged.get(requestId) ?? []), required(row, 'level') as PageLevel]);
  }
  return paged;
}

/** Requests whose data is not sealed and out of the way yet. */
export async function readOpenRequests(sql: Sql, tenantId: string): Promise<ReadonlySet<string>> {
  const rows = await textRows(
    sql,
    `SELECT e.event_ref FROM events e
       LEFT JOIN event_closings c ON c.tenant_id = e.tenant_id AND c.event_id = e.event_id
      WHERE e.tenant_id = ? AND e.event_kind = 'request' AND c.event_id IS NULL`,
    [tenantId],
  );
  return new Set(rows.map((row) => required(row, 'event_ref')));
}
