import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { DeletionPlan, PlanMark, PlannedCohort, StayingData } from '../../contracts/orders';
import type { Sql } from '../../contracts/sql';
import { LetheError } from '../../domain/errors';
import { mayCover } from '../../domain/hold-scope';
import { parseInstant } from '../../domain/instants';
import type { RecordClass } from '../../domain/record-class';
import { RETENTION_SCHEDULE } from '../../domain/retention-schedule';
import { minimumElapsed } from '../../domain/windows/termination';
import { isWaiting, readCohorts, type CohortRow } from './cohort-rows';
import { covers } from './governing-facts';
import { readOpenRequests } from './read-requests';
import { required, textRows } from './sql-text';
import { activeServices, type RequestFact, type TenantFacts } from './tenant-facts';

/**
 * What the named requests would end, and what they would leave; all standing ones when none is named.
 * Only what is sealed is planned: its ids, counts and days do not change any more, so that what is
 * approved is what is destroyed. Reading, so safe to repeat; a login that can only read is enough.
 *
 * @throws LetheError UNKNOWN_REQUEST when one of them does not stand.
 * @source CC-2, DR-1
 */
export async function readPlan(
  sql: Sql,
  facts: TenantFacts,
  requestIds?: readonly string[],
): Promise<DeletionPlan> {
  const requests = standing(facts, requestIds);
  const cohorts = (await readCohorts(sql, facts.tenantId)).filter(({ state }) => isWaiting(state));
  const counts = await readCounts(sql, facts.tenantId);
  const goes = cohorts
    .map((cohort) => planned(cohort, { facts, requests, counts }))
    .filter((cohort) => cohort.requestIds.length > 0)
    .sort((a, b) => `${a.dueOn} ${a.runId}`.localeCompare(`${b.dueOn} ${b.runId}`));
  const scope = [...new Set(requests.map(({ recordClass }) => recordClass))].sort();
  const plan = {
    tenantId: facts.tenantId,
    requestIds: requests.map(({ requestId }) => requestId).sort(),
    scope,
    policyVersions: facts.policyVersions,
    holds: facts.holds
      .filter(({ releasedAt }) => releasedAt === null)
      .filter(({ recordClass }) => recordClass === null || scope.includes(recordClass))
      .map(({ holdId }) => holdId)
      .sort(),
    goes,
  };
  const open = await readOpenRequests(sql, facts.tenantId);
  return {
    ...plan,
    stays: staying(facts, cohorts, goes),
    ready: goes.length > 0 && !requests.some(({ requestId }) => open.has(requestId)),
    planDigest: digestOf(plan),
    asOf: facts.now,
  };
}

function standing(
  facts: TenantFacts,
  requestIds: readonly string[] | undefined,
): readonly RequestFact[] {
  const all = facts.requests.filter(({ withdrawnAt }) => withdrawnAt === null);
  if (requestIds === undefined) return all;
  return requestIds.map((requestId) => {
    const request = all.find((known) => known.requestId === requestId);
    if (request !== undefined) return request;
    throw new LetheError(
      'UNKNOWN_REQUEST',
      'requestId names no standing request; `lethe order list` shows them',
      {
        field: 'requestId',
      },
    );
  });
}

interface Beside {
  readonly facts: TenantFacts;
  readonly requests: readonly RequestFact[];
  readonly counts: ReadonlyMap<string, Readonly<Record<string, number>>>;
}

function planned(cohort: CohortRow, { facts, requests, counts }: Beside): PlannedCohort {
  const { runId, dueOn, recordClass, earliestAt, latestAt } = cohort;
  return {
    ...{ runId, dueOn, recordClass, earliestAt, latestAt },
    requestIds: requests
      .filter((request) => request.recordClass === recordClass)
      .filter(({ requestId, receivedAt }) => covers(cohort, requestId, receivedAt))
      .map(({ requestId }) => requestId)
      .sort(),
    counts: counts.get(`${runId} ${dueOn}`) ?? {},
    deleteNotBefore: cohort.requestedNotBefore,
    withoutOrderFrom: cohort.endedNotBefore,
    derivation: cohort.derivation,
    marks: marksOf(facts, cohort),
  };
}

/** What keeps a cohort now; a hold counts as the permits count it, so that what is not known is held. */
function marksOf(facts: TenantFacts, cohort: CohortRow): readonly PlanMark[] {
  const isHeld = facts.holds.some((hold) => hold.releasedAt === null && mayCover(hold, cohort));
  return [
    ...(isHeld ? (['under-hold'] as const) : []),
    ...(isYoung(facts, cohort) ? (['before-minimum'] as const) : []),
  ];
}

/** Whether the floor of the agreement still lies ahead; later policies can only lengthen it. @source AB-1 */
function isYoung({ now }: TenantFacts, { recordClass, newestObservedAt }: CohortRow): boolean {
  if (recordClass !== 'asset-basic-data' || newestObservedAt === null) return false;
  const collectedAt = parseInstant(newestObservedAt, 'newestObservedAt');
  const observation = { collectedAt, statutoryLog: false };
  const over = minimumElapsed(observation, RETENTION_SCHEDULE.parameters);
  return parseInstant(now, 'now') < over;
}

/** Of what is live no due day is known: a hold over the class, or over anything in it, may cover it. */
const marksOfLive = (facts: TenantFacts, recordClass: RecordClass): readonly PlanMark[] =>
  facts.holds.some(
    (hold) =>
      hold.releasedAt === null && (hold.recordClass === null || hold.recordClass === recordClass),
  )
    ? ['under-hold']
    : [];

async function readCounts(
  sql: Sql,
  tenantId: string,
): Promise<ReadonlyMap<string, Readonly<Record<string, number>>>> {
  const rows = await textRows(
    sql,
    `SELECT n.run_id, n.due_on, n.location, n.records FROM cohort_counts n
       JOIN cohorts c ON c.run_id = n.run_id AND c.due_on = n.due_on
      WHERE c.tenant_id = ? ORDER BY n.location`,
    [tenantId],
  );
  const counts = new Map<string, Record<string, number>>();
  for (const row of rows) {
    const key = `${required(row, 'run_id')} ${required(row, 'due_on')}`;
    const known = counts.get(key) ?? {};
    known[required(row, 'location')] = Number(required(row, 'records'));
    counts.set(key, known);
  }
  return counts;
}

function staying(
  facts: TenantFacts,
  cohorts: readonly CohortRow[],
  goes: readonly PlannedCohort[],
): readonly StayingData[] {
  const going = new Set(goes.map(({ runId, dueOn }) => `${runId} ${dueOn}`));
  const others = cohorts
    .filter(({ runId, dueOn }) => !going.has(`${runId} ${dueOn}`))
    .map((cohort) => ({
      what: 'cohort' as const,
      recordClass: cohort.recordClass,
      why: 'not-requested' as const,
      runId: cohort.runId,
      dueOn: cohort.dueOn,
      records: cohort.records,
      marks: marksOf(facts, cohort),
    }));
  const live = { runId: null, dueOn: null, records: null };
  return [
    ...others,
    ...(facts.generation > 0
      ? [
          {
            ...live,
            what: 'configuration' as const,
            recordClass: 'console-configuration-data' as const,
            why: 'received-later' as const,
            marks: marksOfLive(facts, 'console-configuration-data'),
          },
        ]
      : []),
    ...(activeServices(facts).length > 0
      ? [
          {
            ...live,
            what: 'assets' as const,
            recordClass: 'asset-basic-data' as const,
            why: 'in-use' as const,
            marks: marksOfLive(facts, 'asset-basic-data'),
          },
        ]
      : []),
  ];
}

/**
 * Instants of the windows are left out: they move with calendars, and what goes does not. So are marks,
 * which move with the clock; holds themselves are covered.
 */
function digestOf(plan: Omit<DeletionPlan, 'stays' | 'ready' | 'planDigest' | 'asOf'>): string {
  const material = {
    ...plan,
    version: 1,
    goes: plan.goes.map(({ runId, dueOn, recordClass, requestIds, counts }) => ({
      ...{ runId, dueOn, recordClass, requestIds, counts },
    })),
  };
  return createHash('sha256')
    .update(canonicalize(material) ?? '')
    .digest('hex');
}
