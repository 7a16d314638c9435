import { LetheError } from '../../domain/errors';
import type { CommandBodies, RepositoryScan } from '../../contracts/commands';
import type { ScanOutcome, ScanResult } from '../../contracts/scans';
import type { Sql } from '../../contracts/sql';
import { required, textRow } from '../control/sql-text';
import { unlessTaken } from '../taken';

/** What a scan was ordered to read: a report that waits in staging, or a repository. */
export type ScanOrder =
  | Extract<CommandBodies['requestScan'], { readonly source: 'host-report' }>
  | (RepositoryScan & { readonly source: 'registry' });

/** Which scan. */
export interface ScanReference {
  readonly tenantId: string;
  readonly scanId: string;
}

/** An order and how long ago it was given, by the database's clock. */
export interface PlacedOrder {
  readonly order: ScanOrder;
  readonly ageSeconds: number;
}

/**
 * The order of a scan.
 *
 * @throws LetheError INVALID_INPUT when the tenant has ordered no such scan.
 */
export async function readOrder(control: Sql, scan: ScanReference): Promise<PlacedOrder> {
  const row = await textRow(
    control,
    `SELECT source, parameters, TIMESTAMPDIFF(SECOND, ordered_at, lethe_now()) AS age
       FROM scan_orders WHERE tenant_id = ? AND scan_id = ?`,
    [scan.tenantId, scan.scanId],
  );
  if (row === null) {
    throw new LetheError('INVALID_INPUT', 'scanId names no scan that the tenant ordered', {
      field: 'scanId',
    });
  }
  const order = JSON.parse(required(row, 'parameters')) as ScanOrder;
  if (order.source !== required(row, 'source')) throw new Error('a scan order contradicts itself');
  return { order, ageSeconds: Number(required(row, 'age')) };
}

/** The recorded result of a scan; null while there is none. */
export async function readResult(control: Sql, scan: ScanReference): Promise<ScanResult | null> {
  const row = await textRow(
    control,
    'SELECT outcome, counts FROM scan_results WHERE tenant_id = ? AND scan_id = ?',
    [scan.tenantId, scan.scanId],
  );
  if (row === null) return null;
  return {
    outcome: required(row, 'outcome') as ScanOutcome,
    counts: JSON.parse(required(row, 'counts')) as ScanResult['counts'],
  };
}

/**
 * Records how a scan ended, once: of two that end together the first one's result stands. An observation
 * that was refused is counted beside it.
 *
 * @param refusedBecause - code with which all or some of what was seen was refused; null for none.
 * @returns the result that stands.
 */
export async function recordResult(
  control: Sql,
  scan: ScanReference,
  ended: { readonly result: ScanResult; readonly refusedBecause: string | null },
): Promise<ScanResult> {
  if (ended.refusedBecause !== null) {
    await unlessTaken(() =>
      control.execute(
        `INSERT INTO refused_observations (tenant_id, scan_id, reason, refused_at)
         VALUES (?, ?, ?, lethe_now())`,
        [scan.tenantId, scan.scanId, ended.refusedBecause],
      ),
    );
  }
  await unlessTaken(() =>
    control.execute(
      `INSERT INTO scan_results (tenant_id, scan_id, outcome, counts, redacted, finished_at)
       VALUES (?, ?, ?, ?, ?, lethe_now())`,
      [
        scan.tenantId,
        scan.scanId,
        ended.result.outcome,
        JSON.stringify(ended.result.counts),
        ended.result.counts['redacted'] ?? 0,
      ],
    ),
  );
  const standing = await readResult(control, scan);
  if (standing === null) throw new Error('a result that was recorded is not there');
  return standing;
}
