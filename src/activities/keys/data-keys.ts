import { randomBytes } from 'node:crypto';
import { LetheError, isLetheError, type FailureCode } from '../../domain/errors';
import { parseInstant } from '../../domain/instants';
import type { KekRing } from '../../contracts/keys';
import type { SqlPool } from '../../contracts/sql';
import type { DataKeys } from '../../contracts/stores';
import { isTaken } from '../taken';
import { assertIdentity, insertKey, noSuchKey, readKeyState, type WrappingRow } from './key-rows';
import { DATA_KEY_BYTES, unwrapKey, wrapKey, type Kek, type KeyIdentity } from './wrapping';

/** Where keys are kept and what they are wrapped with. */
export interface KeyPorts {
  /** The keys login on the keys database: it inserts and selects. */
  readonly pool: SqlPool;
  readonly kek: KekRing;
}

/** Rounds of "somebody was faster, read again"; more means that the store keeps losing rows. */
const ROUNDS_MAX = 8;
/** After these the truth is read from the store again, never assumed. */
const READ_AGAIN: readonly FailureCode[] = ['OUTCOME_UNKNOWN', 'STORE_UNAVAILABLE'];

/**
 * Data keys on the keys database. A key is random, is wrapped before it is stored, and is always given
 * out as the store has it, so that two makers of one key end with the same bytes. Nothing is kept in
 * memory between calls: a key that was destroyed is refused from then on.
 *
 * Effect: `ensure` inserts one key and one wrapping; `read` changes nothing.
 * @idempotency `ensure` finds what an earlier call made, also after an unknown outcome.
 * @source ST-2, AB-3
 */
export function createDataKeys(ports: KeyPorts): DataKeys {
  return {
    ensure: async (key) => {
      assertIdentity(key);
      parseInstant(key.notBefore, 'notBefore');
      for (let round = 0; round < ROUNDS_MAX; round += 1) {
        const known = await openKnown(ports, key);
        if (known !== null) return known;
        await insertUnlessTaken(ports, key);
      }
      throw new LetheError('STORE_UNAVAILABLE', 'the key store does not keep a new data key');
    },
    read: async (identity) => {
      assertIdentity(identity);
      const known = await openKnown(ports, identity);
      if (known === null) throw noSuchKey();
      return known;
    },
  };
}

/**
 * The KEK of that id, or the current one.
 *
 * @throws LetheError CONFIGURATION_INVALID when the key-encryption key is not in LETHE_KEK_FILE.
 */
export function kekOf(ring: KekRing, id: string = ring.currentId): Kek {
  const key = ring.keys.get(id);
  if (key?.length === DATA_KEY_BYTES) return { id, key };
  throw new LetheError(
    'CONFIGURATION_INVALID',
    'LETHE_KEK_FILE lacks a key-encryption key that is needed; add it and restart',
    { field: 'LETHE_KEK_FILE' },
  );
}

/**
 * Opens the newest wrapping whose key-encryption key this process has: during a rotation another process
 * may be ahead. One that does not open is a failure and never a reason to try an older one.
 */
export function openNewest(
  ring: KekRing,
  identity: KeyIdentity,
  wrappings: readonly WrappingRow[],
): Buffer {
  const newest = wrappings.find(({ kekId }) => ring.keys.has(kekId)) ?? wrappings[0];
  if (newest === undefined) throw noSuchKey();
  return unwrapKey(newest.wrapped, identity, kekOf(ring, newest.kekId));
}

async function openKnown(ports: KeyPorts, identity: KeyIdentity): Promise<Buffer | null> {
  const found = await readKeyState(ports.pool, identity);
  switch (found.state) {
    case 'absent':
      return null;
    case 'destroyed':
      throw new LetheError(
        'KEY_DESTROYED',
        'the data key has been destroyed and is not made again',
        {
          field: 'keyRef',
        },
      );
    case 'live':
      return openNewest(ports.kek, identity, found.wrappings);
  }
}

async function insertUnlessTaken(
  ports: KeyPorts,
  key: KeyIdentity & { readonly notBefore: string },
): Promise<void> {
  const kek = kekOf(ports.kek);
  const wrapped = wrapKey(randomBytes(DATA_KEY_BYTES), key, kek);
  try {
    await ports.pool.transaction((sql) => insertKey(sql, key, { kekId: kek.id, wrapped }));
  } catch (error) {
    if (isTaken(error) || (isLetheError(error) && READ_AGAIN.includes(error.code))) return;
    throw error;
  }
}
