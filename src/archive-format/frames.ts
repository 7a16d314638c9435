import { createCipheriv, createDecipheriv } from 'node:crypto';
import { invalid } from './failures';

/** Plaintext of a frame, in bytes. Every frame but the last has exactly this much. */
export const FRAME_BYTES = 1024 * 1024;
/** A codec may lengthen what it cannot shorten by this much at most, in bytes. */
const EXPANSION_BYTES = 64 * 1024;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
/** The counter is 11 bytes wide; 6 of them are more than any part needs and a safe integer. */
const COUNTER_AT = 5;
const COUNTER_BYTES = 6;
const LENGTH_BYTES = 4;
const LAST_FLAG = 0x8000_0000;
const CIPHER = 'aes-256-gcm';

/** Longest sealed frame that is read, in bytes. */
const SEALED_FRAME_BYTES_MAX = FRAME_BYTES + EXPANSION_BYTES + TAG_BYTES;

/** What the frames of one part are sealed with. */
export interface FrameKey {
  /** 32 bytes, used for this part only. */
  readonly fileKey: Buffer;
  /** SHA-256 of the header; bound to every frame. */
  readonly headerHash: Buffer;
}

/** Where a frame stands in its part. */
export interface FramePosition {
  /** From 0. */
  readonly index: number;
  readonly last: boolean;
}

/** Seals one frame: its length word and its ciphertext with the tag behind it. */
export function sealFrame(
  { fileKey, headerHash }: FrameKey,
  position: FramePosition,
  content: Buffer,
): readonly Buffer[] {
  const cipher = createCipheriv(CIPHER, fileKey, nonceOf(position), { authTagLength: TAG_BYTES });
  cipher.setAAD(headerHash);
  const body = Buffer.concat([cipher.update(content), cipher.final()]);
  const word = Buffer.alloc(LENGTH_BYTES);
  word.writeUInt32BE((body.length + TAG_BYTES + (position.last ? LAST_FLAG : 0)) >>> 0);
  return [word, body, cipher.getAuthTag()];
}

/**
 * Reads the length word in front of a frame. It is not secret and not yet trusted: a changed length or
 * flag makes the tag wrong, and no length makes the reader set aside more than a frame.
 *
 * @throws LetheError ARCHIVE_INVALID when no frame can have that length.
 */
export function parseLengthWord(word: Buffer): { readonly length: number; readonly last: boolean } {
  const value = word.readUInt32BE();
  const last = value >= LAST_FLAG;
  const length = last ? value - LAST_FLAG : value;
  if (length < TAG_BYTES || length > SEALED_FRAME_BYTES_MAX) {
    throw invalid('a frame of the part has an impossible length');
  }
  return { length, last };
}

/** Bytes in front of each frame. */
export const LENGTH_WORD_BYTES = LENGTH_BYTES;

/**
 * Opens a frame; nothing of it leaves before its tag is right.
 *
 * @throws LetheError ARCHIVE_INVALID when it was altered, moved or belongs to another part.
 */
export function openFrame(
  { fileKey, headerHash }: FrameKey,
  position: FramePosition,
  sealed: Buffer,
): Buffer {
  const decipher = createDecipheriv(CIPHER, fileKey, nonceOf(position), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(headerHash);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const body = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
  try {
    // In this mode everything has come before the end: nothing is left that a copy would have to join.
    const rest = decipher.final();
    return rest.length === 0 ? body : Buffer.concat([body, rest]);
  } catch {
    throw invalid('a frame of the part was altered, moved or taken from another part');
  }
}

function nonceOf({ index, last }: FramePosition): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUIntBE(index, COUNTER_AT, COUNTER_BYTES);
  nonce.writeUInt8(last ? 1 : 0, NONCE_BYTES - 1);
  return nonce;
}
