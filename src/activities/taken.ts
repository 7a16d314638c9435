import { LetheError } from '../domain/errors';

/** Each round was lost to somebody whose row is there now; this many would have to meet at one key. */
const ROUNDS_MAX = 10;

/** Whether the SQL store refused a row because its key is taken. */
export const isTaken = (error: unknown): boolean =>
  (error as { code?: unknown } | null)?.code === 'ER_DUP_ENTRY';

/**
 * Runs the insert of a row that only says that something is so. When somebody else writes it in the same moment its key
 * decides, theirs stands and says the same; only this statement is undone, not the transaction that it is in.
 *
 * @idempotency a row that is there stays as it is.
 */
export async function unlessTaken(insert: () => Promise<unknown>): Promise<void> {
  try {
    await insert();
  } catch (error) {
    if (!isTaken(error)) throw error;
  }
}

/**
 * Runs a transaction that looks and then writes again when somebody else took its key in between: what it
 * finds then is the truth, and its refusal or its answer is the right one.
 *
 * @throws LetheError STORE_UNAVAILABLE when it lost every time; nothing is written then.
 */
export async function againIfTaken<T>(work: () => Promise<T>): Promise<T> {
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
  }
  throw new LetheError('STORE_UNAVAILABLE', 'the SQL store is contended; nothing was recorded', {
    store: 'sql',
  });
}
