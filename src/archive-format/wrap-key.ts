import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { matching } from '../contracts/field-checks';
import { assertKey, KEY_BYTES } from './derived-keys';
import { invalid } from './failures';

/**
 * A wrapped key: layout version (1 byte), length of the wrapping key's id (1 byte), that id, nonce
 * (12 bytes), ciphertext (32 bytes), tag (16 bytes).
 */
const LAYOUT_VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ID_AT = 2;
const CIPHER = 'aes-256-gcm';
const LABEL = 'lethe/archive/1/wrapped-key';

/** The key that wraps keys. */
export interface WrappingKey {
  /** Opaque name by which it is found again, 1 to 64 of [0-9A-Za-z_.:-]. */
  readonly kekId: string;
  /** 32 bytes. */
  readonly kek: Buffer;
}

/** Which key is wrapped, for whom; a wrapping opens for nothing else. */
export interface KeyContext {
  readonly keyRef: string;
  readonly tenantId: string;
}

const kekIdCheck = matching(/^[0-9A-Za-z_.:-]{1,64}$/, 'must be an opaque id');
const contextCheck = matching(/^[\x21-\x7e]{1,160}$/, 'must be 1 to 160 visible characters');

/**
 * Wraps a data key under a random nonce; at most 2^32 wrappings per wrapping key.
 *
 * @throws LetheError INVALID_INPUT.
 */
export function wrapKey(by: WrappingKey, dataKey: Buffer, context: KeyContext): Buffer {
  assertKey(by.kek, 'kek');
  assertKey(dataKey, 'dataKey');
  const id = idBytes(by.kekId);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, by.kek, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundTo(id, context));
  const body = Buffer.concat([cipher.update(dataKey), cipher.final()]);
  const head = Buffer.from([LAYOUT_VERSION, id.length]);
  return Buffer.concat([head, id, nonce, body, cipher.getAuthTag()]);
}

/**
 * Unwraps a data key.
 *
 * @throws LetheError ARCHIVE_INVALID when the wrapping was altered, is of another key or tenant, or was
 *   made with another wrapping key.
 */
export function unwrapKey(by: WrappingKey, wrapped: Buffer, context: KeyContext): Buffer {
  assertKey(by.kek, 'kek');
  const id = idBytes(by.kekId);
  if (wrappingKeyIdOf(wrapped) !== by.kekId) {
    throw invalid('the key was wrapped with another wrapping key');
  }
  const nonceAt = ID_AT + id.length;
  const bodyAt = nonceAt + NONCE_BYTES;
  const decipher = createDecipheriv(CIPHER, by.kek, wrapped.subarray(nonceAt, bodyAt), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(boundTo(id, context));
  decipher.setAuthTag(wrapped.subarray(bodyAt + KEY_BYTES));
  const body = decipher.update(wrapped.subarray(bodyAt, bodyAt + KEY_BYTES));
  try {
    return Buffer.concat([body, decipher.final()]);
  } catch {
    throw invalid('the wrapped key was altered, or is of another key or tenant');
  }
}

/**
 * Reads which wrapping key a wrapped key needs.
 *
 * @throws LetheError ARCHIVE_INVALID when it is no wrapped key.
 */
export function wrappingKeyIdOf(wrapped: Buffer): string {
  const [version, idLength = 0] = wrapped;
  const length = ID_AT + idLength + NONCE_BYTES + KEY_BYTES + TAG_BYTES;
  if (version !== LAYOUT_VERSION || wrapped.length !== length) {
    throw invalid('the wrapped key has an unknown layout');
  }
  return wrapped.toString('latin1', ID_AT, ID_AT + idLength);
}

function idBytes(kekId: string): Buffer {
  kekIdCheck(kekId, 'kekId');
  return Buffer.from(kekId, 'latin1');
}

function boundTo(id: Buffer, { keyRef, tenantId }: KeyContext): Buffer {
  contextCheck(keyRef, 'keyRef');
  contextCheck(tenantId, 'tenantId');
  return Buffer.from(JSON.stringify([LABEL, id.toString('latin1'), keyRef, tenantId]), 'utf8');
}
