import { LetheError } from '../../domain/errors';
import { isId } from '../../domain/identifiers';
import type { Sql } from '../../contracts/sql';
import { toSqlTime } from '../control/sql-text';
import type { KeyIdentity } from './wrapping';

/** A wrapping as it is stored. */
export interface WrappingRow {
  readonly number: number;
  readonly kekId: string;
  readonly wrapped: Buffer;
}

/** What the store knows of a key. */
export type KeyState =
  | { readonly state: 'absent' }
  | { readonly state: 'destroyed' }
  /** Newest first, at least one. */
  | { readonly state: 'live'; readonly wrappings: readonly WrappingRow[] };

/** A key that is about to be inserted. */
export interface NewKey extends KeyIdentity {
  readonly notBefore: string;
}

const COHORT_KEY = /^asset:(?<runId>[^:]+):\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const GENERATION_KEY = /^configuration:(?<tenantId>[^:]+):[1-9]\d{0,8}$/;

/**
 * Checks what a key is asked for by before anything is read or written.
 *
 * @throws LetheError INVALID_TENANT_ID or INVALID_INPUT; STORE_REFUSED when the reference names another
 *   tenant.
 */
export function assertIdentity({ keyRef, tenantId }: KeyIdentity): void {
  if (!isId('TenantId', tenantId)) {
    throw new LetheError('INVALID_TENANT_ID', 'tenantId is malformed', { field: 'tenantId' });
  }
  const text: unknown = keyRef;
  const cohort = typeof text === 'string' ? COHORT_KEY.exec(text)?.groups : undefined;
  if (cohort !== undefined && isId('RunId', cohort['runId'])) return;
  const generation = typeof text === 'string' ? GENERATION_KEY.exec(text)?.groups : undefined;
  if (generation === undefined) {
    throw new LetheError('INVALID_INPUT', 'keyRef is neither a cohort nor a generation', {
      field: 'keyRef',
    });
  }
  if (generation['tenantId'] !== tenantId) throw noSuchKey();
}

/**
 * Reads a key's state. A destroyed key and a key of another tenant never yield a wrapping. The tombstone
 * is read after the wrappings: destruction writes it where it removes them, in one transaction, so what
 * was read before is given out only when the key was still alive afterwards.
 *
 * @throws LetheError STORE_REFUSED for another tenant's key or for a key without any wrapping.
 */
export async function readKeyState(sql: Sql, identity: KeyIdentity): Promise<KeyState> {
  const rows = await sql.query(
    `SELECT k.tenant_id, w.wrapping_number, w.kek_id, w.wrapped FROM data_keys k
       LEFT JOIN key_wrappings w ON w.key_ref = k.key_ref
      WHERE k.key_ref = ? ORDER BY w.wrapping_number DESC`,
    [identity.keyRef],
  );
  const tombstones = await sql.query('SELECT tenant_id FROM key_tombstones WHERE key_ref = ?', [
    identity.keyRef,
  ]);
  const owners = [...rows, ...tombstones].map((row) => textOf(row['tenant_id']));
  if (owners.some((owner) => owner !== identity.tenantId)) throw noSuchKey();
  if (tombstones.length > 0) return { state: 'destroyed' };
  if (rows.length === 0) return { state: 'absent' };
  const wrappings = rows.filter((row) => row['wrapped'] !== null);
  if (wrappings.length === 0) {
    // Making another key here would hide that what the lost one encrypted cannot be read any more.
    throw new LetheError(
      'STORE_REFUSED',
      'a data key has no wrapping and no tombstone; it was lost',
    );
  }
  return {
    state: 'live',
    wrappings: wrappings.map((row) => ({
      number: Number(row['wrapping_number']),
      kekId: textOf(row['kek_id']),
      wrapped: bytesOf(row['wrapped']),
    })),
  };
}

/** Inserts a key that never existed, with its first wrapping, in the caller's transaction. */
export async function insertKey(
  sql: Sql,
  key: NewKey,
  wrapping: Omit<WrappingRow, 'number'>,
): Promise<void> {
  await sql.execute(
    `INSERT INTO data_keys (key_ref, tenant_id, not_before, created_at)
     VALUES (?, ?, ?, lethe_now())`,
    [key.keyRef, key.tenantId, toSqlTime(key.notBefore)],
  );
  await insertWrapping(sql, key.keyRef, { ...wrapping, number: 1 });
}

/** Adds a wrapping; earlier ones stay. */
export async function insertWrapping(
  sql: Sql,
  keyRef: string,
  wrapping: WrappingRow,
): Promise<void> {
  await sql.execute(
    `INSERT INTO key_wrappings (key_ref, wrapping_number, kek_id, wrapped, created_at)
     VALUES (?, ?, ?, ?, lethe_now())`,
    [keyRef, wrapping.number, wrapping.kekId, wrapping.wrapped],
  );
}

/** The refusal is the same whether there is no such key or it is another tenant's. */
export const noSuchKey = (): LetheError =>
  new LetheError('STORE_REFUSED', 'keyRef names no data key of this tenant', { field: 'keyRef' });

const bytesOf = (value: unknown): Buffer => {
  if (Buffer.isBuffer(value)) return value;
  throw new LetheError('STORE_REFUSED', 'the key store gave no bytes for a wrapping');
};
const textOf = (value: unknown): string => bytesOf(value).toString('utf8');
