import type { CollectionLocation } from '../../contracts/documents';
import { recordTable } from '../../contracts/record-tables';
import type { SqlPool } from '../../contracts/sql';
import type { BackupStore } from '../../domain/backups';
import { required, textRow, textRows } from '../control/sql-text';
import { countBatch, type GuardedStore } from '../mongo/guard';
import type { IdSet, PlacedId } from '../verification/id-set';
import { readReturnedIds } from '../verification/returned-ids';
import { addBatch } from '../verification/sealed-ids';

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
 * Condition on a state `c` of a cohort: its records may be live by right, and nobody has said which they are. Nothing
 * of its run is judged then.
 */
const HOLDS_WHAT_IS_UNKNOWN = `(c.state = 'superseded' OR c.state = 'restoring' AND NOT EXISTS (
   SELECT 1 FROM cohort_states a WHERE a.run_id = c.run_id AND a.due_on = c.due_on
      AND (a.state = 'irrevocable' OR a.state IN ('returned', 'restored') AND EXISTS (
        SELECT 1 FROM returned_batches k WHERE k.run_id = c.run_id AND k.due_on = c.due_on))))`;

/**
 * Looks for everything that was removed under a permit and is live again in a store, which only a restored
 * backup can bring about. Records that came back with their tenant are left out: they are live by right. Those of
 * a run that is still on its way back are not looked at.
 *
 * Reading, so safe to repeat. Bounds: one batch at a time, and 16 to 32 bytes for each record that came back.
 * @source AB-3, ST-1
 */
export async function findReappeared(
  ports: FinderPorts,
  store: BackupStore,
): Promise<readonly ReappearedBatch[]> {
  const rows = await textRows(
    ports.control,
    `SELECT r.tenant_id, b.run_id, b.location, b.batch_number FROM manifest_batches b
       JOIN runs r ON r.run_id = b.run_id
      WHERE b.location LIKE ?
        AND EXISTS (SELECT 1 FROM permits p WHERE p.run_id = b.run_id AND p.location = b.location
                     AND p.batch_number = b.batch_number AND p.kind IN ('move', 'destroy')
                     AND p.used_at IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM cohort_states c WHERE c.run_id = b.run_id
                         AND b.due_on IN ('', c.due_on) AND ${HOLDS_WHAT_IS_UNKNOWN})
      ORDER BY r.tenant_id, b.run_id, b.location, b.batch_number`,
    [`${store}:%`],
  );
  const found: ReappearedBatch[] = [];
  let returned: { readonly runId: string; readonly ids: IdSet } | undefined;
  for (const row of rows) {
    const batch = {
      tenantId: required(row, 'tenant_id'),
      runId: required(row, 'run_id'),
      location: required(row, 'location'),
      batchNumber: Number(required(row, 'batch_number')),
    };
    const { runId } = batch;
    if (returned?.runId !== runId) returned = { runId, ids: await readReturnedIds(ports, runId) };
    const records = await countLive(ports, batch, returned.ids);
    if (records > 0) found.push({ ...batch, records });
  }
  return found;
}

async function countLive(
  ports: FinderPorts,
  { tenantId, runId, location, batchNumber }: Omit<ReappearedBatch, 'records'>,
  returned: IdSet,
): Promise<number> {
  const row = await textRow(
    ports.control,
    `SELECT asset_id, ids FROM manifest_batches WHERE run_id = ? AND location = ? AND batch_number = ?`,
    [runId, location, batchNumber],
  );
  const batch = row ?? {};
  const gone: PlacedId[] = [];
  addBatch([location, required(batch, 'asset_id'), required(batch, 'ids')], (id) => {
    if (!returned.has(id)) gone.push(id);
  });
  if (gone.length === 0) return 0;
  if (!location.startsWith('mongodb:')) return countRows(ports, { tenantId, location }, gone);
  return countBatch(ports.documents, {
    location: location as CollectionLocation,
    tenantId,
    assetId: gone[0]?.assetId ?? '',
    ids: gone.map(({ versionId }) => versionId),
  });
}

async function countRows(
  ports: FinderPorts,
  { tenantId, location }: Pick<ReappearedBatch, 'tenantId' | 'location'>,
  ids: readonly PlacedId[],
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
      [tenantId, ...part.flatMap(({ assetId, versionId }) => [assetId, versionId])],
    );
    live += Number(required(row ?? {}, 'live'));
  }
  return live;
}
