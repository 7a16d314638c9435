import { LayerTrouble } from './layer-trouble';
import type { ZstdExports } from './zstd-library';

/** Bytes that the decoder is given, and gives, at a time. */
const TAKEN_BYTES = 128 * 1024;
export const GIVEN_BYTES = 256 * 1024;
/** A structure of pointer, length and position. */
const POINTERS = 3;
const POINTER_BYTES = 4;

/** Results from here on are failures: the negated number says which. */
const FIRST_FAILURE = 2 ** 32 - 120;
/** The window is above 128 MiB, where the decoder draws its line. */
const WINDOW_TOO_LARGE = 16;

/** Unpacks frames of zstd that arrive in pieces of any length. */
export class Frames {
  private isBetweenFrames = true;
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

  /**
   * Gives what a piece unpacks to, at most {@link GIVEN_BYTES} at a time; the bytes are lent until the next are
   * asked for.
   *
   * @throws LayerTrouble `malformed` for a frame that is damaged or needs a dictionary, `too-large` for a
   *   window above the limit.
   */
  *unpack(piece: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < piece.length; at += TAKEN_BYTES) {
      yield* this.unpackPart(piece.subarray(at, at + TAKEN_BYTES));
    }
  }

  /** @throws LayerTrouble `malformed` when something of a frame is missing that has begun. */
  end(): void {
    if (!this.isBetweenFrames) {
      throw new LayerTrouble('malformed', 'breaks off in the middle of a frame');
    }
  }

  private *unpackPart(part: Uint8Array): Generator<Uint8Array> {
    new Uint8Array(this.zstd.memory.buffer).set(part, this.taken);
    let [read, written] = [0, 0];
    // A full output may have more behind it, but not when the frame has ended.
    while (read < part.length || (written === GIVEN_BYTES && !this.isBetweenFrames)) {
      [read, written] = this.step(part.length, read);
      if (written > 0) yield new Uint8Array(this.zstd.memory.buffer, this.given, written);
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
    this.isBetweenFrames = result === 0;
    const after = new Uint32Array(zstd.memory.buffer, pointers, before.length);
    return [after[2] ?? 0, after[5] ?? 0];
  }
}

const troubleOf = (failure: number): LayerTrouble =>
  failure === WINDOW_TOO_LARGE
    ? new LayerTrouble('too-large', 'wants a window of more than 128 MiB')
    : new LayerTrouble('malformed', 'cannot be unpacked');
