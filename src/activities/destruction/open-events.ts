import type { Sql } from '../../contracts/sql';
import type { RecordClass } from '../../domain/record-class';
import { textRow } from '../control/sql-text';

/** True while an event of the class is open: its runs still cover what is there. */
export async function hasOpenEvent(
  control: Sql,
  tenantId: string,
  recordClass: RecordClass,
): Promise<boolean> {
  const row = await textRow(
    control,
    `SELECT COUNT(*) AS open FROM events e
       LEFT JOIN event_closings c ON c.tenant_id = e.tenant_id AND c.event_id = e.event_id
      WHERE e.tenant_id = ? AND e.record_class = ? AND c.event_id IS NULL`,
    [tenantId, recordClass],
  );
  return Number(row?.['open'] ?? 1) > 0;
}
