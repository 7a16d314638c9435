import { createGunzip } from 'node:zlib';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LayerTrouble, type UnreadPacking } from './layer-trouble';
import type { UnpackingThreads } from './unpacking-threads';
import { unpackZstd } from './zstd';

/** Bytes that are unpacked at a time. */
const PIECE_BYTES = 256 * 1024;
/** What is unpacked ahead lets the taker and zlib's thread go on beside each other instead of in turns. */
const GUNZIP = { chunkSize: PIECE_BYTES, readableHighWaterMark: 4 * PIECE_BYTES };
/** Bytes that tell how a layer is packed. */
const MARK_BYTES = 10;

type Packing = 'gzip' | 'zstd' | UnreadPacking;

/** Beginnings of packed data in hexadecimal. */
const PACKINGS: readonly (readonly [packing: Packing, begins: RegExp])[] = [
  ['gzip', /^1f8b/],
  // The second form precedes a frame; it says nothing and is passed over.
  ['zstd', /^(?:28b52ffd|5[0-9a-f]2a4d18)/],
  ['xz', /^fd377a585a00/],
  // Up to the first block or the end: a name like `BZh9` may stand at the beginning of an archive.
  ['bzip2', /^425a683[1-9](?:314159265359|177245385090)/],
  ['lz4', /^04224d18/],
];

/** How a layer is packed, by its first bytes; undefined when it is not. */
const packingOf = (mark: Buffer): Packing | undefined =>
  PACKINGS.find(([, begins]) => begins.test(mark.toString('hex')))?.[0];

/** Where a layer is unpacked that is not unpacked in the own thread. */
export interface UnpackingElsewhere {
  readonly threads: UnpackingThreads;
  /** How long the packed layer is said to be. */
  readonly packedBytes: number;
}

/**
 * Unpacks a layer while it arrives and hands it to `take` piece by piece; a piece is only lent until what
 * `take` gives is settled. How it is packed is told by its first bytes and not by what the registry calls
 * it: its digests decide whether that was right.
 *
 * @throws LayerTrouble `malformed` when it cannot be unpacked, `too-large` when that takes too much memory,
 *   `packed-with-...` when nothing here unpacks it; whatever `source` and `take` throw.
 */
export async function unpackLayer(
  source: AsyncIterable<Buffer>,
  take: (piece: Buffer) => Promise<void> | undefined,
  elsewhere?: UnpackingElsewhere,
): Promise<void> {
  const { mark, all, close } = await peek(source);
  const packing = packingOf(mark);
  if (packing === 'gzip') await unpackGzip(all, take);
  else if (packing === 'zstd' || packing === undefined) {
    const pieces = packing === 'zstd' ? zstdPieces(all, elsewhere) : all;
    for await (const piece of pieces) await take(piece);
  } else {
    await close();
    throw new LayerTrouble(`packed-with-${packing}`, `is packed with ${packing}`);
  }
}

const zstdPieces = (
  packed: AsyncIterable<Buffer>,
  elsewhere: UnpackingElsewhere | undefined,
): AsyncIterable<Buffer> =>
  elsewhere?.threads.unpack(packed, elsewhere.packedBytes) ?? unpackZstd(packed);

async function unpackGzip(
  packed: AsyncIterable<Buffer>,
  take: (piece: Buffer) => Promise<void> | undefined,
): Promise<void> {
  // The pipeline may report that it was ended instead of why: what happened first is kept beside it.
  const failures: unknown[] = [];
  try {
    await pipeline(
      Readable.from(noting(packed, failures)),
      createGunzip(GUNZIP),
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

interface Peeked {
  readonly mark: Buffer;
  readonly all: AsyncIterable<Buffer>;
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
  return typeof code === 'string' && code.startsWith('Z_');
};
