/** Packs bytes with the reference encoder, as one frame. */
export async function packZstd(bytes: Buffer, level = 3): Promise<Buffer> {
  const { Zstd } = await import('@hpcc-js/wasm-zstd');
  return Buffer.from((await Zstd.load()).compress(bytes, level));
}

/**
 * Packs an archive as builders do that let parts of a layer be fetched alone: a frame for each part, and
 * behind them tables that say nothing to whoever reads the whole.
 */
export async function packZstdInChunks(archive: Buffer, chunkBytes = 1024): Promise<Buffer> {
  const frames: Buffer[] = [];
  for (let at = 0; at < archive.length; at += chunkBytes) {
    frames.push(await packZstd(archive.subarray(at, at + chunkBytes)));
  }
  return Buffer.concat([
    ...frames,
    skippableFrame(await packZstd(Buffer.from('{"version":1,"entries":[]}'))),
    skippableFrame(Buffer.alloc(64)),
  ]);
}

/** What a frame by hand is to be; without anything it is one that every decoder takes. */
export interface FrameShape {
  /** Window as a power of two. */
  readonly windowLog?: number;
  /** Id of the dictionary that it needs. */
  readonly dictionary?: number;
  /** A checksum of the content, true or not. */
  readonly checksum?: Buffer;
}

const MAGIC = Buffer.from('28b52ffd', 'hex');
const RAW = 0;
const REPEATED = 1;
/** Most bytes that one block holds. */
export const BLOCK_BYTES = 128 * 1024;

/** A frame of blocks that were made by hand. */
export function zstdFrame(blocks: readonly Buffer[], shape: FrameShape = {}): Buffer {
  const { windowLog = 20, dictionary, checksum = Buffer.alloc(0) } = shape;
  const flags = (checksum.length > 0 ? 4 : 0) + (dictionary === undefined ? 0 : 1);
  return Buffer.concat([
    MAGIC,
    Buffer.from([flags, (windowLog - 10) << 3]),
    ...(dictionary === undefined ? [] : [Buffer.from([dictionary])]),
    ...blocks,
    checksum,
  ]);
}

/** A block that holds bytes as they are. */
export const rawBlock = (bytes: Buffer, isLast = true): Buffer =>
  Buffer.concat([blockHeader(bytes.length, RAW, isLast), bytes]);

/** A block that says how often one byte is repeated. */
export const repeatedBlock = (length: number, isLast = true): Buffer =>
  Buffer.concat([blockHeader(length, REPEATED, isLast), Buffer.alloc(1)]);

/** A frame that says nothing and is passed over. */
export function skippableFrame(bytes: Buffer): Buffer {
  const header = Buffer.from('502a4d1800000000', 'hex');
  header.writeUInt32LE(bytes.length, MAGIC.length);
  return Buffer.concat([header, bytes]);
}

function blockHeader(...[length, kind, isLast]: [number, number, boolean]): Buffer {
  const header = Buffer.alloc(3);
  header.writeUIntLE((length << 3) | (kind << 1) | (isLast ? 1 : 0), 0, 3);
  return header;
}
