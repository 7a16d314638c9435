import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';

/** Bytes of a raw public key. */
const KEY_BYTES = 32;
/** Bytes of a signature. */
const SIGNATURE_BYTES = 64;
/** What stands before the 32 bytes of a public key in its DER form. @source RFC 8410 */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/** Signs bytes. */
export const signBytes = (bytes: Buffer, key: KeyObject): Buffer => sign(null, bytes, key);

/** Whether a signature is the key's over the bytes. */
export const verifyBytes = (bytes: Buffer, key: KeyObject, signature: Buffer): boolean =>
  signature.length === SIGNATURE_BYTES && verify(null, bytes, key, signature);

/** The 32 bytes of a public key, or of a private key's public half. */
export function rawPublicKey(key: KeyObject): Buffer {
  const half = key.type === 'private' ? createPublicKey(key) : key;
  return half.export({ format: 'der', type: 'spki' }).subarray(SPKI.length);
}

/** A public key from its 32 bytes, or null when they are none. */
export function publicKeyOf(raw: Buffer): KeyObject | null {
  if (raw.length !== KEY_BYTES) return null;
  return publicKeyOfDer(Buffer.concat([SPKI, raw]));
}

/** A public key from the DER form that a PEM file carries, or null when it is no Ed25519 key. */
export function publicKeyOfDer(der: Buffer): KeyObject | null {
  if (!der.subarray(0, SPKI.length).equals(SPKI)) return null;
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

/** A private key from a PEM text, or null when it is no Ed25519 key. */
export function privateKeyOf(pem: string): KeyObject | null {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? key : null;
  } catch {
    return null;
  }
}
