import type { LiveView } from '../contracts/live-counts';
import type { OrderOverview, RequestRecord } from '../contracts/order-records';
import type { DeletionPlan, PlannedCohort } from '../contracts/orders';
import { LetheError } from '../domain/errors';
import { stepLines } from './step-text';
import { facts, table } from './output';

/** The refusal of an id that the tenant has no order of. */
export const unknownOrder = (): LetheError =>
  new LetheError(
    'UNKNOWN_ORDER',
    'order names no order of this tenant; lethe order list shows them',
    { field: 'order' },
  );

/** A plan as a person reads it before ordering: what goes, what stays and why, from when and until when. */
export function describePlan(plan: DeletionPlan): string {
  const goes = plan.goes.flatMap((cohort) =>
    Object.entries(cohort.counts).map(([location, records]) => [
      ...[cohort.recordClass, cohort.dueOn, location, records],
      ...[cohort.deleteNotBefore, cohort.latestAt, cohort.withoutOrderFrom],
      cohort.marks.join(', ') || null,
    ]),
  );
  const stays = plan.stays.map(({ recordClass, what, why, dueOn, records, marks }) => [
    ...[recordClass, what, why, dueOn, records ?? 'not counted', marks.join(', ') || null],
  ]);
  const head = [
    ...['record class', 'due on', 'location', 'records', 'from', 'latest', 'without order'],
    'kept by',
  ];
  return [
    facts([
      ['tenant', plan.tenantId],
      ['requests', plan.requestIds.join(', ')],
      ['holds', plan.holds.join(', ') || null],
      ['policy', plan.policyVersions.join(', ')],
      [
        'can be ordered',
        plan.ready ? 'yes' : 'not yet: something is not sealed, or nothing is left',
      ],
      ['plan digest', plan.planDigest],
      ['as of', plan.asOf],
    ]),
    goes.length === 0 ? '\nnothing would go\n' : `\nwould go\n${table(head, goes)}`,
    stays.length === 0
      ? ''
      : `\nstays\n${table(['record class', 'what', 'why', 'due on', 'records', 'kept by'], stays)}`,
    ...plan.goes.map(describeDates),
  ].join('');
}

/** The steps that led to the dates of a cohort, as `explain` tells them. */
function describeDates({ runId, dueOn, derivation }: PlannedCohort): string {
  const lines = stepLines(derivation);
  return lines === '' ? '' : `\ndates of ${dueOn} (${runId})\n${lines}`;
}

/** A plan with what the live stores hold beside it. */
export function describePreview(plan: DeletionPlan, { live, liveAsOf }: LiveView): string {
  const rows = live.map(({ location, recordClass, records }) => [
    ...[recordClass, location, records ?? 'not counted'],
  ]);
  const missing = live
    .filter(({ records }) => records === null)
    .map(({ location, missing: code }) => `not counted: ${location} (${code ?? 'unknown'})\n`);
  return [
    describePlan(plan),
    `\nlive now (not part of the plan digest), as of ${liveAsOf}\n`,
    table(['record class', 'location', 'records'], rows),
    ...missing,
  ].join('');
}

/** Requests and orders as people read them. */
export function describeOrders({ requests, orders }: OrderOverview): string {
  const rows = orders.map((order) => [
    ...[order.orderId, order.state, order.requestIds.join(', '), order.orderedBy],
    ...[order.approvedBy.join(', ') || null, order.submittedAt, order.expiresAt],
  ]);
  const head = ['order', 'state', 'requests', 'signed by', 'approved by', 'submitted', 'expires'];
  return [
    requests.length === 0 ? 'no requests\n' : requestTable(requests),
    rows.length === 0 ? '\nno orders\n' : `\n${table(head, rows)}`,
  ].join('');
}

/** Requests with their states. */
export const requestTable = (requests: readonly RequestRecord[]): string =>
  table(
    ['request', 'record class', 'state', 'received', 'latest', 'order'],
    requests.map((request) => [
      ...[request.requestId, request.recordClass, request.state, request.receivedAt],
      ...[request.latestAt, request.orderId],
    ]),
  );
