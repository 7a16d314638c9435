import { LetheError } from '../../domain/errors';
import type { RecordColumn, RecordTable } from '../../contracts/record-tables';
import type { Sql } from '../../contracts/sql';
import { required, textRows } from '../control/sql-text';
import { isTaken } from '../taken';
import { leaseCondition } from './lease';

/** Values of a row in the order of its table's columns, beginning after tenant and asset. */
export type RowValues = readonly (string | number)[];

/** Rows of one asset for one table. */
export interface RowBatch {
  readonly table: RecordTable;
  readonly tenantId: string;
  readonly assetId: string;
  readonly rows: readonly RowValues[];
}

/** Under which attempt, in which environment, a statement takes effect. */
export interface RowFence {
  readonly attemptId: string;
  /** Database prefix of the environment. */
  readonly prefix: string;
}

/** Rows of one statement; with bodies also bounded by their size. */
export const BATCH_ROWS_MAX = 500;
/** Text of one statement's rows, in bytes; well below the servers' default packet of 16 MiB. */
export const BATCH_BYTES_MAX = 4 * 1024 * 1024;

/** A bound JSON list of ids as a table `(id)`; wider than any id column, so that nothing is cut. */
export const ID_LIST = `JSON_TABLE(CONVERT(? USING utf8mb4), '$[*]'
  COLUMNS (id VARCHAR(255) CHARACTER SET utf8mb4 PATH '$'))`;

/**
 * Inserts rows whose ids are not taken; never changes one. The statement itself checks that the attempt
 * still holds, so that a late one has no effect.
 *
 * @idempotency ids are deterministic: what is there already is left as it is and compared.
 * @returns how many rows are new.
 * @throws LetheError STORE_UNAVAILABLE when the lease ran out, DIGEST_MISMATCH when an id stands for
 * something else, OUTCOME_UNKNOWN when the answer was lost.
 */
export async function insertNewRows(
  assets: Sql,
  fence: RowFence,
  batch: RowBatch,
): Promise<number> {
  if (batch.rows.length === 0) return 0;
  const statement = insertStatement(batch.table, fence.prefix);
  const key = [batch.tenantId, batch.assetId];
  const params = [...key, JSON.stringify(batch.rows), ...key, fence.attemptId];
  const insert = async (): Promise<number> =>
    (await assets.execute(statement, params)).affectedRows;
  const inserted = await insert().catch(async (error: unknown) => {
    if (!isTaken(error)) throw error;
    // Somebody inserted the same ids a moment ago: now they are seen.
    return insert();
  });
  if (inserted !== batch.rows.length) await assertStored(assets, batch);
  return inserted;
}

/** Splits a list into lists that one statement can carry. */
export function* chunksOf<T>(items: readonly T[], size = BATCH_ROWS_MAX): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}

function insertStatement({ table, columns }: RecordTable, prefix: string): string {
  const own = columns.slice(2);
  const values = own.map((column, index) =>
    column.type === 'ascii' ? `CAST(j.c${index} AS BINARY)` : `j.c${index}`,
  );
  return `INSERT INTO ${table} (${columns.map((column) => column.name).join(', ')})
    SELECT ?, ?, ${values.join(', ')} FROM ${rowList(own)} j
      LEFT JOIN ${table} r ON r.tenant_id = ? AND r.asset_id = ? AND r.version_id = CAST(j.c0 AS BINARY)
     WHERE r.version_id IS NULL AND ${leaseCondition(prefix)}`;
}

/** A bound JSON list of rows as a table; columns are wider than the target's, which refuses to cut. */
function rowList(columns: readonly RecordColumn[]): string {
  const definitions = columns.map(
    (column, index) => `c${index} ${JSON_TYPES[column.type]} PATH '$[${index}]'`,
  );
  return `JSON_TABLE(CONVERT(? USING utf8mb4), '$[*]' COLUMNS (${definitions.join(', ')}))`;
}

const JSON_TYPES: Readonly<Record<Exclude<RecordColumn['type'], 'binary'>, string>> & {
  readonly binary: string;
} = {
  ascii: 'VARCHAR(255) CHARACTER SET utf8mb4',
  text: 'LONGTEXT CHARACTER SET utf8mb4',
  instant: 'VARCHAR(64) CHARACTER SET utf8mb4',
  integer: 'BIGINT',
  binary: 'VARCHAR(0) CHARACTER SET utf8mb4',
};

/** What must be equal when an id is taken. */
const SAME: Readonly<Record<string, string>> = {
  assets: 'content_digest',
  image_risks: 'content_digest',
  scans: 'scan_id',
  asset_links: 'linked_at',
};

async function assertStored(assets: Sql, batch: RowBatch): Promise<void> {
  const { table } = batch.table;
  const same = SAME[table] ?? 'version_id';
  const at = batch.table.columns.findIndex((column) => column.name === same) - 2;
  const rows = await textRows(
    assets,
    `SELECT r.version_id, r.${same} AS same FROM ${ID_LIST} j
       JOIN ${table} r ON r.tenant_id = ? AND r.asset_id = ? AND r.version_id = CAST(j.id AS BINARY)`,
    [JSON.stringify(batch.rows.map(([id]) => id)), batch.tenantId, batch.assetId],
  );
  const stored = new Map(rows.map((row) => [required(row, 'version_id'), required(row, 'same')]));
  for (const row of batch.rows) {
    const found = stored.get(String(row[0]));
    if (found === undefined) {
      throw new LetheError('STORE_UNAVAILABLE', 'the lease of the ingest ran out before a batch');
    }
    if (found !== String(row[at])) {
      throw new LetheError('DIGEST_MISMATCH', 'a version id stands for other content than before');
    }
  }
}
