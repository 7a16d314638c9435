import type { CommandKind } from '../../contracts/commands';
import { isWaiting, readCohorts, type CohortRow } from './cohort-rows';
import { insertRow, recordEvent, type EffectContext } from './command-context';
import { required, textRows, toSqlTime } from './sql-text';
import { isOfArchive } from './strays';
import type { TenantFacts, UsePeriod } from './tenant-facts';

type Context = Pick<EffectContext<CommandKind>, 'sql' | 'tenantId' | 'now'>;

/**
 * The use continues: what was archived and has not matured comes back. A cohort whose termination rule
 * was reached before the new period began is not revived. @source AB-2
 *
 * @returns how many cohorts will be restored.
 */
export async function reviveArchived(
  context: Context,
  isConcerned: (cohort: CohortRow) => boolean,
): Promise<number> {
  const waiting = (await readCohorts(context.sql, context.tenantId)).filter(
    (cohort) => isWaiting(cohort.state) && isConcerned(cohort),
  );
  const revived = waiting.filter(
    (cohort) => cohort.baseEarliestAt === null || cohort.baseEarliestAt > context.now,
  );
  // What was found in the archive has nothing to bring back: it is found again when the use ends.
  const isArchived = (cohort: CohortRow): boolean =>
    cohort.recordClass === 'asset-basic-data' && !isOfArchive(cohort);
  for (const cohort of revived) {
    await insertRow(context.sql, 'cohort_states', {
      run_id: cohort.runId,
      due_on: cohort.dueOn,
      state: isArchived(cohort) ? 'restoring' : 'superseded',
      at: toSqlTime(context.now),
    });
  }
  for (const runId of new Set(revived.filter(isArchived).map((cohort) => cohort.runId))) {
    await recordEvent(context, {
      kind: 'restore',
      ref: runId,
      at: context.now,
      recordClass: 'asset-basic-data',
    });
  }
  return revived.length;
}

/**
 * What was archived although an asset of it is in use under another service comes back: the asset was
 * linked after its run was planned, or belongs to whatever the tenant has. The other assets of the run are
 * archived anew under the end of their own services. @source AB-2, HS-1
 *
 * @returns how many cohorts will be restored.
 */
export async function reviveContinued(
  context: Context & { readonly facts: Pick<TenantFacts, 'periods' | 'requests'> },
): Promise<number> {
  const rows = await textRows(
    context.sql,
    'SELECT DISTINCT run_id, due_on FROM continued_cohorts WHERE tenant_id = ?',
    [context.tenantId],
  );
  if (rows.length === 0) return 0;
  const continued = new Set(
    rows.map((row) => `${required(row, 'run_id')} ${required(row, 'due_on')}`),
  );
  const ends = new Set<string>();
  const revived = await reviveArchived(context, (cohort) => {
    if (cohort.eventKind === 'request' && !isTakenOver(cohort, context.facts)) return false;
    if (!continued.has(`${cohort.runId} ${cohort.dueOn}`)) return false;
    const end = lastEndOf(context.facts, cohort.subjects);
    if (end !== undefined) ends.add(end.subscriptionId);
    return true;
  });
  if (revived === 0) return 0;
  for (const period of context.facts.periods) {
    if (!ends.has(period.subscriptionId) || period.endedAt === null) continue;
    await recordEvent(context, {
      kind: 'termination',
      ref: period.subscriptionId,
      at: period.endedAt,
      recordClass: 'asset-basic-data',
    });
  }
  return revived;
}

/** Archived for a request that was withdrawn after its services had ended: their end rules it. */
export const isTakenOver = (cohort: CohortRow, facts: Pick<TenantFacts, 'requests'>): boolean =>
  cohort.eventKind === 'request' &&
  cohort.recordClass === 'asset-basic-data' &&
  facts.requests.some(
    (request) => request.requestId === cohort.eventRef && request.withdrawnAt !== null,
  );

/** The period in which the last of `subjects` ended; undefined while one of them is in use. */
export function lastEndOf(
  facts: Pick<TenantFacts, 'periods'>,
  subjects: readonly string[],
): UsePeriod | undefined {
  const periods = facts.periods.filter(({ subject }) => subjects.includes(subject));
  if (periods.some(({ endedAt }) => endedAt === null)) return undefined;
  return [...periods].sort((a, b) => (a.endedAt ?? '').localeCompare(b.endedAt ?? '')).at(-1);
}

/** Closes events of `kinds` that no run has been planned for: there is nothing to dispose of any more. */
export async function closeUnplannedEvents(
  context: Context,
  selection: { readonly kind: string; readonly refs: readonly string[] },
): Promise<void> {
  const rows = await textRows(
    context.sql,
    `SELECT e.event_id, e.event_ref FROM events e
       LEFT JOIN event_closings c ON c.tenant_id = e.tenant_id AND c.event_id = e.event_id
       LEFT JOIN runs r ON r.event_id = e.event_id
      WHERE e.tenant_id = ? AND e.event_kind = ? AND c.event_id IS NULL AND r.run_id IS NULL`,
    [context.tenantId, selection.kind],
  );
  for (const row of rows) {
    if (!selection.refs.includes(required(row, 'event_ref'))) continue;
    await insertRow(context.sql, 'event_closings', {
      tenant_id: context.tenantId,
      event_id: required(row, 'event_id'),
      closed_at: toSqlTime(context.now),
    });
  }
}
