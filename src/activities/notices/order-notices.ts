import type { SqlPool } from '../../contracts/sql';
import { required, textRow, textRows } from '../control/sql-text';
import { isTaken } from '../taken';

/** Notices that one look gives a place. */
const TOGETHER_MAX = 500;
/**
 * How far behind the newest ordered notice a usual look goes back. A transaction that wrote its notice and
 * commits later than that is met by the next thorough look.
 */
const LOOK_BACK = 'INTERVAL 1 HOUR';

/**
 * Gives notices that have no place yet the next places in the order. A notice is written before its
 * transaction commits, so one with an earlier instant can appear later: it is looked for among those
 * without a place, never behind the last one seen.
 *
 * Effect: one row per notice.
 * @idempotency a notice and a place are taken once; who loses a race leaves the rest to the next look.
 * @returns true when more wait than one look gives.
 */
export async function orderNew(
  sql: SqlPool,
  { thorough }: { readonly thorough: boolean },
): Promise<boolean> {
  const floor = thorough
    ? ''
    : `n.written_at > (SELECT COALESCE(MAX(m.written_at), '1970-01-02 00:00:00') FROM notices m
         JOIN notice_order l ON l.notice_id = m.notice_id
        WHERE l.sequence = (SELECT MAX(sequence) FROM notice_order)) - ${LOOK_BACK} AND`;
  const rows = await textRows(
    sql,
    `SELECT n.notice_id FROM notices n LEFT JOIN notice_order o ON o.notice_id = n.notice_id
      WHERE ${floor} o.notice_id IS NULL
      ORDER BY n.written_at, n.notice_id LIMIT ${TOGETHER_MAX + 1}`,
  );
  const ids = rows.slice(0, TOGETHER_MAX).map((row) => required(row, 'notice_id'));
  if (ids.length > 0) await insertPlaces(sql, ids);
  return rows.length > TOGETHER_MAX;
}

async function insertPlaces(sql: SqlPool, ids: readonly string[]): Promise<void> {
  const first = (await lastSequence(sql)) + 1;
  try {
    await sql.execute(
      `INSERT INTO notice_order (sequence, notice_id, ordered_at)
       VALUES ${ids.map(() => '(?, ?, lethe_now())').join(', ')}`,
      ids.flatMap((id, index) => [first + index, id]),
    );
  } catch (error) {
    // Another look took these places at the same time; the next one finds what is left.
    if (!isTaken(error)) throw error;
  }
}

/** The last place that was given; 0 before the first. */
export async function lastSequence(sql: Pick<SqlPool, 'query'>): Promise<number> {
  const row = await textRow(
    sql as SqlPool,
    'SELECT COALESCE(MAX(sequence), 0) AS last FROM notice_order',
  );
  return Number(row?.['last'] ?? 0);
}
