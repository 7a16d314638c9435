import { LetheError } from '../../domain/errors';
import {
  LEDGER_START,
  breakAt,
  entryText,
  type ChainBreak,
  type LedgerEntry,
  type LedgerPosition,
  type StoredEntry,
} from '../../domain/evidence';
import type { Sql, SqlPool } from '../../contracts/sql';
import { required, textRow, toInstant, type TextRow } from '../control/sql-text';
import { canonicalText, sha256 } from './text';

/** Result of a verification: how far the chain holds, and the first place where it does not. */
export interface LedgerVerdict {
  /** Last position that is what it was. */
  readonly verified: LedgerPosition;
  readonly broken: ChainBreak | null;
}

/** What a verification starts from and must arrive at. */
export interface VerifyOptions {
  /** A position that is known to be right; the chain is read after it. Default: the start. */
  readonly from?: LedgerPosition;
  /** Positions that somebody else recorded; each must be in the chain exactly so. */
  readonly checkpoints?: readonly LedgerPosition[];
  /** Called with every entry that follows from those before it. */
  readonly seen?: (entry: StoredEntry) => void;
}

const COLUMNS = 'sequence, tenant_id, kind, at, subject, entry, hash';

interface EntryRow extends StoredEntry {
  /** Columns beside the text; they serve lookups and must say the same. */
  readonly columns: readonly [string | null, string, string, string];
}

/** Where the ledger stands now. Reading, so safe to repeat. */
export async function readHead(sql: Sql): Promise<LedgerPosition> {
  const row = await textRow(
    sql,
    'SELECT sequence, hash FROM entries ORDER BY sequence DESC LIMIT 1',
  );
  return row === null ? LEDGER_START : toPosition(row);
}

/** Sequence and hash of a row. */
export const toPosition = (row: TextRow): LedgerPosition => ({
  sequence: Number(required(row, 'sequence')),
  hash: required(row, 'hash'),
});

/**
 * Streams entries in their order, of one tenant or of all, in bounded memory. Any login that may select
 * evidence can read. Not a verification: see {@link verifyLedger}.
 *
 * @throws LetheError DIGEST_MISMATCH when an entry is no JSON any more.
 */
export async function* readLedger(
  pool: SqlPool,
  options: { readonly tenantId?: string; readonly after?: number } = {},
): AsyncGenerator<LedgerEntry> {
  const { tenantId, after = 0 } = options;
  const rows =
    tenantId === undefined
      ? pool.stream(`SELECT ${COLUMNS} FROM entries WHERE sequence > ? ORDER BY sequence`, [after])
      : pool.stream(
          `SELECT ${COLUMNS} FROM entries WHERE tenant_id = ? AND sequence > ? ORDER BY sequence`,
          [tenantId, after],
        );
  for await (const row of rows) {
    const { sequence, text } = toEntryRow(row);
    const entry = parseEntry(text);
    if (entry !== null) yield entry;
    else throw new LetheError('DIGEST_MISMATCH', `ledger entry ${sequence} is not readable`);
  }
}

/**
 * Reads the whole ledger, or what follows a known position, and finds the first entry that was changed,
 * removed or put in between; and, against recorded checkpoints, a ledger that was cut off at its end or
 * written anew from some place on. Constant memory.
 *
 * @idempotency it only reads.
 */
export async function verifyLedger(
  pool: SqlPool,
  options: VerifyOptions = {},
): Promise<LedgerVerdict> {
  const { from = LEDGER_START, checkpoints = [], seen } = options;
  const expected = new Map(checkpoints.map((point) => [point.sequence, point.hash]));
  let verified = from;
  if (contradicts(expected, from) || !(await holds(pool, from))) {
    return { verified, broken: { sequence: from.sequence, reason: 'checkpoint' } };
  }
  const rows = pool.stream(`SELECT ${COLUMNS} FROM entries WHERE sequence > ? ORDER BY sequence`, [
    from.sequence,
  ]);
  for await (const row of rows) {
    const entry = toEntryRow(row);
    const broken = breakAt(verified, entry, sha256) ?? breakBeside(entry, expected);
    if (broken !== null) return { verified, broken };
    verified = { sequence: entry.sequence, hash: entry.hash };
    seen?.(entry);
  }
  return { verified, broken: cutOff(expected, verified) };
}

/** A ledger ends no earlier than the last position that somebody else recorded. */
function cutOff(expected: ReadonlyMap<number, string>, end: LedgerPosition): ChainBreak | null {
  const beyond = Math.max(0, ...expected.keys()) > end.sequence;
  return beyond ? { sequence: end.sequence + 1, reason: 'truncated' } : null;
}

/** Whether a position that is known from elsewhere is still in the ledger. */
async function holds(pool: SqlPool, { sequence, hash }: LedgerPosition): Promise<boolean> {
  if (sequence === LEDGER_START.sequence) return hash === LEDGER_START.hash;
  const row = await textRow(pool, 'SELECT hash FROM entries WHERE sequence = ?', [sequence]);
  return row !== null && required(row, 'hash') === hash;
}

const contradicts = (expected: ReadonlyMap<number, string>, found: LedgerPosition): boolean =>
  (expected.get(found.sequence) ?? found.hash) !== found.hash;

/** The text may be right and the columns, by which people look things up, not. */
function breakBeside(row: EntryRow, expected: ReadonlyMap<number, string>): ChainBreak | null {
  if (contradicts(expected, row)) return { sequence: row.sequence, reason: 'checkpoint' };
  const entry = parseEntry(row.text);
  const same =
    entry !== null &&
    entry.sequence === row.sequence &&
    entryText(entry, canonicalText) === row.text &&
    canonicalText(row.columns) ===
      canonicalText([entry.tenantId, entry.kind, entry.at, entry.subject]);
  return same ? null : { sequence: row.sequence, reason: 'columns' };
}

function toEntryRow(values: readonly unknown[]): EntryRow {
  const [sequence = '', tenantId = '', kind = '', at = '', subject = '', text = '', hash = ''] =
    values.map((value) => (Buffer.isBuffer(value) ? value.toString('utf8') : String(value)));
  return {
    sequence: Number(sequence),
    text,
    hash,
    columns: [values[1] === null ? null : tenantId, kind, toInstant(at), subject],
  };
}

/** The entry of a stored text, or null when it is none. */
export function parseEntry(text: string): LedgerEntry | null {
  try {
    const value: unknown = JSON.parse(text);
    const version: unknown = (value as { version?: unknown } | null)?.version;
    return version === 1 ? (value as LedgerEntry) : null;
  } catch {
    return null;
  }
}
