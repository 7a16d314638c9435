import type { Sql } from '../../contracts/sql';
import type { RecordLocation } from '../../domain/inventory';
import { required, textRow, textRows, type TextRow } from '../control/sql-text';

/** A part whose two copies are written and locked. */
export interface FinishedPart {
  readonly dueOn: string;
  readonly part: number;
  readonly location: RecordLocation;
  /** Place of its first record among those of its cohort and location, from 0. */
  readonly firstRecord: number;
  readonly records: number;
  /** Canonical digest of its records. */
  readonly setDigest: string;
  readonly plaintextBytes: number;
  readonly plaintextMac: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Versions of the two copies, archive first. */
  readonly versions: readonly [string, string];
}

/** An attempt to seal that ended early, with what it finished. */
export interface UnfinishedSeal {
  readonly attempt: string;
  readonly parts: readonly FinishedPart[];
}

const PREFIX = 'at_';

/**
 * Puts a finished part on record, so that an attempt that dies is resumed behind it.
 *
 * @throws ER_DUP_ENTRY of the store when another worker has recorded the same part of the same attempt: one of the two goes on.
 */
export async function recordPart(
  sql: Sql,
  seal: { readonly runId: string; readonly attempt: string },
  part: FinishedPart,
): Promise<void> {
  const values = {
    run_id: seal.runId,
    attempt_id: PREFIX + seal.attempt,
    due_on: part.dueOn,
    part: part.part,
    location: part.location,
    first_record: part.firstRecord,
    records: part.records,
    set_digest: part.setDigest,
    plaintext_bytes: part.plaintextBytes,
    plaintext_mac: part.plaintextMac,
    bytes: part.bytes,
    digest: part.sha256,
    archive_version: part.versions[0],
    backup_version: part.versions[1],
  };
  const columns = Object.keys(values);
  await sql.execute(
    `INSERT INTO seal_parts (${columns.join(', ')}, finished_at)
      VALUES (${columns.map(() => '?').join(', ')}, lethe_now())`,
    Object.values(values),
  );
}

/** The newest attempt of a run that finished any part; null when there is none. */
export async function readUnfinishedSeal(sql: Sql, runId: string): Promise<UnfinishedSeal | null> {
  const newest = await textRow(
    sql,
    `SELECT attempt_id FROM seal_parts WHERE run_id = ?
      GROUP BY attempt_id ORDER BY MIN(finished_at) DESC, attempt_id LIMIT 1`,
    [runId],
  );
  if (newest === null) return null;
  const attemptId = required(newest, 'attempt_id');
  const rows = await textRows(
    sql,
    `SELECT * FROM seal_parts WHERE run_id = ? AND attempt_id = ?
      ORDER BY due_on, location, first_record`,
    [runId, attemptId],
  );
  return { attempt: attemptId.slice(PREFIX.length), parts: rows.map(partOf) };
}

function partOf(row: TextRow): FinishedPart {
  const number = (column: string): number => Number(required(row, column));
  return {
    dueOn: required(row, 'due_on'),
    part: number('part'),
    location: required(row, 'location') as RecordLocation,
    firstRecord: number('first_record'),
    records: number('records'),
    setDigest: required(row, 'set_digest'),
    plaintextBytes: number('plaintext_bytes'),
    plaintextMac: required(row, 'plaintext_mac'),
    bytes: number('bytes'),
    sha256: required(row, 'digest'),
    versions: [required(row, 'archive_version'), required(row, 'backup_version')],
  };
}
