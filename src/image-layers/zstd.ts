import { setImmediate as nextTurn } from 'node:timers/promises';
import { LayerTrouble } from './layer-trouble';
import { createZstdExports, type ZstdExports } from './zstd-library';

/** Bytes that the decoder is given, and gives, at a time. */
const TAKEN_BYTES = 128 * 1024;
const GIVEN_BYTES = 256 * 1024;
/** Bytes after which timers and other scans have their turn; a small input may unfold to gigabytes. */
const TURN_BYTES = 4 * 1024 * 1024;
/** A structure of pointer, length and position. */
const POINTERS = 3;
const POINTER_BYTES = 4;

/** Results from here on are failures: the negated number says which. */
const FIRST_FAILURE = 2 ** 32 - 120;
/** The window is above 128 MiB, where the decoder draws its line. */
const WINDOW_TOO_LARGE = 16;

/**
 * Unpacks zstd while it arrives: frames behind each other, frames to be passed over, their checksums.
 *
 * @throws LayerTrouble `malformed` for a frame that is damaged, needs a dictionary or breaks off,
 *   `too-large` for a window above the limit; whatever `source` throws.
 */
export async function* unpackZstd(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const frames = new Frames(await createZstdExports());
  let sinceTurn = 0;
  for await (const piece of source) {
    for (const unpacked of frames.unpack(piece)) {
      yield unpacked;
      sinceTurn += unpacked.length;
      if (sinceTurn < TURN_BYTES) continue;
      sinceTurn = 0;
      await nextTurn();
    }
  }
  if (!frames.areWhole) throw new LayerTrouble('malformed', 'breaks off in the middle of a frame');
}

class Frames {
  /** Nothing of a frame is missing that has begun. */
  areWhole = true;
  private readonly context: number;
  private readonly taken: number;
  private readonly given: number;
  /** The two structures, the input's first. */
  private readonly pointers: number;

  constructor(private readonly zstd: ZstdExports) {
    this.context = zstd.ZSTD_createDCtx();
    this.taken = zstd.malloc(TAKEN_BYTES);
    this.given = zstd.malloc(GIVEN_BYTES);
    this.pointers = zstd.malloc(2 * POINTERS * POINTER_BYTES);
  }

  *unpack(piece: Buffer): Generator<Buffer> {
    for (let at = 0; at < piece.length; at += TAKEN_BYTES) {
      yield* this.unpackPart(piece.subarray(at, at + TAKEN_BYTES));
    }
  }

  private *unpackPart(part: Buffer): Generator<Buffer> {
    new Uint8Array(this.zstd.memory.buffer).set(part, this.taken);
    let [read, written] = [0, 0];
    // A full output may have more behind it, but not when the frame has ended.
    while (read < part.length || (written === GIVEN_BYTES && !this.areWhole)) {
      [read, written] = this.step(part.length, read);
      if (written === 0) continue;
      yield Buffer.from(this.zstd.memory.buffer.slice(this.given, this.given + written));
    }
  }

  private step(length: number, from: number): readonly [read: number, written: number] {
    const { zstd, pointers } = this;
    const out = pointers + POINTERS * POINTER_BYTES;
    // Growing gives the memory another buffer: it is asked for anew on both sides of the call.
    const before = [this.taken, length, from, this.given, GIVEN_BYTES, 0];
    new Uint32Array(zstd.memory.buffer, pointers, before.length).set(before);
    const result = zstd.ZSTD_decompressStream(this.context, out, pointers) >>> 0;
    if (result >= FIRST_FAILURE) throw troubleOf(2 ** 32 - result);
    this.areWhole = result === 0;
    const after = new Uint32Array(zstd.memory.buffer, pointers, before.length);
    return [after[2] ?? 0, after[5] ?? 0];
  }
}

const troubleOf = (failure: number): LayerTrouble =>
  failure === WINDOW_TOO_LARGE
    ? new LayerTrouble('too-large', 'wants a window of more than 128 MiB')
    : new LayerTrouble('malformed', 'cannot be unpacked');
