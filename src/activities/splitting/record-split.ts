import { cohortKeyRef } from '../../contracts/keys';
import type { Sql } from '../../contracts/sql';
import { LetheError } from '../../domain/errors';
import type { CohortRow } from '../control/cohort-rows';
import { insertRow } from '../control/command-context';
import { textRow, toSqlTime } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import { markRun } from '../disposition/run-rows';
import { unlessTakenOver } from '../disposition/seal-rows';
import type { ArchivePorts } from '../disposition/ports';

/** A split as it goes on record; null when the hold covers nothing of the due day. */
export interface RecordedSplit {
  readonly tenantId: string;
  readonly cohort: Pick<CohortRow, 'runId' | 'dueOn'>;
  readonly holdId: string;
  readonly withheldRunId: string | null;
  /** The run whose event it stands on where control has lost the one that was split; absent: that one. */
  readonly likeRunId?: string;
  /** When it was made, for one that control has lost; absent: now. */
  readonly lostAt?: string;
}

/**
 * Puts a split on record, and with it the run that withholds: it stands on the event of the run that was split,
 * with the same services, and is archived and moved as that one is.
 *
 * Effect: one transaction under the tenant's lock.
 * @idempotency a split of a due day for a hold is on record once; a repetition is TAKEN_OVER.
 * @throws LetheError TAKEN_OVER when the hold was released, the due day is on its way out or back, what was
 * written was found as a stray meanwhile, or somebody else was faster. One that was lost stands whatever became of
 * hold and due day since.
 * @source CC-4
 */
export async function recordSplit(
  { control }: Pick<ArchivePorts, 'control'>,
  split: RecordedSplit,
): Promise<void> {
  const { tenantId, cohort, holdId, withheldRunId, likeRunId = cohort.runId, lostAt } = split;
  await unlessTakenOver(() =>
    control.transaction(async (sql) => {
      await sql.execute('CALL lock_tenant(?)', [tenantId]);
      await assertStillOfUse(sql, split);
      const now = await databaseNow(sql);
      if (withheldRunId !== null) await insertRun(sql, likeRunId, withheldRunId);
      await insertRow(sql, 'cohort_splits', {
        ...{ run_id: cohort.runId, due_on: cohort.dueOn, hold_id: holdId, tenant_id: tenantId },
        withheld_run_id: withheldRunId,
        split_at: toSqlTime(lostAt ?? now),
      });
    }),
  );
}

async function insertRun(sql: Sql, runId: string, withheldRunId: string): Promise<void> {
  await sql.execute(
    `INSERT INTO runs (run_id, tenant_id, event_id, record_class, event_kind, event_ref, event_at, generation,
       cutoff_at, generation_from, generation_to, created_at)
     SELECT ?, tenant_id, event_id, record_class, event_kind, event_ref, event_at, generation,
       cutoff_at, generation_from, generation_to, created_at FROM runs WHERE run_id = ?`,
    [withheldRunId, runId],
  );
  await sql.execute(
    'INSERT INTO run_subjects (run_id, subject) SELECT ?, subject FROM run_subjects WHERE run_id = ?',
    [withheldRunId, runId],
  );
  for (const state of ['archived', 'moved']) await markRun(sql, withheldRunId, state);
}

async function assertStillOfUse(
  sql: Sql,
  { tenantId, cohort, holdId, withheldRunId, lostAt }: RecordedSplit,
): Promise<void> {
  const row = await textRow(
    sql,
    `SELECT (SELECT COUNT(*) FROM released_holds WHERE hold_id = ?) AS released,
            (SELECT COUNT(*) FROM cohort_states WHERE run_id = ? AND due_on = ?) AS under_way,
            (SELECT COUNT(*) FROM stray_archives WHERE tenant_id = ? AND key_ref = ?) AS strays`,
    [
      ...[holdId, cohort.runId, cohort.dueOn, tenantId],
      withheldRunId === null ? '' : cohortKeyRef(withheldRunId, cohort.dueOn),
    ],
  );
  const isFree = (column: string): boolean => Number(row?.[column] ?? 1) === 0;
  const isSame = lostAt !== undefined || (isFree('released') && isFree('under_way'));
  if (isSame && isFree('strays')) return;
  throw new LetheError('TAKEN_OVER', 'the due day is no longer to be split; it is read again');
}
