import { createGunzip } from 'node:zlib';
import * as zlib from 'node:zlib';
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LayerTrouble, type UnreadPacking } from './layer-trouble';

/** Bytes that are unpacked at a time. */
const PIECE_BYTES = 256 * 1024;
/** Bytes that tell how a layer is packed. */
const MARK_BYTES = 10;

/** Beginnings of packed data in hexadecimal. */
const PACKINGS: readonly (readonly [packing: 'gzip' | UnreadPacking, begins: RegExp])[] = [
  ['gzip', /^1f8b/],
  // The second form precedes a frame; it says nothing and is passed over.
  ['zstd', /^(?:28b52ffd|5[0-9a-f]2a4d18)/],
  ['xz', /^fd377a585a00/],
  // Up to the first block or the end: a name like `BZh9` may stand at the beginning of an archive.
  ['bzip2', /^425a683[1-9](?:314159265359|177245385090)/],
  ['lz4', /^04224d18/],
];

/** How a layer is packed, by its first bytes; undefined when it is not. */
const packingOf = (mark: Buffer): 'gzip' | UnreadPacking | undefined =>
  PACKINGS.find(([, begins]) => begins.test(mark.toString('hex')))?.[0];

/** Parameter id of the library; the constants of the oldest supported runtime lack it. */
const ZSTD_WINDOW_LOG_MAX = 100;
/** A layer cannot make the reader set aside more than 64 MiB for its window. */
const ZSTD_WINDOW_LOG = 26;

/** What newer runtimes have beside the functions of the oldest supported one. */
export interface UnpackingRuntime {
  readonly createZstdDecompress?: (options: object) => Transform;
}

/**
 * Unpacks a layer while it arrives and hands it to `take` piece by piece. How it is packed is told by
 * its first bytes and not by what the registry calls it: its digests decide whether that was right.
 *
 * @throws LayerTrouble `malformed` when it cannot be unpacked, `packed-with-...` when nothing here
 *   unpacks it; whatever `source` and `take` throw.
 */
export async function unpackLayer(
  source: AsyncIterable<Buffer>,
  take: (piece: Buffer) => Promise<void> | undefined,
  runtime: UnpackingRuntime = zlib as object,
): Promise<void> {
  const { mark, all, close } = await peek(source);
  const unpacking = await unpackingOf(mark, runtime, close);
  if (unpacking === null) {
    for await (const piece of all) await take(piece);
    return;
  }
  // The pipeline may report that it was ended instead of why: what happened first is kept beside it.
  const failures: unknown[] = [];
  try {
    await pipeline(
      Readable.from(noting(all, failures)),
      unpacking,
      async (pieces: AsyncIterable<Buffer>) => {
        for await (const piece of pieces) await noted(() => take(piece), failures);
      },
    );
  } catch (error) {
    if (failures.length > 0) throw failures[0];
    if (!isUnpackingError(error)) throw error;
    throw new LayerTrouble('malformed', 'cannot be unpacked');
  }
}

async function* noting(source: AsyncIterable<Buffer>, failures: unknown[]): AsyncGenerator<Buffer> {
  try {
    yield* source;
  } catch (error) {
    failures.push(error);
    throw error;
  }
}

async function noted(act: () => Promise<void> | undefined, failures: unknown[]): Promise<void> {
  try {
    await act();
  } catch (error) {
    failures.push(error);
    throw error;
  }
}

async function unpackingOf(
  mark: Buffer,
  runtime: UnpackingRuntime,
  close: () => Promise<void>,
): Promise<Transform | null> {
  const packing = packingOf(mark);
  if (packing === undefined) return null;
  if (packing === 'gzip') return createGunzip({ chunkSize: PIECE_BYTES });
  if (packing !== 'zstd' || runtime.createZstdDecompress === undefined) {
    await close();
    throw new LayerTrouble(`packed-with-${packing}`, `is packed with ${packing}`);
  }
  return runtime.createZstdDecompress({
    chunkSize: PIECE_BYTES,
    params: { [ZSTD_WINDOW_LOG_MAX]: ZSTD_WINDOW_LOG },
  });
}

interface Peeked {
  readonly mark: Buffer;
  readonly all: AsyncIterable<Buffer>;
  /** For whoever does not even begin with all of it. */
  readonly close: () => Promise<void>;
}

/** The first bytes, and everything with them. */
async function peek(source: AsyncIterable<Buffer>): Promise<Peeked> {
  const iterator = source[Symbol.asyncIterator]();
  const close = async (): Promise<void> => {
    await iterator.return?.();
  };
  const first: Buffer[] = [];
  let bytes = 0;
  while (bytes < MARK_BYTES) {
    const next = await iterator.next();
    if (next.done === true) break;
    first.push(next.value);
    bytes += next.value.length;
  }
  async function* all(): AsyncGenerator<Buffer> {
    try {
      yield* first;
      for (;;) {
        const next = await iterator.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      // Whoever stops in the middle must not leave the connection open.
      await close();
    }
  }
  return { mark: Buffer.concat(first).subarray(0, MARK_BYTES), all: all(), close };
}

const isUnpackingError = (error: unknown): boolean => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^(Z_|ZSTD_|ERR_ZSTD)/.test(code);
};
