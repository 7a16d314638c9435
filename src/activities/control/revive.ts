import type { CommandKind } from '../../contracts/commands';
import { isWaiting, readCohorts, type CohortRow } from './cohort-rows';
import { insertRow, recordEvent, type EffectContext } from './command-context';
import { required, textRows, toSqlTime } from './sql-text';

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
  const isArchived = (cohort: CohortRow): boolean => cohort.recordClass === 'asset-basic-data';
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
