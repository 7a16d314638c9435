import { LetheError } from '../../domain/errors';
import { parseInstant } from '../../domain/instants';
import { parseId } from '../../domain/identifiers';
import type {
  ControlReader,
  DeadlineFilter,
  DeadlineList,
  HeldDueDay,
  HoldFilter,
  HoldPage,
  TenantDueDay,
  TenantPage,
  WindowVersion,
} from '../../contracts/control-reader';
import type { LifecycleSnapshot, ProcessStatus } from '../../contracts/snapshot';
import type { SqlPool } from '../../contracts/sql';
import { readBackups } from './backups';
import { readTrips } from './breaker';
import { readCaps } from './caps';
import { createEvidenceReading } from './read-certificates';
import { areDecisionsSigned, auditDecisions } from './decisions';
import { readApprovalRules, readChanges } from './read-authority';
import { bandOf } from './next-due';
import { readActivations } from './policies';
import { readForecast } from './read-forecast';
import { createOrderReading } from './read-orders';
import { readProgress } from './read-progress';
import { IN_FORCE, listHolds, readHold, readHoldsOf } from './read-holds';
import { readFreezes } from './read-interlocks';
import { readDueDays, readDueDaysOf, readSnapshot } from './read-snapshot';
import { readSigners } from './signers';
import { required, textRow, textRows, toInstant, toInstantOrNull, toSqlTime } from './sql-text';
import { databaseNow } from './tenant-facts';

/** Tenants that one list of deadlines covers, and ids of one page at most. */
const TENANTS_MAX = 500;
const PAGE = 100;

/**
 * Reads control and evidence with the reader's logins, which can insert nothing. Everything is computed
 * from the rows at each call, so the answer is right when no process runs.
 *
 * @param control - pool of role `reader` on the control database.
 * @param evidence - pool of role `reader` on the evidence database.
 */
export function createControlReader(control: SqlPool, evidence: SqlPool): ControlReader {
  return {
    status: async (tenantId) => readStatus(control, tenant(tenantId)),
    deadlines: async (tenantId) => readDueDays(control, tenant(tenantId)),
    deadlinesUnder: async (holdId) =>
      readDeadlinesUnder(control, parseId('HoldId', holdId, 'holdId')),
    deadlinesOf: async (filter) => readDeadlines(control, filter),
    listTenants: async (page) => readTenants(control, page ?? {}),
    windowsOf: async (tenantId, runId, dueOn) =>
      readWindows(control, { tenantId: tenant(tenantId), runId, dueOn }),
    listHoldsInForce: async (page) => readHoldsInForce(control, page ?? {}),
    holdsOf: async (tenantId) => readHoldsOf(control, tenant(tenantId)),
    listHolds: async (filter) => listHolds(control, checkedFilter(filter)),
    hold: async (holdId) => readHold(control, parseId('HoldId', holdId, 'holdId')),
    progress: async (tenantId) => readProgress(control, tenant(tenantId)),
    freezes: async (tenantId) =>
      readFreezes(control, tenantId === undefined ? undefined : tenant(tenantId)),
    backups: async () => readBackups(control),
    forecast: async () => readForecast(control),
    caps: async () => readCaps(control),
    policyActivations: async () => readActivations(control),
    trips: async () => readTrips(control),
    ...createOrderReading(control),
    signers: async () => readSigners(control),
    authorityChanges: async () => readChanges(control),
    approvalRules: async () => readApprovalRules(control),
    decisionsSigned: async () => areDecisionsSigned(control),
    signedDecisions: async () => auditDecisions(control),
    ...createEvidenceReading(evidence),
  };
}

const tenant = (tenantId: string): string => parseId('TenantId', tenantId, 'tenantId');

function checkedFilter(filter: HoldFilter): HoldFilter {
  if (filter.tenantId !== undefined) tenant(filter.tenantId);
  if (filter.after !== undefined) parseId('HoldId', filter.after, 'after');
  return filter;
}

async function readStatus(control: SqlPool, tenantId: string): Promise<ProcessStatus | null> {
  const snapshot = await readSnapshot(control, tenantId);
  if (snapshot.stage === 'unknown') return null;
  return { ...snapshot, tenantId, waitsFor: waitsForOf(snapshot), source: 'control' };
}

/** What the tenant's process would wait for with these facts, in the words of the process. */
export function waitsForOf(snapshot: LifecycleSnapshot): string {
  const [work] = snapshot.work;
  if (snapshot.ended) return 'nothing: every promise is kept';
  if (work?.kind === 'scan') return `scan ${work.scanId}`;
  if (work?.kind === 'dispose') return `${work.mode} of ${work.recordClass}`;
  if (snapshot.nextDueAt !== null) return `the window that opens at ${snapshot.nextDueAt}`;
  return snapshot.blockedOn === 'hold' ? 'the release of a hold' : 'a command';
}

async function readDeadlines(control: SqlPool, filter: DeadlineFilter): Promise<DeadlineList> {
  if (filter.before !== undefined) parseInstant(filter.before, 'before');
  const before = filter.before === undefined ? null : toSqlTime(filter.before);
  const now = await databaseNow(control);
  const rows = await textRows(control, OPEN_TENANTS, [before, before]);
  const dueDays: TenantDueDay[] = [];
  const tenantIds = rows.slice(0, TENANTS_MAX).map((row) => required(row, 'tenant_id'));
  for await (const { tenantId, dueDays: days } of readDueDaysOf(control, tenantIds)) {
    for (const day of days) {
      const held = day.deleteNotBefore === null && day.waitsForOrder !== true ? 1 : 0;
      dueDays.push({ ...day, tenantId, band: bandOf({ now }, [day], held) });
    }
  }
  const limit = before === null ? null : toInstant(before);
  return {
    dueDays: dueDays
      .filter((day) => filter.band === undefined || day.band === filter.band)
      .filter((day) => limit === null || (day.latestAt !== null && day.latestAt < limit))
      .sort((a, b) => order(a).localeCompare(order(b))),
    complete: rows.length <= TENANTS_MAX,
  };
}

async function readDeadlinesUnder(
  control: SqlPool,
  holdId: string,
): Promise<readonly HeldDueDay[]> {
  const rows = await textRows(
    control,
    'SELECT tenant_id FROM hold_scopes WHERE hold_id = ? GROUP BY tenant_id ORDER BY MIN(scope_number)',
    [holdId],
  );
  const tenantIds = rows.map((row) => required(row, 'tenant_id'));
  const kept: HeldDueDay[] = [];
  for await (const { tenantId, dueDays } of readDueDaysOf(control, tenantIds)) {
    for (const day of dueDays) {
      const { splitFrom, heldBy = [] } = day;
      const isUnder = [splitFrom, ...heldBy].some((one) => one?.holdId === holdId);
      if (isUnder) kept.push({ ...day, tenantId });
    }
  }
  return kept;
}

const order = (day: TenantDueDay): string => `${day.latestAt ?? '9'} ${day.tenantId} ${day.dueOn}`;

/** Tenants with a cohort that is not over, those whose newest window ends first in front. */
const OPEN_TENANTS = `
  SELECT c.tenant_id FROM cohorts c
    LEFT JOIN cohort_windows w ON w.run_id = c.run_id AND w.due_on = c.due_on
      AND w.window_number = (SELECT MAX(n.window_number) FROM cohort_windows n
                              WHERE n.run_id = c.run_id AND n.due_on = c.due_on)
   WHERE (? IS NULL OR w.latest_at < ?)
     AND NOT EXISTS (SELECT 1 FROM cohort_states s WHERE s.run_id = c.run_id AND s.due_on = c.due_on
                      AND s.state IN ('certified', 'restored', 'superseded'))
   GROUP BY c.tenant_id ORDER BY MIN(w.latest_at) IS NULL, MIN(w.latest_at), c.tenant_id LIMIT ${TENANTS_MAX + 1}`;

interface Paging {
  readonly after?: string;
  readonly limit?: number;
}

async function readTenants(control: SqlPool, page: Paging): Promise<TenantPage> {
  const after = page.after === undefined ? '' : parseId('TenantId', page.after, 'after');
  const { ids, next } = await readPage(
    control,
    { after, limit: limitOf(page) },
    (limit) =>
      `SELECT tenant_id AS id FROM tenants WHERE tenant_id > ? ORDER BY tenant_id LIMIT ${limit}`,
  );
  return { tenantIds: ids, next };
}

async function readHoldsInForce(control: SqlPool, page: Paging): Promise<HoldPage> {
  const after = page.after === undefined ? '' : parseId('HoldId', page.after, 'after');
  const { ids, next } = await readPage(
    control,
    { after, limit: limitOf(page) },
    (limit) =>
      `SELECT h.hold_id AS id FROM holds h
      WHERE h.hold_id > ? AND ${IN_FORCE}
      ORDER BY h.hold_id LIMIT ${limit}`,
  );
  return { holdIds: ids, next };
}

async function readPage(
  control: SqlPool,
  { after, limit }: { readonly after: string; readonly limit: number },
  statement: (limit: number) => string,
): Promise<{ readonly ids: readonly string[]; readonly next: string | null }> {
  const rows = await textRows(control, statement(limit + 1), [after]);
  const ids = rows.slice(0, limit).map((row) => required(row, 'id'));
  return { ids, next: rows.length > limit ? (ids.at(-1) ?? null) : null };
}

function limitOf(page: Paging): number {
  const limit = page.limit ?? PAGE;
  if (Number.isInteger(limit) && limit >= 1 && limit <= TENANTS_MAX) return limit;
  throw new LetheError('INVALID_INPUT', `limit must be an integer from 1 to ${TENANTS_MAX}`, {
    field: 'limit',
  });
}

async function readWindows(
  control: SqlPool,
  cohort: { readonly tenantId: string; readonly runId: string; readonly dueOn: string },
): Promise<readonly WindowVersion[]> {
  const runId = parseId('RunId', cohort.runId, 'runId');
  if (!/^\d{4}-\d{2}-\d{2}$/.test(cohort.dueOn)) {
    throw new LetheError('INVALID_INPUT', 'dueOn must be a civil date like 2026-12-31', {
      field: 'dueOn',
    });
  }
  const known = await textRow(
    control,
    'SELECT run_id FROM cohorts WHERE tenant_id = ? AND run_id = ? AND due_on = ?',
    [cohort.tenantId, runId, cohort.dueOn],
  );
  if (known === null) return [];
  const rows = await textRows(
    control,
    `SELECT window_number, earliest_at, delete_not_before, latest_at, computed_at, derivation
       FROM cohort_windows WHERE run_id = ? AND due_on = ? ORDER BY window_number DESC`,
    [runId, cohort.dueOn],
  );
  return rows.map((row) => ({
    windowNumber: Number(required(row, 'window_number')),
    earliestAt: toInstantOrNull(row['earliest_at']),
    deleteNotBefore: toInstantOrNull(row['delete_not_before']),
    latestAt: toInstantOrNull(row['latest_at']),
    computedAt: toInstant(required(row, 'computed_at')),
    derivation: JSON.parse(required(row, 'derivation')) as WindowVersion['derivation'],
  }));
}
