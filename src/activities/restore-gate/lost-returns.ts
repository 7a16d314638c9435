import type { Sql, SqlPool } from '../../contracts/sql';
import type { LedgerEntry } from '../../domain/evidence';
import { recordEvent } from '../control/command-context';
import { textRow, textRows } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import { markCohort } from '../disposition/run-rows';

/** A due day that came back live, as the evidence knows and control does not. */
export interface LostReturn {
  readonly tenantId: string;
  readonly runId: string;
  readonly dueOn: string;
  /** Its key was retired: what is live is all that is left of it. */
  readonly isArchiveGone: boolean;
}

/** Returns by run and due day, as entries tell of them one after the other. */
export type Returns = Map<string, LostReturn>;

/** Takes an entry that tells of a return, or of the end of the archive after it; any other changes nothing. */
export function noteReturn(returns: Returns, { kind, tenantId, details }: LedgerEntry): void {
  if (kind !== 'cohort-restored' && kind !== 'key-retired') return;
  const [runId, dueOn] = [String(details['runId']), String(details['dueOn'])];
  const isArchiveGone = kind === 'key-retired';
  returns.set(`${runId}/${dueOn}`, { tenantId: tenantId ?? '', runId, dueOn, isArchiveGone });
}

/**
 * Returns that control does not know, of due days that it does know. One that is on its way is known, until its
 * archive has ended.
 */
export async function lostReturns(control: Sql, returns: Returns): Promise<readonly LostReturn[]> {
  if (returns.size === 0) return [];
  const rows = await textRows(
    control,
    `SELECT CONCAT(run_id, '/', due_on) AS cohort, MAX(state <> 'restoring') AS is_back
       FROM cohort_states WHERE state IN ('restoring', 'returned', 'restored') GROUP BY run_id, due_on`,
  );
  const known = new Map(rows.map((row) => [row['cohort'], row['is_back'] === '1']));
  const lost: LostReturn[] = [];
  for (const [cohort, one] of returns) {
    const isBack = known.get(cohort);
    if (isBack === true || (isBack === false && !one.isArchiveGone)) continue;
    const row = await textRow(
      control,
      'SELECT run_id FROM cohorts WHERE run_id = ? AND due_on = ?',
      [one.runId, one.dueOn],
    );
    if (row !== null) lost.push(one);
  }
  return lost;
}

/**
 * Puts returns back, so that nothing takes for due or for reappeared what is live by right. Where the archive is
 * there, its run is restored again by the worker, which reads every record back; where it has ended, what is live
 * stays as it is.
 *
 * Effect: states of due days, an event for each run whose archive is there.
 * @returns tenants whose windows must be computed again.
 * @idempotency what is there stays as it is.
 * @source AB-1, AB-2
 */
export async function replayReturns(
  control: SqlPool,
  lost: readonly LostReturn[],
): Promise<readonly string[]> {
  const toRestore = new Map<string, string>();
  for (const one of lost) {
    const { tenantId, runId, isArchiveGone } = one;
    const states = isArchiveGone ? ['restoring', 'returned', 'restored'] : ['restoring'];
    await control.transaction(async (sql) => {
      await sql.execute('CALL lock_tenant(?)', [tenantId]);
      for (const state of states) await markCohort(sql, one, state);
      if (isArchiveGone || toRestore.has(runId)) return;
      toRestore.set(runId, tenantId);
      await recordEvent(
        { sql, tenantId, now: await databaseNow(sql) },
        {
          ...{ kind: 'restore', ref: runId, recordClass: 'asset-basic-data' },
          at: await databaseNow(sql),
        },
      );
    });
  }
  return [...new Set(lost.map(({ tenantId }) => tenantId))].sort();
}
