import { createHmac } from 'node:crypto';
import { invalid } from './failures';

/** Hashes text under the salt of one tenant: 64 hexadecimal digits. */
export type KeyedHash = (text: string) => string;

/** Shorter salts could be tried out together with the short secrets they hide. */
const SALT_BYTES_MIN = 16;

/**
 * Binds the hash that stands for what must not be stored. It is keyed, because a plain digest of a short
 * password or of a known command with a password in it can be tried out by anybody who reads it.
 *
 * @param salt - of the tenant and always the same: with another one, everything would look changed.
 * @throws LetheError INVALID_INPUT when the salt is too short.
 */
export function bindKeyedHash(salt: Uint8Array): KeyedHash {
  if (!(salt instanceof Uint8Array) || salt.length < SALT_BYTES_MIN) {
    throw invalid('salt', `must be at least ${SALT_BYTES_MIN} bytes`);
  }
  return (text) => createHmac('sha256', salt).update(text, 'utf8').digest('hex');
}
