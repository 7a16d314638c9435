import type { CollectionLocation } from '../../contracts/documents';
import type { SqlPool } from '../../contracts/sql';
import { isLetheError, LetheError } from '../../domain/errors';
import { recordTable } from '../../contracts/record-tables';
import { required, textRow, textRows } from '../control/sql-text';
import { countBatch, deleteStamped, stampBatch, type GuardedStore } from '../mongo/guard';
import { usingPermit } from './permits';

/** Logins of the side that uses permits for rows and documents. */
export interface PurgePorts {
  /** The purger's login on control. */
  readonly purger: SqlPool;
  readonly assets: SqlPool;
  readonly configuration: SqlPool;
  readonly documents: GuardedStore;
  readonly newToken: () => string;
}

/** Which sealed batch. */
export interface BatchReference {
  readonly tenantId: string;
  readonly runId: string;
  readonly location: string;
  readonly batchNumber: number;
}

/** A batch that no used permit covers. */
export interface OpenBatch extends BatchReference {
  readonly idCount: number;
}

interface BatchRow {
  readonly assetId: string;
  readonly ids: string;
  readonly idCount: number;
}

/** A run's batches that no used permit covers, by location. */
export async function openBatches(
  purger: SqlPool,
  run: { readonly tenantId: string; readonly runId: string },
  dueOn: string,
): Promise<readonly OpenBatch[]> {
  const rows = await textRows(
    purger,
    `SELECT b.location, b.batch_number, b.id_count FROM manifest_batches b
      WHERE b.run_id = ? AND b.due_on = ? AND NOT EXISTS (
        SELECT 1 FROM permits p WHERE p.run_id = b.run_id AND p.location = b.location
          AND p.batch_number = b.batch_number AND p.due_on = b.due_on AND p.used_at IS NOT NULL)
      ORDER BY b.location, b.batch_number`,
    [run.runId, dueOn],
  );
  return rows.map((row) => ({
    tenantId: run.tenantId,
    runId: run.runId,
    location: required(row, 'location'),
    batchNumber: Number(required(row, 'batch_number')),
    idCount: Number(required(row, 'id_count')),
  }));
}

/**
 * Removes exactly one sealed batch under its permit.
 *
 * @idempotency a batch whose permit was used is done; an attempt that died leaves a record of itself,
 * which alone explains documents that are missing. A worker that comes late finds in control that another
 * one has done the batch meanwhile, and takes it for done.
 * @throws LetheError PERMIT_REFUSED, DIGEST_MISMATCH, COUNT_MISMATCH (nothing removed in SQL) or
 * OUTCOME_UNKNOWN.
 */
export async function purgeBatch(
  ports: PurgePorts,
  batch: BatchReference,
  permitId: string,
): Promise<number> {
  const sealed = await readBatch(ports.purger, batch);
  if (batch.location.startsWith('mongodb:')) {
    return purgeDocuments(ports, { batch, sealed, permitId });
  }
  const { database, table } = recordTable(batch.location);
  const pool = database === 'assets' ? ports.assets : ports.configuration;
  const call = [permitId, batch.tenantId, batch.batchNumber, sealed.ids];
  try {
    await usingPermit(ports.purger, permitId, () =>
      pool.execute(`CALL purge_${table}(?, ?, ?, ?)`, call),
    );
  } catch (error) {
    const isMismatch = isLetheError(error) && error.code === 'COUNT_MISMATCH';
    if (!isMismatch || !(await wasDoneByAnother(ports.purger, batch, permitId))) throw error;
  }
  return sealed.idCount;
}

/**
 * Whether another worker has removed the batch under a permit of its own since this one saw it open. Rows
 * that are gone then are no sign that the table is not what was sealed.
 */
async function wasDoneByAnother(
  purger: SqlPool,
  batch: BatchReference,
  permitId: string,
): Promise<boolean> {
  const row = await textRow(
    purger,
    `SELECT COUNT(*) AS used FROM permits o
       JOIN permits p ON p.permit_id = ? AND o.tenant_id = p.tenant_id AND o.location = p.location
         AND o.batch_number = p.batch_number AND o.due_on = p.due_on
      WHERE o.run_id = ? AND o.permit_id <> p.permit_id AND o.used_at IS NOT NULL`,
    [permitId, batch.runId],
  );
  return Number(row?.['used'] ?? 0) > 0;
}

async function readBatch(purger: SqlPool, batch: BatchReference): Promise<BatchRow> {
  const row = await textRow(
    purger,
    `SELECT asset_id, ids, id_count FROM manifest_batches
      WHERE run_id = ? AND location = ? AND batch_number = ?`,
    [batch.runId, batch.location, batch.batchNumber],
  );
  if (row === null) throw new LetheError('STORE_REFUSED', 'the sealed manifest has no such batch');
  return {
    assetId: required(row, 'asset_id'),
    ids: required(row, 'ids'),
    idCount: Number(required(row, 'id_count')),
  };
}

/**
 * A store without procedures: the attempt is on record with its lease, the batch is stamped with the
 * attempt's own token, the permit is read again, and only what still carries the stamp goes.
 */
async function purgeDocuments(
  ports: PurgePorts,
  {
    batch,
    sealed,
    permitId,
  }: {
    readonly batch: BatchReference;
    readonly sealed: BatchRow;
    readonly permitId: string;
  },
): Promise<number> {
  const attempt = `at_${ports.newToken()}`;
  await ports.purger.execute('CALL start_purge_attempt(?, ?, ?, ?, ?, ?)', [
    attempt,
    permitId,
    batch.tenantId,
    batch.location,
    batch.batchNumber,
    sealed.ids,
  ]);
  const target = {
    location: batch.location as CollectionLocation,
    tenantId: batch.tenantId,
    assetId: sealed.assetId,
    ids: JSON.parse(sealed.ids) as string[],
    stamp: attempt,
  };
  const stamped = await stampBatch(ports.documents, target);
  if (stamped !== sealed.idCount && !(await hasOtherAttempt(ports.purger, batch, attempt))) {
    await finish(ports.purger, attempt, { deleted: 0, done: false });
    throw new LetheError('COUNT_MISMATCH', 'documents of the sealed batch are missing');
  }
  await assertAttemptLive(ports.purger, attempt);
  const { deleted } = await deleteStamped(ports.documents, target);
  const left = await countBatch(ports.documents, target);
  await finish(ports.purger, attempt, { deleted, done: left === 0 });
  if (left > 0) throw new LetheError('OUTCOME_UNKNOWN', 'documents of the batch are still there');
  return sealed.idCount;
}

/**
 * Reads the permit again between stamp and delete. An attempt that is refused here deletes nothing any more
 * and says so, so that an interlock need not wait for its lease.
 */
async function assertAttemptLive(purger: SqlPool, attempt: string): Promise<void> {
  try {
    await purger.execute('CALL assert_attempt_live(?)', [attempt]);
  } catch (error) {
    const isRefused = isLetheError(error) && error.code === 'PERMIT_REFUSED';
    // Whether the report arrives decides only how long others wait.
    if (isRefused)
      await finish(purger, attempt, { deleted: 0, done: false }).catch(() => undefined);
    throw error;
  }
}

/**
 * Only another attempt that was started, earlier or meanwhile, can have removed what is missing now; not
 * one that reported that it deleted nothing.
 */
async function hasOtherAttempt(
  purger: SqlPool,
  batch: BatchReference,
  attempt: string,
): Promise<boolean> {
  const row = await textRow(
    purger,
    `SELECT COUNT(*) AS attempts FROM attempts WHERE tenant_id = ? AND purpose = 'purge'
       AND run_id = ? AND location = ? AND batch_number = ? AND attempt_id <> ?
       AND NOT (ended_at IS NOT NULL AND deleted <=> 0)`,
    [batch.tenantId, batch.runId, batch.location, batch.batchNumber, attempt],
  );
  return Number(row?.['attempts'] ?? 0) > 0;
}

const finish = (
  purger: SqlPool,
  attempt: string,
  outcome: { readonly deleted: number; readonly done: boolean },
): Promise<unknown> =>
  purger.execute('CALL finish_purge_attempt(?, ?, ?)', [
    attempt,
    outcome.deleted,
    outcome.done ? 1 : 0,
  ]);
