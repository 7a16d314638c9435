import type { Sql } from '../../contracts/sql';
import { textRow } from '../control/sql-text';
import { closeEvent, markRun, type RunRow } from './run-rows';

/**
 * Whether a run still has its reason: `stands`; `restoring` when the tenant came back after it was
 * sealed; `fallen` when the reason went away before anything was sealed.
 */
export type Standing = 'stands' | 'restoring' | 'fallen';

/**
 * Reads whether the run's event still stands. The permits ask the same question again under the
 * interlock's lock; this reading only spares work that they would refuse.
 */
export async function standingOf(control: Sql, run: RunRow): Promise<Standing> {
  if (run.states.has('superseded')) return 'fallen';
  const row = await textRow(
    control,
    `SELECT (SELECT COUNT(*) FROM cohorts WHERE run_id = ?) AS cohorts,
            (SELECT COUNT(*) FROM cohort_states WHERE run_id = ?
               AND state IN ('restoring', 'restored', 'superseded')) AS returning_cohorts,
            (SELECT COUNT(*) FROM deletion_withdrawals
              WHERE tenant_id = ? AND request_id = ?) AS withdrawn,
            (SELECT COUNT(*) FROM run_subjects r
               JOIN subscriptions s ON s.tenant_id = ? AND s.subject = r.subject
               LEFT JOIN subscription_ends e
                 ON e.tenant_id = s.tenant_id AND e.subscription_id = s.subscription_id
              WHERE r.run_id = ? AND e.subscription_id IS NULL) AS in_use`,
    [run.runId, run.runId, run.tenantId, run.eventRef, run.tenantId, run.runId],
  );
  const count = (column: string): number => Number(row?.[column] ?? NaN);
  if (count('returning_cohorts') > 0) return 'restoring';
  if (count('cohorts') > 0) return 'stands';
  const gone = run.eventKind === 'request' ? count('withdrawn') : count('in_use');
  return gone === 0 ? 'stands' : 'fallen';
}

/**
 * Records that nothing further comes of the run: it never was, or a restore takes over what was sealed.
 * Its event is over when no other run of it is open.
 */
export async function abandonRun(
  control: Sql,
  run: RunRow,
  standing: Exclude<Standing, 'stands'>,
): Promise<void> {
  await markRun(control, run.runId, standing === 'fallen' ? 'superseded' : 'recalled');
  await closeFinishedEvent(control, run);
}

/** Closes the run's event once every run of it has been moved or abandoned. */
export async function closeFinishedEvent(control: Sql, run: RunRow): Promise<void> {
  const open = await textRow(
    control,
    `SELECT COUNT(*) AS open FROM runs r WHERE r.tenant_id = ? AND r.event_id = ?
       AND NOT EXISTS (SELECT 1 FROM run_states s WHERE s.run_id = r.run_id
                        AND s.state IN ('moved', 'superseded', 'recalled'))`,
    [run.tenantId, run.eventId],
  );
  if (Number(open?.['open'] ?? 1) === 0) await closeEvent(control, run.tenantId, run.eventId);
}
