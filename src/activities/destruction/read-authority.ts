import type { Sql } from '../../contracts/sql';
import type { Authority, CertifiedOrder, CertifiedPerson } from '../../domain/certified-order';
import type { CohortRow } from '../control/cohort-rows';
import { covers } from '../control/governing-facts';
import { required, textRow, textRows, toSqlTime } from '../control/sql-text';
import { readTenantFacts } from '../control/tenant-facts';

/** Commands from which a run can follow; each names its event in its receipt. */
const COMMANDS = ['requestDeletion', 'endService', 'endFeature'] as const;

/** A destruction: whose, what, and when its first key went. */
export interface Begun {
  readonly tenantId: string;
  readonly cohort: CohortRow;
  readonly beganAt: string;
}

/**
 * What a cohort covered and whose will its end was, from control: the order under which it began, with
 * the people who signed, or else the command that it followed. A run that nobody's command began, such as
 * that of a stray, names no people. Reading, so safe to repeat.
 *
 * @source CC-2, DR-1
 */
export async function readAuthority(sql: Sql, begun: Begun): Promise<Authority> {
  const { tenantId, cohort } = begun;
  const ordered = await readOrder(sql, begun);
  return {
    recordClass: cohort.recordClass,
    scope: {
      subjects: cohort.subjects,
      records: cohort.records,
      newestObservedAt: cohort.newestObservedAt,
    },
    ...(ordered ?? { people: await readPeople(sql, tenantId, cohort) }),
  };
}

/** The order that was in force when the end began; null when the end of use alone allowed it. */
async function readOrder(
  sql: Sql,
  { tenantId, cohort, beganAt }: Begun,
): Promise<{
  readonly order: CertifiedOrder;
  readonly people: readonly CertifiedPerson[];
} | null> {
  const { endedNotBefore } = cohort;
  if (endedNotBefore !== null && Date.parse(endedNotBefore) <= Date.parse(beganAt)) return null;
  const facts = await readTenantFacts(sql, tenantId);
  const requests = (facts?.requests ?? []).filter(
    (request) =>
      request.recordClass === cohort.recordClass &&
      covers(cohort, request.requestId, request.receivedAt),
  );
  for (const { requestId, recordClass } of requests) {
    const found = await textRow(sql, IN_FORCE_AT, [
      ...[tenantId, requestId, recordClass],
      ...Array.from({ length: 4 }, () => toSqlTime(beganAt)),
    ]);
    if (found !== null) return certified(sql, found);
  }
  return null;
}

/** Later stops, expiries and lost keys do not undo what was done under an order. */
const IN_FORCE_AT = `
  SELECT o.order_id, o.document, o.ordered_by FROM deletion_orders o
    JOIN deletion_order_requests q ON q.order_id = o.order_id
   WHERE o.tenant_id = ? AND q.request_id = ? AND q.record_class = ?
     AND o.submitted_at <= ? AND o.expires_at > ?
     AND EXISTS (SELECT 1 FROM deletion_approvals a
                  WHERE a.order_id = o.order_id AND a.order_digest = o.digest AND a.approved_at <= ?)
     AND NOT EXISTS (SELECT 1 FROM deletion_order_stops s
                      WHERE s.order_id = o.order_id AND s.stopped_at <= ?)
   ORDER BY o.submitted_at, o.order_id LIMIT 1`;

async function certified(
  sql: Sql,
  row: Awaited<ReturnType<typeof textRow>>,
): Promise<{ readonly order: CertifiedOrder; readonly people: readonly CertifiedPerson[] }> {
  const orderId = required(row ?? {}, 'order_id');
  const approvals = await textRows(
    sql,
    'SELECT document, approved_by FROM deletion_approvals WHERE order_id = ? ORDER BY approved_at, approval_id',
    [orderId],
  );
  const approvers = approvals.map((approval) => required(approval, 'approved_by'));
  return {
    order: {
      orderId,
      signed: required(row ?? {}, 'document'),
      approvals: approvals.map((approval) => required(approval, 'document')),
    },
    people: [
      { role: 'requester', personId: required(row ?? {}, 'ordered_by') },
      ...[...new Set(approvers)].map((personId) => ({ role: 'approver' as const, personId })),
    ],
  };
}

async function readPeople(
  sql: Sql,
  tenantId: string,
  { runId, eventRef }: CohortRow,
): Promise<readonly CertifiedPerson[]> {
  const run = await textRow(sql, 'SELECT event_id FROM runs WHERE run_id = ?', [runId]);
  const eventId = required(run ?? {}, 'event_id');
  const commands = await textRows(
    sql,
    `SELECT requested_by, result FROM commands
      WHERE tenant_id = ? AND kind IN (${COMMANDS.map(() => '?').join(', ')})`,
    [tenantId, ...COMMANDS],
  );
  const command = commands.find((row) => eventOf(required(row, 'result')) === eventId);
  const end = await textRow(
    sql,
    'SELECT approved_by FROM subscription_ends WHERE tenant_id = ? AND subscription_id = ?',
    [tenantId, eventRef],
  );
  const requester = command === undefined ? null : required(command, 'requested_by');
  const approver = end?.['approved_by'] ?? null;
  return [
    ...(requester === null ? [] : [{ role: 'requester' as const, personId: requester }]),
    // Whoever names himself is no second person.
    ...(approver === null || approver === requester
      ? []
      : [{ role: 'approver' as const, personId: approver }]),
  ];
}

const eventOf = (result: string): unknown =>
  (JSON.parse(result) as { readonly eventId?: unknown } | null)?.eventId;
