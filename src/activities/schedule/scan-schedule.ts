import { actor, integer, objectOf, type Check } from '../../contracts/field-checks';
import type { CancelledScan, ScanSchedule, ScheduleOrder } from '../../contracts/scans';
import type { Sql, SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import { insertRow } from '../control/command-context';
import { required, textRow, toInstant, toSqlTime } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import { againIfTaken, isTaken } from '../taken';

/** Stores that schedules and cancellations are recorded in. */
export interface SchedulePorts {
  readonly control: SqlPool;
  readonly ledger: EvidenceLedger;
}

/** A year; less often is no schedule. */
const HOURS_MAX = 8_784;

const orNull =
  (check: Check): Check =>
  (value, field) => {
    if (value !== null) check(value, field);
  };
const shape = objectOf({ everyHours: orNull(integer(1, HOURS_MAX)), setBy: actor });

/**
 * Sets how often the repositories of a tenant are scanned again; it takes effect in the next round of the
 * platform's process.
 *
 * Effect: one row in control.
 * @idempotency setting the same again adds a row that says the same.
 * Evidence: `scan-schedule-set`.
 * @throws LetheError INVALID_INPUT or UNKNOWN_TENANT naming the field; nothing is changed then.
 * @source SH-1
 */
export async function setScanSchedule(
  ports: SchedulePorts,
  order: ScheduleOrder,
): Promise<ScanSchedule> {
  const { everyHours, setBy } = order;
  const tenantId = parseId('TenantId', order.tenantId, 'tenantId');
  shape({ everyHours, setBy }, '');
  const set = await againIfTaken(() =>
    ports.control.transaction(async (sql) => {
      await assertTenant(sql, tenantId);
      const { number } = await readScanSchedule(sql, tenantId);
      const setAt = await databaseNow(sql);
      // Two people at once: the number is taken, and the second one gets the next.
      await insertRow(sql, 'scan_schedules', {
        tenant_id: tenantId,
        schedule_number: number + 1,
        every_hours: everyHours,
        set_at: toSqlTime(setAt),
        set_by: setBy,
      });
      return { tenantId, number: number + 1, everyHours, setAt, setBy };
    }),
  );
  await ports.ledger.append({
    tenantId,
    kind: 'scan-schedule-set',
    subject: `${tenantId}/${set.number}`,
    details: { everyHours, setBy, setAt: set.setAt },
  });
  return set;
}

/** The schedule of a tenant that counts now. */
export async function readScanSchedule(sql: Sql, tenantId: string): Promise<ScanSchedule> {
  const row = await textRow(
    sql,
    `SELECT schedule_number, every_hours, set_at, set_by FROM scan_schedules
      WHERE tenant_id = ? ORDER BY schedule_number DESC LIMIT 1`,
    [tenantId],
  );
  if (row === null) return { tenantId, number: 0, everyHours: null, setAt: null, setBy: null };
  const hours = row['every_hours'] ?? null;
  return {
    tenantId,
    number: Number(required(row, 'schedule_number')),
    everyHours: hours === null ? null : Number(hours),
    setAt: toInstant(required(row, 'set_at')),
    setBy: required(row, 'set_by'),
  };
}

/**
 * Cancels an ordered scan: its result is recorded, and a result ends every attempt at a scan. One that runs
 * stops at its next look, within seconds; what it has stored stays under its own retention rules.
 *
 * @idempotency a scan that has a result keeps it.
 * Evidence: `scan-cancelled`.
 * @returns false when the scan had a result already.
 * @throws LetheError INVALID_INPUT for a scan that the tenant never ordered.
 */
export async function cancelScan(ports: SchedulePorts, order: CancelledScan): Promise<boolean> {
  const tenantId = parseId('TenantId', order.tenantId, 'tenantId');
  const scanId = parseId('ScanId', order.scanId, 'scanId');
  actor(order.cancelledBy, 'cancelledBy');
  const ordered = await textRow(
    ports.control,
    'SELECT scan_id FROM scan_orders WHERE tenant_id = ? AND scan_id = ?',
    [tenantId, scanId],
  );
  if (ordered === null) {
    throw new LetheError('INVALID_INPUT', 'scanId names no scan that the tenant ordered', {
      field: 'scanId',
    });
  }
  try {
    await ports.control.execute(
      `INSERT INTO scan_results (tenant_id, scan_id, outcome, counts, redacted, finished_at)
       VALUES (?, ?, 'cancelled', '{}', 0, lethe_now())`,
      [tenantId, scanId],
    );
  } catch (error) {
    if (!isTaken(error)) throw error;
    return false;
  }
  await ports.ledger.append({
    tenantId,
    kind: 'scan-cancelled',
    subject: `${tenantId}/${scanId}`,
    details: { scanId, cancelledBy: order.cancelledBy },
  });
  return true;
}

/** @throws LetheError UNKNOWN_TENANT for one that never subscribed. */
export async function assertTenant(sql: Sql, tenantId: string): Promise<void> {
  const row = await textRow(sql, 'SELECT tenant_id FROM tenants WHERE tenant_id = ?', [tenantId]);
  if (row !== null) return;
  throw new LetheError('UNKNOWN_TENANT', 'tenantId names no lifecycle; check the id', {
    field: 'tenantId',
  });
}
