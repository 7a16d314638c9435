import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { LetheError } from '../../domain/errors';

/** Which data key of which tenant a wrapping belongs to; it opens for nothing else. */
export interface KeyIdentity {
  readonly keyRef: string;
  readonly tenantId: string;
}

/** A key-encryption key with its id. */
export interface Kek {
  readonly id: string;
  readonly key: Buffer;
}

/** Length of a data key, in bytes. */
export const DATA_KEY_BYTES = 32;
const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const WRAPPED_BYTES = 1 + NONCE_BYTES + DATA_KEY_BYTES + TAG_BYTES;

/** Identity and wrapping key are authenticated: a wrapping moved to another row does not open there. */
const boundTo = (identity: KeyIdentity, kekId: string): Buffer =>
  Buffer.from(
    JSON.stringify(['lethe-wrapped-key', FORMAT, identity.keyRef, identity.tenantId, kekId]),
    'utf8',
  );

/**
 * Wraps a data key with AES-256-GCM: format byte, nonce, ciphertext, tag; 61 bytes. The nonce is random,
 * so wrapping twice gives two different texts.
 */
export function wrapKey(dataKey: Buffer, identity: KeyIdentity, kek: Kek): Buffer {
  if (dataKey.length !== DATA_KEY_BYTES) throw new RangeError('a data key has 32 bytes');
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', kek.key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundTo(identity, kek.id));
  const sealed = Buffer.concat([cipher.update(dataKey), cipher.final()]);
  return Buffer.concat([Buffer.from([FORMAT]), nonce, sealed, cipher.getAuthTag()]);
}

/**
 * Opens a wrapping.
 *
 * @throws LetheError DIGEST_MISMATCH when it was altered, belongs to another key or tenant, or was made
 *   with another key-encryption key of the same id.
 */
export function unwrapKey(wrapped: Buffer, identity: KeyIdentity, kek: Kek): Buffer {
  if (wrapped.length !== WRAPPED_BYTES || wrapped[0] !== FORMAT) throw damaged();
  const nonce = wrapped.subarray(1, 1 + NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', kek.key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(boundTo(identity, kek.id));
  decipher.setAuthTag(wrapped.subarray(WRAPPED_BYTES - TAG_BYTES));
  const sealed = wrapped.subarray(1 + NONCE_BYTES, WRAPPED_BYTES - TAG_BYTES);
  try {
    return Buffer.concat([decipher.update(sealed), decipher.final()]);
  } catch {
    throw damaged();
  }
}

const damaged = (): LetheError =>
  new LetheError(
    'DIGEST_MISMATCH',
    'a wrapped data key does not open: it was altered or moved, or LETHE_KEK_FILE holds another key under its id',
    { field: 'LETHE_KEK_FILE' },
  );
