import { LetheError } from '../../domain/errors';
import type { SqlPool } from '../../contracts/sql';
import { required, textRow, textRows } from './sql-text';

/** An attempt in a store without transactions that an interlock must undo before it is acknowledged. */
export interface InterruptedAttempt {
  readonly attemptId: string;
  readonly tenantId: string;
  readonly location: string;
  readonly assetId: string;
}

/** What an interlock needs beside the stores. */
export interface InterlockPorts {
  readonly control: SqlPool;
  readonly keys: SqlPool;
  /** Takes an attempt's stamps off again; safe to repeat. */
  readonly unstamp: (attempt: InterruptedAttempt) => Promise<void>;
  /** Resolves after `milliseconds`, or earlier when the activity is cancelled. */
  readonly pause: (milliseconds: number) => Promise<void>;
}

/** How long a statement may still run after its lease: the stores' statement limit, in seconds. */
const STATEMENT_LIMIT_SECONDS = 30;
const POLL_MILLISECONDS = 100;
/** Longer than any lease; beyond it something is wrong and a person must look. */
const POLLS_MAX = 12_000;

/**
 * Makes an interlock that control has committed effective everywhere: revokes in the key store, waits
 * until no older attempt can still delete, takes their stamps off. Only then may it be acknowledged.
 *
 * @idempotency bumping again only makes older permits staler.
 * @throws LetheError OUTCOME_UNKNOWN when an older attempt did not end within its lease.
 * @throws LetheError STORE_UNAVAILABLE when the key store cannot be reached: not acknowledged then.
 */
export async function settleInterlock(ports: InterlockPorts, tenantId: string): Promise<void> {
  await ports.keys.execute('CALL ensure_epoch(?)', [tenantId]);
  await ports.keys.execute('CALL bump_key_epoch(?)', [tenantId]);
  for (let poll = 0; poll < POLLS_MAX; poll += 1) {
    if ((await countLive(ports, tenantId)) === 0) {
      await unstampInterrupted(ports, tenantId);
      return;
    }
    await ports.pause(POLL_MILLISECONDS);
  }
  throw new LetheError('OUTCOME_UNKNOWN', 'an older purge attempt did not end within its lease');
}

/** Keys of the tenant that are gone, from the key store itself and not from control's copy. */
export async function destroyedKeys(keys: SqlPool, tenantId: string): Promise<readonly string[]> {
  const rows = await textRows(
    keys,
    `SELECT key_ref FROM key_tombstones WHERE tenant_id = ? AND kind = 'destroy' ORDER BY key_ref`,
    [tenantId],
  );
  return rows.map((row) => required(row, 'key_ref'));
}

async function countLive(ports: InterlockPorts, tenantId: string): Promise<number> {
  const attempts = await textRow(
    ports.control,
    `SELECT COUNT(*) AS live FROM attempts WHERE tenant_id = ? AND purpose = 'purge'
       AND ended_at IS NULL AND lease_until > lethe_now() - INTERVAL ${STATEMENT_LIMIT_SECONDS} SECOND`,
    [tenantId],
  );
  const permits = await textRow(
    ports.keys,
    `SELECT COUNT(*) AS live FROM key_permits WHERE tenant_id = ? AND used_at IS NULL
       AND revoked_at IS NULL AND expires_at > lethe_now()`,
    [tenantId],
  );
  return Number(attempts?.['live'] ?? 1) + Number(permits?.['live'] ?? 1);
}

async function unstampInterrupted(ports: InterlockPorts, tenantId: string): Promise<void> {
  const rows = await textRows(
    ports.control,
    `SELECT a.attempt_id, a.location, a.asset_id FROM attempts a
       JOIN permits p ON p.permit_id = a.permit_id
      WHERE a.tenant_id = ? AND a.purpose = 'purge' AND p.revoked_at IS NOT NULL
        AND p.used_at IS NULL AND a.location IS NOT NULL AND a.asset_id IS NOT NULL`,
    [tenantId],
  );
  for (const row of rows) {
    await ports.unstamp({
      attemptId: required(row, 'attempt_id'),
      tenantId,
      location: required(row, 'location'),
      assetId: required(row, 'asset_id'),
    });
  }
}
