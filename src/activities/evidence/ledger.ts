import { LetheError, isLetheError } from '../../domain/errors';
import {
  assertAct,
  type EvidenceAct,
  type EvidenceClock,
  type LedgerPosition,
} from '../../domain/evidence';
import type { Sql, SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import { required, textRow } from '../control/sql-text';
import { isTaken } from '../taken';
import { createGroup } from './group';
import { toPosition } from './read-ledger';
import { readInstant, recordActs } from './record-acts';

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

/** Acts of one call, and of several calls that share a transaction. */
const ACTS_MAX = 500;
const GROUP_MAX = 512;
/** Every round somebody else was faster and the chain grew, so this many writers would have to meet. */
const ROUNDS_MAX = 100;
/** How often an answer that was lost, or a store that was away, is followed by another look. */
const LOST_MAX = 3;

/**
 * The evidence ledger on its own database, with a login that inserts and selects. Entries are numbered
 * without a gap; two writers cannot take the same number, the slower one reads again. Acts that are
 * appended while a transaction runs go into the next one together, each with an outcome of its own.
 *
 * Effect: one row per act that is new.
 * @idempotency an act is named by kind and subject and recorded once; also after an unknown outcome.
 * @throws LetheError INVALID_INPUT when an act could carry content; DIGEST_MISMATCH when the same act was
 *   recorded with other details; STORE_UNAVAILABLE or OUTCOME_UNKNOWN.
 */
export function createEvidenceLedger({ pool }: { readonly pool: SqlPool }): Ledger {
  let known: EvidenceClock | null = null;
  const clock = async (): Promise<EvidenceClock> => (known ??= await readClock(pool));
  const commit: Ledger['appendAll'] = async (acts, alongside) => {
    const batch = { acts, alongside, clock: await clock() };
    await untilRecorded(() => pool.transaction((sql) => recordActs(sql, batch)));
  };
  const group = createGroup<EvidenceAct>(commit, { together: GROUP_MAX, isOfAll: isLost });
  return {
    pool,
    clock,
    instant: () => readInstant(pool),
    append: async (act) => {
      assertAct(act);
      await group.add(act);
    },
    appendAll: async (acts, alongside) => {
      assertActs(acts);
      await commit(acts, alongside);
    },
    recordCheckpoint: (position, exported) =>
      untilRecorded(() => insertCheckpoint(pool, position, exported)),
  };
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

const isLost = (error: unknown): boolean =>
  isLetheError(error) && (error.code === 'OUTCOME_UNKNOWN' || error.code === 'STORE_UNAVAILABLE');

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
