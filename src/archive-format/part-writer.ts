import { createHash } from 'node:crypto';
import { refuse } from '../contracts/field-checks';
import { codecNamed, defaultCodec, type Codec, type CodecId } from './codecs';
import { assertKey, macsFor, type Mac } from './derived-keys';
import { FRAME_BYTES, sealFrame, type FrameKey } from './frames';
import { assertPartIdentity, assertSchema, type PartIdentity, type RecordSchema } from './identity';
import { beginHeader } from './part-header';
import { layoutOf, type RecordLayout } from './records';

/** Longest plaintext of a part, in bytes; callers end a part at 4 to 16 MiB, long before. */
export const PART_PLAINTEXT_BYTES_MAX = 512 * 1024 * 1024;
/** A frame in the making starts small, in bytes: hundreds of parts may be open at once. */
const OPEN_FRAME_BYTES = 16 * 1024;

/** What a part is to be. */
export interface PartOrder {
  readonly identity: PartIdentity;
  readonly schema: RecordSchema;
  /** The cohort's data key, 32 bytes. */
  readonly dataKey: Buffer;
  /** The best one the runtime has when absent. */
  readonly codec?: CodecId;
}

/** A part as it is stored, and what the manifest says of it. */
export interface SealedPart {
  readonly bytes: Buffer;
  readonly records: number;
  readonly plaintextBytes: number;
  /** Keyed digest of the plaintext, hexadecimal; it says nothing once the key is gone. */
  readonly plaintextMac: string;
  /** SHA-256 of `bytes`, hexadecimal. */
  readonly sha256: string;
}

/** A part in the making; synchronous, so that records of many cohorts can be told apart in one pass. */
export interface PartWriter {
  /** Number of the part. */
  readonly part: number;
  readonly records: number;
  /** Plaintext taken so far, in bytes: what a part's budget is about. */
  readonly plaintextBytes: number;
  /** Memory held, in bytes: sealed frames and the open one (at most 1 MiB). */
  readonly bufferedBytes: number;
  /**
   * Takes a record and copies it; the caller may use its buffer again.
   *
   * @throws LetheError INVALID_INPUT for what is no record of the schema; the part is as before.
   */
  append(record: Buffer): void;
  /** Seals the last frame. The writer takes nothing more; for a moment memory is twice the part's size. */
  finish(): SealedPart;
}

/**
 * Starts a part under a salt of its own. The plaintext is cut into frames of 1 MiB, and each is
 * compressed and sealed as soon as it is full.
 *
 * @throws LetheError INVALID_INPUT, INVALID_TENANT_ID, or CONFIGURATION_INVALID for a codec that is missing.
 */
export function createPartWriter(order: PartOrder): PartWriter {
  const { identity, schema, dataKey, codec = defaultCodec() } = order;
  assertPartIdentity(identity);
  assertSchema(schema, identity.location);
  assertKey(dataKey, 'dataKey');
  return new SealingPart({ ...order, codec });
}

class SealingPart implements PartWriter {
  readonly part: number;
  records = 0;
  plaintextBytes = 0;
  private readonly layout: RecordLayout;
  private readonly codec: Codec;
  private readonly frameKey: FrameKey;
  private readonly plaintextMac: Mac;
  private readonly sealed: Buffer[];
  private sealedBytes: number;
  private frames = 0;
  private open = Buffer.allocUnsafe(OPEN_FRAME_BYTES);
  private openBytes = 0;
  private finished = false;

  constructor({ identity, schema, dataKey, codec }: Required<PartOrder>) {
    this.part = identity.part;
    this.layout = layoutOf(schema);
    this.codec = codecNamed(codec);
    const header = beginHeader(identity, { schema, codec }, dataKey);
    this.frameKey = header.frameKey;
    this.sealed = [header.bytes];
    this.sealedBytes = header.bytes.length;
    this.plaintextMac = macsFor('plaintext', dataKey)();
  }

  get bufferedBytes(): number {
    return this.sealedBytes + this.open.length;
  }

  append(record: Buffer): void {
    this.assertOpen();
    this.layout.assertRecord(record);
    if (this.plaintextBytes + record.length >= PART_PLAINTEXT_BYTES_MAX) {
      refuse('INVALID_INPUT', 'record', 'would make the part too long; begin another part');
    }
    this.write(record);
    this.write(this.layout.end);
    this.records += 1;
  }

  finish(): SealedPart {
    this.assertOpen();
    this.finished = true;
    this.sealOpenFrame(true);
    this.frameKey.fileKey.fill(0);
    const bytes = Buffer.concat(this.sealed);
    this.sealed.length = 0;
    return {
      bytes,
      records: this.records,
      plaintextBytes: this.plaintextBytes,
      plaintextMac: this.plaintextMac.digest('hex'),
      sha256: createHash('sha256').update(bytes).digest('hex'),
    };
  }

  private assertOpen(): void {
    if (this.finished) refuse('INVALID_INPUT', 'part', 'is finished; begin another part');
  }

  /** A full frame waits until more comes, because the last one is sealed as such. */
  private write(bytes: Buffer): void {
    this.plaintextBytes += bytes.length;
    for (let from = 0; from < bytes.length;) {
      if (this.openBytes === FRAME_BYTES) this.sealOpenFrame(false);
      const to = Math.min(bytes.length, from + FRAME_BYTES - this.openBytes);
      this.makeRoom(to - from);
      bytes.copy(this.open, this.openBytes, from, to);
      this.openBytes += to - from;
      from = to;
    }
  }

  private makeRoom(bytes: number): void {
    const wanted = this.openBytes + bytes;
    if (wanted <= this.open.length) return;
    let size = this.open.length;
    while (size < wanted) size *= 2;
    const grown = Buffer.allocUnsafe(size);
    this.open.copy(grown, 0, 0, this.openBytes);
    this.open = grown;
  }

  private sealOpenFrame(last: boolean): void {
    const frame = this.open.subarray(0, this.openBytes);
    // Once a frame and not once a record: the code is over the same bytes.
    this.plaintextMac.update(frame);
    const content = this.codec.compress(frame);
    const pieces = sealFrame(this.frameKey, { index: this.frames, last }, content);
    this.sealed.push(...pieces);
    this.sealedBytes += pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.frames += 1;
    this.openBytes = 0;
  }
}
