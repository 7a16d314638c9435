import type { CollectionLocation } from '../../contracts/documents';
import { recordTable } from '../../contracts/record-tables';
import type { SqlPool } from '../../contracts/sql';
import type { BackupStore } from '../../domain/backups';
import { required, textRow, textRows } from '../control/sql-text';
import { countBatch, type GuardedStore } from '../mongo/guard';

/** The verifier's logins: they read, and write nothing here. */
export interface FinderPorts {
  readonly control: SqlPool;
  readonly assets: SqlPool;
  readonly configuration: SqlPool;
  readonly documents: GuardedStore;
}

/** A batch that went under a permit and of which something is live again. */
export interface ReappearedBatch {
  readonly tenantId: string;
  readonly runId: string;
  readonly location: string;
  readonly batchNumber: number;
  /** How many of its rows or documents are there. */
  readonly records: number;
}

/** Rows of one statement; each takes two parameters. */
const ROWS_MAX = 500;

/**
 * Looks for everything that was removed under a permit and is live again in a store, which only a restored
 * backup can bring about. Runs whose tenant came back are left out: their records are live by right.
 *
 * Reading, so safe to repeat. Bounds: one batch at a time.
 * @source AB-3, ST-1
 */
export async function findReappeared(
  ports: FinderPorts,
  store: BackupStore,
): Promise<readonly ReappearedBatch[]> {
  const rows = await textRows(
    ports.control,
    `SELECT r.tenant_id, b.run_id, b.location, b.batch_number, b.asset_id FROM manifest_batches b
       JOIN runs r ON r.run_id = b.run_id
      WHERE b.location LIKE ?
        AND EXISTS (SELECT 1 FROM permits p WHERE p.run_id = b.run_id AND p.location = b.location
                     AND p.batch_number = b.batch_number AND p.kind IN ('move', 'destroy')
                     AND p.used_at IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM cohort_states c WHERE c.run_id = b.run_id
                         AND c.state IN ('restoring', 'returned', 'restored', 'superseded'))
      ORDER BY r.tenant_id, b.run_id, b.location, b.batch_number`,
    [`${store}:%`],
  );
  const found: ReappearedBatch[] = [];
  for (const row of rows) {
    const batch = {
      tenantId: required(row, 'tenant_id'),
      runId: required(row, 'run_id'),
      location: required(row, 'location'),
      batchNumber: Number(required(row, 'batch_number')),
    };
    const records = await countLive(ports, batch, required(row, 'asset_id'));
    if (records > 0) found.push({ ...batch, records });
  }
  return found;
}

async function countLive(
  ports: FinderPorts,
  batch: Omit<ReappearedBatch, 'records'>,
  assetId: string,
): Promise<number> {
  const row = await textRow(
    ports.control,
    `SELECT ids FROM manifest_batches WHERE run_id = ? AND location = ? AND batch_number = ?`,
    [batch.runId, batch.location, batch.batchNumber],
  );
  const ids = JSON.parse(required(row ?? {}, 'ids')) as unknown[];
  if (batch.location.startsWith('mongodb:')) {
    return countBatch(ports.documents, {
      location: batch.location as CollectionLocation,
      tenantId: batch.tenantId,
      assetId,
      ids: ids as string[],
    });
  }
  return countRows(ports, batch, ids as (readonly [string, string])[]);
}

async function countRows(
  ports: FinderPorts,
  { tenantId, location }: Omit<ReappearedBatch, 'records'>,
  ids: readonly (readonly [string, string])[],
): Promise<number> {
  const { database, table } = recordTable(location);
  const pool = database === 'assets' ? ports.assets : ports.configuration;
  let live = 0;
  for (let from = 0; from < ids.length; from += ROWS_MAX) {
    const part = ids.slice(from, from + ROWS_MAX);
    const row = await textRow(
      pool,
      `SELECT COUNT(*) AS live FROM ${table} WHERE tenant_id = ?
         AND (asset_id, version_id) IN (${part.map(() => '(?, ?)').join(', ')})`,
      [tenantId, ...part.flat()],
    );
    live += Number(required(row ?? {}, 'live'));
  }
  return live;
}
