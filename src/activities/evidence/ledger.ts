import { LetheError, isLetheError } from '../../domain/errors';
import {
  assertAct,
  entryText,
  positionAfter,
  type EvidenceAct,
  type EvidenceClock,
  type LedgerEntry,
  type LedgerPosition,
} from '../../domain/evidence';
import type { Sql, SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import { required, textRow, toInstant, toSqlTime } from '../control/sql-text';
import { parseEntry, readHead, toPosition } from './read-ledger';
import { canonicalText, sha256 } from './text';

/** The ledger as the engine writes it. */
export interface Ledger extends EvidenceLedger {
  /** The ledger login's own pool, for readers beside the writer. */
  readonly pool: SqlPool;
  /**
   * Records acts in one transaction, all or none. `alongside` writes in the same transaction and runs
   * only when at least one act is new; it may run again when the transaction is repeated.
   */
  appendAll(
    acts: readonly EvidenceAct[],
    alongside?: (sql: Sql, at: string) => Promise<void>,
  ): Promise<void>;
  /** Which clock the evidence database has; it says so itself. */
  clock(): Promise<EvidenceClock>;
  /** Instant by the evidence database's clock. */
  instant(): Promise<string>;
  /** Records that a position was exported; the exported object is the proof, this row the index. */
  recordCheckpoint(
    position: LedgerPosition,
    exported: { readonly versionId: string; readonly signed: string },
  ): Promise<void>;
}

/** Acts of one call. */
const ACTS_MAX = 500;
/** Longest text of an entry, in characters. */
const TEXT_MAX = 65_536;
/** Every round somebody else was faster and the chain grew, so this many writers would have to meet. */
const ROUNDS_MAX = 100;
/** How often an answer that was lost, or a store that was away, is followed by another look. */
const LOST_MAX = 3;

/**
 * The evidence ledger on its own database, with a login that inserts and selects. Entries are numbered
 * without a gap; two writers cannot take the same number, the slower one reads again.
 *
 * Effect: one row per act that is new.
 * @idempotency an act is named by kind and subject and recorded once; also after an unknown outcome.
 * @throws LetheError INVALID_INPUT when an act could carry content; DIGEST_MISMATCH when the same act was
 *   recorded with other details; STORE_UNAVAILABLE or OUTCOME_UNKNOWN.
 */
export function createEvidenceLedger({ pool }: { readonly pool: SqlPool }): Ledger {
  let known: EvidenceClock | null = null;
  const clock = async (): Promise<EvidenceClock> => (known ??= await readClock(pool));
  const ledger: Ledger = {
    pool,
    clock,
    instant: () => readInstant(pool),
    append: (act) => ledger.appendAll([act]),
    appendAll: async (acts, alongside) => {
      assertActs(acts);
      const batch = { acts, alongside, clock: await clock() };
      await untilRecorded(() => pool.transaction((sql) => record(sql, batch)));
    },
    recordCheckpoint: (position, exported) =>
      untilRecorded(() => insertCheckpoint(pool, position, exported)),
  };
  return ledger;
}

interface Batch {
  readonly acts: readonly EvidenceAct[];
  readonly alongside: ((sql: Sql, at: string) => Promise<void>) | undefined;
  readonly clock: EvidenceClock;
}

function assertActs(acts: readonly EvidenceAct[]): void {
  if (acts.length > ACTS_MAX) {
    throw new LetheError('INVALID_INPUT', `acts must be at most ${ACTS_MAX} in one call`, {
      field: 'acts',
    });
  }
  acts.forEach(assertAct);
}

/** Repeats a transaction that lost a race or its answer; what it finds then is the truth. */
async function untilRecorded(attempt: () => Promise<void>): Promise<void> {
  let lost = 0;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (isTaken(error)) continue;
      if (!isLost(error)) throw error;
      lost += 1;
      if (lost > LOST_MAX) throw error;
    }
  }
  throw new LetheError(
    'STORE_UNAVAILABLE',
    'the evidence ledger is contended; nothing was recorded',
  );
}

const isTaken = (error: unknown): boolean =>
  (error as { code?: unknown } | null)?.code === 'ER_DUP_ENTRY';
const isLost = (error: unknown): boolean =>
  isLetheError(error) && (error.code === 'OUTCOME_UNKNOWN' || error.code === 'STORE_UNAVAILABLE');

async function record(sql: Sql, batch: Batch): Promise<void> {
  const unrecorded: EvidenceAct[] = [];
  for (const act of batch.acts) {
    if (!(await isRecorded(sql, act))) addOnce(unrecorded, act);
  }
  if (unrecorded.length === 0) return;
  let position = await readHead(sql);
  const at = await readInstant(sql);
  for (const act of unrecorded) {
    const entry = entryOf(act, { sequence: position.sequence + 1, at, clock: batch.clock });
    position = await insertEntry(sql, position, entry);
  }
  await batch.alongside?.(sql, at);
}

async function isRecorded(sql: Sql, act: EvidenceAct): Promise<boolean> {
  const row = await textRow(sql, 'SELECT entry FROM entries WHERE kind = ? AND subject = ?', [
    act.kind,
    act.subject,
  ]);
  if (row === null) return false;
  const earlier = parseEntry(required(row, 'entry'));
  if (earlier !== null && isSameAct(earlier, act)) return true;
  throw otherDetails();
}

function addOnce(acts: EvidenceAct[], act: EvidenceAct): void {
  const twin = acts.find(({ kind, subject }) => kind === act.kind && subject === act.subject);
  if (twin === undefined) acts.push(act);
  else if (!isSameAct(twin, act)) throw otherDetails();
}

const isSameAct = (a: EvidenceAct, b: EvidenceAct): boolean =>
  canonicalText([a.tenantId, a.details]) === canonicalText([b.tenantId, b.details]);

const otherDetails = (): LetheError =>
  new LetheError(
    'DIGEST_MISMATCH',
    'the act is in the ledger with other details; it is kept as it is',
    {
      field: 'details',
    },
  );

const entryOf = (
  act: EvidenceAct,
  place: Pick<LedgerEntry, 'sequence' | 'at' | 'clock'>,
): LedgerEntry => ({
  version: 1,
  ...place,
  tenantId: act.tenantId,
  kind: act.kind,
  subject: act.subject,
  details: act.details,
});

async function insertEntry(
  sql: Sql,
  previous: LedgerPosition,
  entry: LedgerEntry,
): Promise<LedgerPosition> {
  const text = entryText(entry, canonicalText);
  if (text.length > TEXT_MAX) {
    throw new LetheError('INVALID_INPUT', `details must have at most ${TEXT_MAX} characters`, {
      field: 'details',
    });
  }
  const position = positionAfter(previous, text, sha256);
  await sql.execute(
    `INSERT INTO entries (sequence, tenant_id, kind, at, subject, entry, hash)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    [
      position.sequence,
      entry.tenantId,
      entry.kind,
      toSqlTime(entry.at),
      entry.subject,
      text,
      position.hash,
    ],
  );
  return position;
}

async function readInstant(sql: Sql): Promise<string> {
  const row = await textRow(sql, 'SELECT lethe_now() AS instant');
  return toInstant(required(row ?? {}, 'instant'));
}

/** Only the migrator of a simulation makes the table that moves the clock. */
async function readClock(pool: SqlPool): Promise<EvidenceClock> {
  const row = await textRow(
    pool,
    `SELECT COUNT(*) AS movable FROM information_schema.tables
      WHERE table_schema = DATABASE() AND table_name = 'simulation_clock'`,
  );
  return required(row ?? {}, 'movable') === '0' ? 'system' : 'simulated';
}

async function insertCheckpoint(
  pool: SqlPool,
  position: LedgerPosition,
  { versionId, signed }: { readonly versionId: string; readonly signed: string },
): Promise<void> {
  const known = await textRow(pool, 'SELECT sequence, hash FROM checkpoints WHERE sequence = ?', [
    position.sequence,
  ]);
  if (known === null) {
    await pool.execute(
      `INSERT INTO checkpoints (sequence, hash, exported_at, object_version, signed)
       VALUES (?, ?, lethe_now(), ?, ?)`,
      [position.sequence, position.hash, versionId, signed],
    );
  } else if (toPosition(known).hash !== position.hash) {
    throw new LetheError('DIGEST_MISMATCH', 'another hash was exported for that ledger position');
  }
}
