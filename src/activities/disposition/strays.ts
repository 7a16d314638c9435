import type { SqlPool } from '../../contracts/sql';
import { recordEvent } from '../control/command-context';
import { textRow } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import type { RunRow } from './run-rows';

/**
 * Records that something was found stored which belongs to no run: it becomes a run of its own, with its
 * own window from its discovery.
 *
 * @idempotency while an event of that run's strays is open, no second one is recorded.
 * @source ST-1
 */
export async function recordStrays(control: SqlPool, run: RunRow, strays: number): Promise<void> {
  if (strays === 0) return;
  await control.transaction(async (sql) => {
    await sql.execute('CALL lock_tenant(?)', [run.tenantId]);
    const open = await textRow(
      sql,
      `SELECT e.event_id FROM events e
         LEFT JOIN event_closings c ON c.tenant_id = e.tenant_id AND c.event_id = e.event_id
        WHERE e.tenant_id = ? AND e.event_kind = 'stray' AND e.event_ref = ?
          AND c.event_id IS NULL`,
      [run.tenantId, run.runId],
    );
    if (open !== null) return;
    const now = await databaseNow(sql);
    await recordEvent(
      { sql, tenantId: run.tenantId, now },
      { kind: 'stray', ref: run.runId, at: now, recordClass: run.recordClass },
    );
  });
}
