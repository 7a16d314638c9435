import type { Command } from 'commander';
import { readRequestReport } from '../activities/control/read-request-report';
import type { ReportedRequest, RequestReport } from '../contracts/request-report';
import { LetheError } from '../domain/errors';
import { parsePeriod } from '../domain/request-report';
import { addCommand, type Cli, type CommonOptions } from './cli';
import { csvOf } from './csv';
import { facts, table } from './output';
import { shippedRule } from './shipped-rule';

interface ReportOptions extends CommonOptions {
  readonly from: string;
  readonly to: string;
  readonly csv: boolean;
}

/** `lethe order report`: every deletion request of a period and how it was kept, over all tenants. */
export function addOrderReport(order: Command, cli: Cli): void {
  addCommand(
    order,
    'report',
    'every deletion request of a period, over all tenants, and how it was kept',
  )
    .requiredOption('--from <date>', 'first day of receipt, YYYY-MM-DD, in the zone of each tenant')
    .requiredOption('--to <date>', 'the day after the last one')
    .option('--csv', 'a line for each request, for a spreadsheet', false)
    .action(
      cli.action<ReportOptions>(async ({ from, to, csv, json }, session) => {
        const period = parsePeriod(from, to);
        if (csv && json) {
          throw new LetheError('INVALID_INPUT', 'csv goes without --json; choose one of them', {
            field: 'csv',
          });
        }
        const { stores, evidence } = session;
        const control = stores.sql('reader', 'control');
        const read = await readRequestReport({ control, evidence, derive: shippedRule() }, period);
        const report = { environment: stores.environment, ...read };
        return { data: report, text: csv ? reportCsv(report) : reportText(report) };
      }),
    );
}

type NamedReport = RequestReport & { readonly environment: string };

/** The report as a person reads and files it. */
function reportText(report: NamedReport): string {
  const { period, totals, requests } = report;
  return [
    facts([
      ['environment', report.environment],
      ['received', `from ${period.from} to before ${period.to}, by the days of each tenant's zone`],
      ['as of', report.asOf],
      ['period', period.ended ? 'has ended' : 'HAS NOT ENDED: more can still be received in it'],
    ]),
    '\n',
    requests.length === 0 ? 'no requests were received\n' : requestLines(requests),
    '\n',
    facts([
      ['requests', totals.received],
      ['fulfilled in time', totals.fulfilled_in_time],
      ['fulfilled LATE', totals.fulfilled_late],
      ['open', totals.open],
      ['OVERDUE', totals.overdue],
      ['denied', totals.denied],
      ['withdrawn', totals.withdrawn],
      ['with a missed end', totals.breached],
      ['days to the end, median', totals.medianDays],
    ]),
  ].join('');
}

function requestLines(requests: readonly ReportedRequest[]): string {
  return [
    table(
      ['received', 'request', 'record class', 'state', 'kept', 'latest', 'ended', 'days', 'missed'],
      requests.map((request) => [
        ...[request.receivedAt, request.requestId, request.recordClass, request.state],
        ...[shownOutcome(request), shownLatest(request)],
        ...[request.withdrawnAt ?? request.fulfilledAt, request.days, request.missed.join(', ')],
      ]),
    ),
    '\n',
    table(
      ['request', 'tenant', 'asked by', 'signed by', 'approved by', 'denied for', 'holds'],
      requests.map((request) => [
        ...[request.requestId, request.tenantId, request.requestedBy, request.orderedBy],
        ...[request.approvedBy.join(', '), stopsOf(request), holdsOf(request)],
      ]),
    ),
    certificateLines(requests),
  ].join('');
}

function certificateLines(requests: readonly ReportedRequest[]): string {
  const rows = requests.flatMap(({ requestId, dueDays }) =>
    dueDays.flatMap(({ dueOn, destroyedAt, certificateId }) =>
      certificateId === null ? [] : [[requestId, dueOn, destroyedAt, certificateId]],
    ),
  );
  return rows.length === 0
    ? ''
    : `\n${table(['request', 'due on', 'destroyed', 'certificate'], rows)}`;
}

/** What was missed is in capitals, so that nobody overlooks it. */
const shownOutcome = ({ outcome }: ReportedRequest): string => {
  const words = outcome.replaceAll('_', ' ');
  return outcome === 'overdue' || outcome === 'fulfilled_late' ? words.toUpperCase() : words;
};

function shownLatest({ latestAt, provisional, holds, ...ends }: ReportedRequest): string | null {
  if (latestAt === null) {
    return holds.some(({ releasedAt }) => releasedAt === null) ? 'open: hold' : null;
  }
  const isOver = ends.fulfilledAt !== null || ends.withdrawnAt !== null;
  return provisional && !isOver ? `${latestAt} (provisional)` : latestAt;
}

const stopsOf = ({ stops }: ReportedRequest): string =>
  stops.map(({ orderId, state, reason }) => `${reason} (${state} ${orderId})`).join(', ');

const holdsOf = ({ holds }: ReportedRequest): string =>
  holds
    .map(({ holdId, releasedAt }) => (releasedAt === null ? `${holdId} (in force)` : holdId))
    .join(', ');

const certificatesOf = ({ dueDays }: ReportedRequest): string =>
  dueDays
    .flatMap(({ certificateId }) => (certificateId === null ? [] : [certificateId]))
    .join(', ');

const CSV_FIELDS = Object.freeze([
  ...(['environment', 'from', 'to', 'ended', 'asOf', 'requestId', 'tenantId', 'zone'] as const),
  ...(['recordClass', 'receivedAt', 'receivedOn', 'state', 'outcome', 'internalDueAt'] as const),
  ...(['latestAt', 'provisional', 'fulfilledAt', 'withdrawnAt', 'days', 'missed'] as const),
  ...(['requestedBy', 'orderId', 'orderedBy', 'approvedBy', 'approvedAt', 'stops'] as const),
  ...(['holds', 'paged', 'certificates'] as const),
] as const);

/** One line for each request; what is a list stands in one cell. A file that is passed on says of what period it is. */
function reportCsv({ environment, period, asOf, requests }: NamedReport): string {
  return csvOf(
    CSV_FIELDS,
    requests.map((request) => ({
      ...{ ...request, ...period, environment, asOf },
      missed: request.missed.join(' '),
      approvedBy: request.approvedBy.join(' '),
      stops: stopsOf(request),
      holds: request.holds.map(({ holdId }) => holdId).join(' '),
      paged: request.paged.join(' '),
      certificates: certificatesOf(request),
    })),
  );
}
