import type { Sql, SqlPool } from '../../contracts/sql';
import { isLetheError, LetheError } from '../../domain/errors';
import { textRow } from '../control/sql-text';

/** How long a permit for one batch lives, in seconds: longer than a statement, short for a hold to wait. */
export const PERMIT_SECONDS = 60;

/** Logins of the side that removes: one issues permits, another uses them. */
export interface PermitPorts {
  /** The issuer's login on control. */
  readonly issuer: SqlPool;
  readonly newToken: () => string;
}

/**
 * Asks for a permit to move one batch of live rows whose copies are verified; the procedure decides by its
 * own clock.
 *
 * @idempotency every call asks for a permit of its own; one that nobody uses ends after {@link PERMIT_SECONDS}.
 * @returns the permit's id.
 * @throws SqlStoreError with the procedure's word when it refuses: a freeze, a stale window, a missing verdict.
 * @source AB-2
 */
export async function issueMovePermit(
  ports: PermitPorts,
  batch: {
    readonly tenantId: string;
    readonly runId: string;
    readonly location: string;
    readonly batchNumber: number;
  },
): Promise<string> {
  const permitId = `pm_${ports.newToken()}`;
  await ports.issuer.execute('CALL issue_move_permit(?, ?, ?, ?, ?, ?)', [
    permitId,
    batch.tenantId,
    batch.runId,
    batch.location,
    batch.batchNumber,
    PERMIT_SECONDS,
  ]);
  return permitId;
}

/** What the store says became of a permit; the only answer that counts after a lost one. */
async function isPermitUsed(sql: Sql, permitId: string): Promise<boolean> {
  const row = await textRow(sql, 'SELECT used_at FROM permits WHERE permit_id = ?', [permitId]);
  return row !== null && row['used_at'] !== null;
}

/**
 * Runs a guarded procedure and reads what became of it when its answer was lost: done, or not done. The
 * call is never sent again under the same permit.
 *
 * @throws LetheError OUTCOME_UNKNOWN while the store cannot say; the batch is tried under a new permit.
 */
export async function usingPermit(
  reader: Sql,
  permitId: string,
  act: () => Promise<unknown>,
): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!isLetheError(error) || error.code !== 'OUTCOME_UNKNOWN') throw error;
    if (await isPermitUsed(reader, permitId)) return;
    throw new LetheError('OUTCOME_UNKNOWN', 'the batch is tried again under a new permit', {
      cause: error,
    });
  }
}
