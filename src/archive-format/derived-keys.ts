import { createHmac, hkdfSync } from 'node:crypto';
import { refuse } from '../contracts/field-checks';

/** Bytes of a data key, and of every key derived from it. */
export const KEY_BYTES = 32;

/** What a key is derived for; no two uses share one. */
const LABELS = Object.freeze({
  part: 'lethe/archive/1/part',
  manifest: 'lethe/archive/1/manifest',
  plaintext: 'lethe/archive/1/plaintext',
  setDigest: 'lethe/archive/1/set-digest',
} as const);

/**
 * Refuses what cannot be a data key; a buffer of zeros is one that was never filled.
 *
 * @throws LetheError INVALID_INPUT.
 */
export function assertKey(key: unknown, field: string): asserts key is Buffer {
  if (!Buffer.isBuffer(key) || key.length !== KEY_BYTES || key.every((byte) => byte === 0)) {
    refuse('INVALID_INPUT', field, `must be ${KEY_BYTES} random bytes`);
  }
}

/** A message authentication code in the making. */
export type Mac = ReturnType<typeof createHmac>;

/** What a code is made for. */
type CodeUse = Exclude<keyof typeof LABELS, 'part'>;

/** The key of the codes of one use (HKDF-SHA-256 without salt). */
export function derivedKey(use: CodeUse, dataKey: Buffer): Buffer {
  assertKey(dataKey, 'dataKey');
  return Buffer.from(hkdfSync('sha256', dataKey, Buffer.alloc(0), LABELS[use], KEY_BYTES));
}

/** Makes codes (HMAC-SHA-256) for one use, under the key derived for it. */
export function macsFor(use: CodeUse, dataKey: Buffer): () => Mac {
  const key = derivedKey(use, dataKey);
  return () => createHmac('sha256', key);
}

/** Keys of one part. */
export interface PartKeys {
  /** Seals the frames. */
  readonly fileKey: Buffer;
  /** Stands behind the header: proves the header and that the key is the right one. */
  readonly headerTag: Buffer;
}

/**
 * Derives a part's own keys from its salt and its whole header. The salt is random per attempt at a part,
 * so that a repeated attempt meets the same counter under another key.
 */
export function partKeys(dataKey: Buffer, salt: Buffer, headerHash: Buffer): PartKeys {
  assertKey(dataKey, 'dataKey');
  const info = Buffer.concat([Buffer.from(LABELS.part), headerHash]);
  const derived = Buffer.from(hkdfSync('sha256', dataKey, salt, info, 2 * KEY_BYTES));
  return { fileKey: derived.subarray(0, KEY_BYTES), headerTag: derived.subarray(KEY_BYTES) };
}
