import { LetheError } from '../../domain/errors';
import type { Sql } from '../../contracts/sql';
import { required, textRows } from '../control/sql-text';
import { isTaken } from '../taken';
import { kekOf, openNewest, type KeyPorts } from './data-keys';
import { insertWrapping, readKeyState } from './key-rows';
import { wrapKey, type KeyIdentity } from './wrapping';

/** What a rotation did. */
export interface Rotation {
  /** Keys that got a wrapping under the new key-encryption key. */
  readonly rotated: number;
  /** Keys whose newest wrapping does not open; they keep it, and a person must look. */
  readonly unreadable: readonly string[];
}

/** Keys that are read at once. */
const PAGE = 200;

/**
 * Wraps every living data key with the key-encryption key `kekId` as well. Wrappings are added and never
 * changed, so a process that does not know the new key yet still opens the older one.
 *
 * Each key has its own short transaction that first locks the wrappings it copies: a destruction of the
 * key either waits and then removes the new wrapping too, or has removed them all and none is added.
 *
 * Effect: one row per key. Bounds: 200 keys in memory.
 * @idempotency a key that has a wrapping under `kekId` is skipped, so an interrupted rotation goes on.
 * @throws LetheError CONFIGURATION_INVALID when LETHE_KEK_FILE has no such key.
 */
export async function rotateWrappings(ports: KeyPorts, kekId: string): Promise<Rotation> {
  kekOf(ports.kek, kekId);
  const unreadable: string[] = [];
  let rotated = 0;
  let after = '';
  for (;;) {
    const page = await keysWithout(ports, kekId, after);
    for (const identity of page) {
      const outcome = await rewrap(ports, identity, kekId);
      if (outcome === 'rotated') rotated += 1;
      if (outcome === 'unreadable') unreadable.push(identity.keyRef);
      after = identity.keyRef;
    }
    if (page.length < PAGE) return { rotated, unreadable };
  }
}

async function keysWithout(
  ports: KeyPorts,
  kekId: string,
  after: string,
): Promise<readonly KeyIdentity[]> {
  const rows = await textRows(
    ports.pool,
    `SELECT k.key_ref, k.tenant_id FROM data_keys k
      WHERE k.key_ref > ?
        AND NOT EXISTS (SELECT 1 FROM key_tombstones t WHERE t.key_ref = k.key_ref)
        AND NOT EXISTS (SELECT 1 FROM key_wrappings w WHERE w.key_ref = k.key_ref AND w.kek_id = ?)
      ORDER BY k.key_ref LIMIT ${PAGE}`,
    [after, kekId],
  );
  return rows.map((row) => ({
    keyRef: required(row, 'key_ref'),
    tenantId: required(row, 'tenant_id'),
  }));
}

type Outcome = 'rotated' | 'skipped' | 'unreadable';

async function rewrap(ports: KeyPorts, identity: KeyIdentity, kekId: string): Promise<Outcome> {
  try {
    return await ports.pool.transaction((sql) => addWrapping(sql, ports, { identity, kekId }));
  } catch (error) {
    // Another rotation was faster, or the key was destroyed in between: both end the work on it.
    if (isTaken(error)) return 'skipped';
    if (!(error instanceof LetheError)) throw error;
    if (error.code === 'KEY_DESTROYED') return 'skipped';
    if (error.code === 'DIGEST_MISMATCH' || error.code === 'STORE_REFUSED') return 'unreadable';
    throw error;
  }
}

async function addWrapping(
  sql: Sql,
  ports: KeyPorts,
  { identity, kekId }: { readonly identity: KeyIdentity; readonly kekId: string },
): Promise<Outcome> {
  await sql.query(
    'SELECT wrapping_number FROM key_wrappings WHERE key_ref = ? LOCK IN SHARE MODE',
    [identity.keyRef],
  );
  const found = await readKeyState(sql, identity);
  if (found.state !== 'live' || found.wrappings.some((row) => row.kekId === kekId)) {
    return 'skipped';
  }
  const dataKey = openNewest(ports.kek, identity, found.wrappings);
  await insertWrapping(sql, identity.keyRef, {
    number: (found.wrappings[0]?.number ?? 0) + 1,
    kekId,
    wrapped: wrapKey(dataKey, identity, kekOf(ports.kek, kekId)),
  });
  return 'rotated';
}
