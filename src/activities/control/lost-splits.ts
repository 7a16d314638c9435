import type { Sql } from '../../contracts/sql';
import { cohortKeyRef } from '../../contracts/keys';
import { required, textRow, textRows, toInstant } from './sql-text';

/** A split that a restored control has lost, as the evidence tells of it. */
export interface LostSplit {
  readonly tenantId: string;
  readonly runId: string;
  readonly dueOn: string;
  readonly holdId: string;
  readonly withheldRunId: string;
  readonly withheld: number;
  readonly rest: number;
  readonly splitAt: string;
  /** Of the manifest of what was split; null where it was not noted when control was brought forward. */
  readonly manifestDigest: string | null;
}

/** The reference of the key of what was withheld. */
export const keyOfLost = ({ withheldRunId, dueOn }: LostSplit): string =>
  cohortKeyRef(withheldRunId, dueOn);

/**
 * Whether the key of a withheld run has ended, by the key store's own word. Reading, so safe to repeat.
 *
 * @param keys - the key store, with a login that reads its tombstones.
 */
export async function hasKeyEnded(keys: Sql, keyRef: string): Promise<boolean> {
  const statement = 'SELECT kind FROM key_tombstones WHERE key_ref = ?';
  return (await textRow(keys, statement, [keyRef])) !== null;
}

/**
 * Splits of a tenant that control has lost and of which the withheld run is not back and judged. One whose due day
 * was split for the hold anew is not among them: what it withheld is withheld again.
 */
export async function readLostSplits(sql: Sql, tenantId: string): Promise<readonly LostSplit[]> {
  const rows = await textRows(
    sql,
    `SELECT l.* FROM lost_splits l
      WHERE l.tenant_id = ?
        AND NOT EXISTS (SELECT 1 FROM cohort_splits s WHERE s.run_id = l.run_id AND s.due_on = l.due_on
          AND s.hold_id = l.hold_id AND NOT s.withheld_run_id <=> l.withheld_run_id)
        AND NOT EXISTS (SELECT 1 FROM split_verdicts v WHERE v.run_id = l.run_id AND v.due_on = l.due_on
          AND v.hold_id = l.hold_id AND v.withheld_run_id = l.withheld_run_id)
      ORDER BY l.split_at, l.hold_id`,
    [tenantId],
  );
  return rows.map((row) => ({
    tenantId,
    runId: required(row, 'run_id'),
    dueOn: required(row, 'due_on'),
    holdId: required(row, 'hold_id'),
    withheldRunId: required(row, 'withheld_run_id'),
    withheld: Number(required(row, 'withheld')),
    rest: Number(required(row, 'rest')),
    splitAt: toInstant(required(row, 'split_at')),
    manifestDigest: row['manifest_digest'] ?? null,
  }));
}
