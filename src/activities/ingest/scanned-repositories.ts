import { FAILURES, type FailureCode } from '../../domain/errors';
import type { ScanOutcome, ScanResult } from '../../contracts/scans';
import type { Sql } from '../../contracts/sql';
import { required, textRows, type TextRow } from '../control/sql-text';
import { unlessTaken } from '../taken';
import type { ScanReference } from './scan-orders';
import type { Ended } from './scan-source';

/** A repository that a scan of many is through with, named by its asset. */
export interface ScannedRepository extends Ended {
  readonly assetId: string;
}

/** Records what became of one repository; what is recorded already stands. */
export async function recordScanned(
  control: Sql,
  { tenantId, scanId }: ScanReference,
  { assetId, result, refusedBecause }: ScannedRepository,
): Promise<void> {
  await unlessTaken(() =>
    control.execute(
      `INSERT INTO scanned_repositories
         (tenant_id, scan_id, asset_id, outcome, counts, refused_because, finished_at)
       VALUES (?, ?, ?, ?, ?, ?, lethe_now())`,
      [tenantId, scanId, assetId, result.outcome, JSON.stringify(result.counts), refusedBecause],
    ),
  );
}

/** What a scan of many is through with, in the order in which that was recorded. */
export async function readScanned(
  control: Sql,
  { tenantId, scanId }: ScanReference,
): Promise<{
  readonly scanned: ScannedRepository[];
  /** Seconds since the last one was recorded; null before the first one. */
  readonly idleSeconds: number | null;
}> {
  const rows = await textRows(
    control,
    `SELECT asset_id, outcome, counts, refused_because,
            TIMESTAMPDIFF(SECOND, finished_at, lethe_now()) AS age
       FROM scanned_repositories WHERE tenant_id = ? AND scan_id = ?
      ORDER BY finished_at, asset_id`,
    [tenantId, scanId],
  );
  const last = rows.at(-1);
  return {
    scanned: rows.map(scannedOf),
    idleSeconds: last === undefined ? null : Number(required(last, 'age')),
  };
}

const scannedOf = (row: TextRow): ScannedRepository => ({
  assetId: required(row, 'asset_id'),
  result: {
    outcome: required(row, 'outcome') as ScanOutcome,
    counts: JSON.parse(required(row, 'counts')) as ScanResult['counts'],
  },
  refusedBecause: (row['refused_because'] ?? null) as FailureCode | null,
});

/** Whether the registry was away for it to the end of all patience. */
export const wasAway = ({ result }: ScannedRepository): boolean => {
  const { code } = result.counts;
  return typeof code === 'string' && FAILURES[code as FailureCode].retryable;
};

/**
 * The counts of a scan from those of its repositories: sums, how many there were by outcome, and of those that
 * were not stored how many by code.
 */
export function countsOf(scanned: readonly ScannedRepository[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = { repositories: scanned.length };
  const add = (name: string, count: number): void => {
    counts[name] = (counts[name] ?? 0) + count;
  };
  for (const { result } of scanned) {
    for (const [name, count] of Object.entries(result.counts)) {
      if (typeof count === 'number') add(name, count);
    }
    if (result.outcome === 'complete') continue;
    add(result.outcome, 1);
    add(`${result.outcome}:${String(result.counts['code'])}`, 1);
  }
  return counts;
}
