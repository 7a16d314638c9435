import type { OrderRecord, RequestRecord } from '../../contracts/order-records';
import type { DelayingHold, ReportedRequest, RequestReport } from '../../contracts/request-report';
import type { Sql, SqlPool } from '../../contracts/sql';
import type { DeriveWindow } from '../../contracts/windows';
import { internalStopOf } from '../../domain/deletion-request';
import { LetheError } from '../../domain/errors';
import { mayCover } from '../../domain/hold-scope';
import { parseInstant } from '../../domain/instants';
import {
  daysBetween,
  isInPeriod,
  isPeriodOver,
  outcomeOf,
  totalsOf,
  type ReportPeriod,
} from '../../domain/request-report';
import { addDays, dateOf } from '../../domain/windows/civil';
import { readCohorts } from './cohort-rows';
import { readOrders, readRequests } from './read-requests';
import { coveredBy, endsOf, type KnownEnds } from './report-ends';
import { readCertifiedEnds, readClosings, readMissed, readSenders, readTurns } from './report-rows';
import { required, textRows } from './sql-text';
import { databaseNow, readTenantFacts, type RequestFact } from './tenant-facts';

/** Requests of one report at most: what would be left out is never left out silently. */
const REQUESTS_MAX = 10_000;

/** Where a report is read: with logins that can insert nothing. */
export interface ReportPorts {
  readonly control: SqlPool;
  readonly evidence: SqlPool;
  readonly derive: DeriveWindow;
}

/**
 * Every deletion request that was received in a period, over all tenants, and how it was kept. A request
 * belongs to the day of its receipt in its tenant's zone, as its working days are counted, so that periods
 * that follow one another share none and leave none out. Reading, so safe to repeat.
 *
 * @throws LetheError INVALID_INPUT when there are more than one report shows.
 * @source CC-2, DR-1
 */
export async function readRequestReport(
  ports: ReportPorts,
  period: ReportPeriod,
): Promise<RequestReport> {
  const asOf = await databaseNow(ports.control);
  const requests: ReportedRequest[] = [];
  for (const tenantId of await tenantsAsking(ports.control, period)) {
    requests.push(...(await reportTenant(ports, tenantId, period)));
  }
  requests.sort((a, b) => sortKey(a).localeCompare(sortKey(b)));
  const ended = isPeriodOver(period, asOf, await zonesOf(ports.control));
  return { period: { ...period, ended }, asOf, totals: totalsOf(requests), requests };
}

const sortKey = ({ receivedAt, tenantId, requestId }: ReportedRequest): string =>
  `${receivedAt} ${tenantId} ${requestId}`;

/** Tenants with a request near the period: whether it is in it is a question of their zones. */
async function tenantsAsking(control: Sql, { from, to }: ReportPeriod): Promise<readonly string[]> {
  const rows = await textRows(
    control,
    `SELECT tenant_id, COUNT(*) AS requests FROM deletion_requests
      WHERE received_at >= ? AND received_at < ? GROUP BY tenant_id ORDER BY tenant_id`,
    [`${addDays(from, -1)} 00:00:00`, `${addDays(to, 1)} 00:00:00`],
  );
  const requests = rows.reduce((sum, row) => sum + Number(required(row, 'requests')), 0);
  if (requests <= REQUESTS_MAX) return rows.map((row) => required(row, 'tenant_id'));
  throw new LetheError(
    'INVALID_INPUT',
    `to: more than ${REQUESTS_MAX} requests were received; ask for a shorter period`,
    { field: 'to' },
  );
}

/** Without any tenant, UTC. */
async function zonesOf(control: Sql): Promise<readonly string[]> {
  const rows = await textRows(control, 'SELECT DISTINCT zone FROM tenants ORDER BY zone');
  return ['UTC', ...rows.map((row) => required(row, 'zone'))];
}

/** What is read once for each tenant. */
interface Records extends KnownEnds {
  readonly orders: readonly OrderRecord[];
  readonly senders: ReadonlyMap<string, string>;
}

async function reportTenant(
  { control, evidence, derive }: ReportPorts,
  tenantId: string,
  period: ReportPeriod,
): Promise<readonly ReportedRequest[]> {
  const facts = await readTenantFacts(control, tenantId);
  if (facts === null) throw new Error(`tenant ${tenantId} has requests and no row of its own`);
  const cohorts = await readCohorts(control, tenantId);
  const shown = await readRequests(control, facts, cohorts);
  const records: Records = {
    ...{ facts, derive, cohorts, orders: await readOrders(control, tenantId) },
    ...(await readTurns(control, tenantId)),
    missed: await readMissed(control, tenantId),
    closings: await readClosings(control, tenantId),
    senders: await readSenders(control, tenantId),
    certified: await readCertifiedEnds(evidence, tenantId),
  };
  return shown
    .filter(({ receivedAt }) => isInPeriod(receivedAt, period, facts.zone))
    .map((request) => reportRequest(request, records));
}

function reportRequest(shown: RequestRecord, records: Records): ReportedRequest {
  const { facts, orders, senders } = records;
  const request = facts.requests.find(({ requestId }) => requestId === shown.requestId);
  if (request === undefined) throw new Error('a request that is shown is among the facts');
  const { requestId, recordClass, receivedAt, withdrawnAt } = request;
  const { dueDays, latestAt, provisional, isOver, missed, endedAt } = endsOf(request, records);
  const outcome = outcomeOf({
    state: shown.state,
    withdrawn: withdrawnAt !== null,
    isOver,
    missed,
  });
  const fulfilledAt = isOver && withdrawnAt === null ? endedAt : null;
  const until = withdrawnAt ?? fulfilledAt ?? facts.now;
  return {
    ...{ requestId, tenantId: facts.tenantId, zone: facts.zone, recordClass, receivedAt },
    receivedOn: dateOf(parseInstant(receivedAt, 'receivedAt'), facts.zone),
    ...{ state: shown.state, outcome, internalDueAt: internalStopOf(receivedAt) },
    ...{ latestAt, provisional, fulfilledAt, withdrawnAt },
    days: daysBetween(receivedAt, until, facts.zone),
    missed,
    requestedBy: senders.get(requestId) ?? null,
    ...orderedBy(orders.find(({ orderId }) => orderId === shown.orderId)),
    stops: stopsOf(orders, requestId),
    holds: delaying(request, records, until),
    paged: shown.paged,
    dueDays,
  };
}

type Ordered = Pick<ReportedRequest, 'orderId' | 'orderedBy' | 'approvedBy' | 'approvedAt'>;

const orderedBy = (order: OrderRecord | undefined): Ordered =>
  order === undefined
    ? { orderId: null, orderedBy: null, approvedBy: [], approvedAt: null }
    : {
        orderId: order.orderId,
        orderedBy: order.orderedBy,
        approvedBy: order.approvedBy,
        approvedAt: order.approvedAt,
      };

const stopsOf = (orders: readonly OrderRecord[], requestId: string): ReportedRequest['stops'] =>
  orders.flatMap(({ orderId, requestIds, state, stopped }) =>
    requestIds.includes(requestId) &&
    stopped !== null &&
    (state === 'denied' || state === 'revoked')
      ? [{ orderId, state, ...stopped }]
      : [],
  );

/** Holds over what it covers, or over its class while nothing is sealed, between its receipt and its end. */
function delaying(request: RequestFact, records: Records, until: string): readonly DelayingHold[] {
  const covered = coveredBy(request, records);
  const holds = records.facts.holds.filter(
    (hold) =>
      hold.placedAt < until &&
      (hold.releasedAt === null || hold.releasedAt > request.receivedAt) &&
      (covered.length === 0
        ? hold.recordClass === null || hold.recordClass === request.recordClass
        : covered.some((cohort) => mayCover(hold, cohort))),
  );
  return [...new Map(holds.map((hold) => [hold.holdId, hold])).values()].map(
    ({ holdId, placedAt, releasedAt }) => ({ holdId, placedAt, releasedAt }),
  );
}
