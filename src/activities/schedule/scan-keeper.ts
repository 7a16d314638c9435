import type { ScanKeeper, ScanResult, ScanSummary } from '../../contracts/scans';
import type { Sql } from '../../contracts/sql';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import { required, textRow, textRows, toInstant, type TextRow } from '../control/sql-text';
import {
  assertTenant,
  cancelScan,
  readScanSchedule,
  setScanSchedule,
  type SchedulePorts,
} from './scan-schedule';

/** Scans that one answer names. */
const LISTED_MAX = 100;

/** Scans and schedules of a tenant over control. */
export function createScanKeeper(ports: SchedulePorts): ScanKeeper {
  const { control } = ports;
  return {
    setSchedule: (order) => setScanSchedule(ports, order),
    cancel: (order) => cancelScan(ports, order),
    schedule: async (tenantId) => readScanSchedule(control, await knownTenant(control, tenantId)),
    list: async (tenantId) => listScans(control, await knownTenant(control, tenantId)),
    summary: (tenantId, scanId) => readSummary(control, tenantId, scanId),
  };
}

async function knownTenant(control: Sql, tenantId: string): Promise<string> {
  const id = parseId('TenantId', tenantId, 'tenantId');
  await assertTenant(control, id);
  return id;
}

const SCANS = `SELECT o.scan_id, o.source, o.ordered_at, r.outcome, r.counts, r.finished_at, f.reason
  FROM scan_orders o
  LEFT JOIN scan_results r ON r.tenant_id = o.tenant_id AND r.scan_id = o.scan_id
  LEFT JOIN refused_observations f ON f.tenant_id = o.tenant_id AND f.scan_id = o.scan_id
  WHERE o.tenant_id = ?`;

async function listScans(control: Sql, tenantId: string): Promise<readonly ScanSummary[]> {
  const rows = await textRows(
    control,
    `${SCANS} ORDER BY o.ordered_at DESC, o.scan_id LIMIT ${LISTED_MAX}`,
    [tenantId],
  );
  return rows.map(summaryOf);
}

async function readSummary(control: Sql, tenantId: string, scanId: string): Promise<ScanSummary> {
  const ids = [parseId('TenantId', tenantId, 'tenantId'), parseId('ScanId', scanId, 'scanId')];
  const row = await textRow(control, `${SCANS} AND o.scan_id = ?`, ids);
  if (row !== null) return summaryOf(row);
  throw new LetheError('INVALID_INPUT', 'scanId names no scan that the tenant ordered', {
    field: 'scanId',
  });
}

const summaryOf = (row: TextRow): ScanSummary => ({
  scanId: required(row, 'scan_id'),
  source: required(row, 'source') as ScanSummary['source'],
  orderedAt: toInstant(required(row, 'ordered_at')),
  result: resultOf(row),
  refusedBecause: row['reason'] ?? null,
});

function resultOf(row: TextRow): ScanSummary['result'] {
  const outcome = row['outcome'] ?? null;
  if (outcome === null) return null;
  return {
    outcome: outcome as ScanResult['outcome'],
    counts: JSON.parse(required(row, 'counts')) as ScanResult['counts'],
    finishedAt: toInstant(required(row, 'finished_at')),
  };
}
