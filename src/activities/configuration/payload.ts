import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { LetheError } from '../../domain/errors';
import type { RecordLocation } from '../../domain/inventory';

/** Everything a payload is bound to: moved to another place, it does not open. */
export interface PayloadPlace {
  readonly tenantId: string;
  readonly generation: number;
  readonly location: RecordLocation;
  readonly versionId: string;
  readonly settingId: string;
  readonly changedAt: string;
}

const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const LENGTH_BYTES = 4;
/** Lengths are rounded up, so that a ciphertext does not tell `true` from `false`. */
const BLOCK_BYTES = 256;

const boundTo = (place: PayloadPlace): Buffer =>
  Buffer.from(
    JSON.stringify([
      'lethe-configuration',
      FORMAT,
      place.tenantId,
      place.generation,
      place.location,
      place.versionId,
      place.settingId,
      place.changedAt,
    ]),
    'utf8',
  );

/** One key per purpose, so that the digests tell nothing about the encryption. */
const subkey = (dataKey: Buffer, purpose: 'encryption' | 'digest'): Buffer =>
  Buffer.from(hkdfSync('sha256', dataKey, '', `lethe-configuration-${purpose}`, 32));

/**
 * Encrypts a body with AES-256-GCM under the key of its generation: format byte, random nonce,
 * ciphertext of the padded text, tag.
 */
export function sealPayload(text: string, place: PayloadPlace, dataKey: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const key = subkey(dataKey, 'encryption');
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundTo(place));
  const sealed = Buffer.concat([cipher.update(pad(text)), cipher.final()]);
  return Buffer.concat([Buffer.from([FORMAT]), nonce, sealed, cipher.getAuthTag()]);
}

/**
 * Opens a payload.
 *
 * @throws LetheError DIGEST_MISMATCH when it was altered or belongs to another tenant, generation,
 *   location, version, setting or instant.
 */
export function openPayload(payload: Buffer, place: PayloadPlace, dataKey: Buffer): string {
  if (payload.length < 1 + NONCE_BYTES + TAG_BYTES || payload[0] !== FORMAT) throw damaged();
  const end = payload.length - TAG_BYTES;
  const nonce = payload.subarray(1, 1 + NONCE_BYTES);
  const key = subkey(dataKey, 'encryption');
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(boundTo(place));
  decipher.setAuthTag(payload.subarray(end));
  try {
    const padded = decipher.update(payload.subarray(1 + NONCE_BYTES, end));
    return unpad(Buffer.concat([padded, decipher.final()]));
  } catch {
    throw damaged();
  }
}

/**
 * Digest of a body that only the holder of the generation's key can compute, and that differs between
 * versions of the same content: without the key it cannot be used to guess the body.
 */
export const payloadDigest = (text: string, place: PayloadPlace, dataKey: Buffer): string =>
  createHmac('sha256', subkey(dataKey, 'digest'))
    .update(JSON.stringify([place.location, place.versionId, place.settingId, text]))
    .digest('hex');

function pad(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const length = Math.ceil((LENGTH_BYTES + bytes.length) / BLOCK_BYTES) * BLOCK_BYTES;
  const padded = Buffer.alloc(length);
  padded.writeUInt32BE(bytes.length, 0);
  bytes.copy(padded, LENGTH_BYTES);
  return padded;
}

const unpad = (padded: Buffer): string =>
  padded.subarray(LENGTH_BYTES, LENGTH_BYTES + padded.readUInt32BE(0)).toString('utf8');

const damaged = (): LetheError =>
  new LetheError(
    'DIGEST_MISMATCH',
    'a configuration payload was altered or moved; it does not open',
  );
