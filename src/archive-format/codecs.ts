import * as zlib from 'node:zlib';
import { LetheError } from '../domain/errors';
import { FRAME_BYTES } from './frames';

/** Every codec of format version 1, best first. */
export const CODEC_IDS = Object.freeze(['zstd', 'brotli', 'gzip', 'none'] as const);
/** A codec by the name that stands in the header. */
export type CodecId = (typeof CODEC_IDS)[number];

/** Compresses one frame at a time, so that neither side needs more than a frame of memory. */
export interface Codec {
  compress(frame: Buffer): Buffer;
  /** Throws when the result would be longer than a frame, before it is that long. */
  decompress(data: Buffer): Buffer;
}

/** What newer runtimes have beside the functions of the oldest supported one. */
export interface ZlibRuntime {
  readonly zstdCompressSync?: (data: Buffer, options: object) => Buffer;
  readonly zstdDecompressSync?: (data: Buffer, options: object) => Buffer;
}

const { constants } = zlib;
const OWN_RUNTIME: ZlibRuntime = zlib as object;
/** Speed over ratio: 257 MB/s and 4.0 to 1 on realistic records. */
const BROTLI_QUALITY = 1;
const FRAME_BITS = Math.log2(FRAME_BYTES);
/** What a frame unfolds into is set aside in pieces of at least this size, in bytes. */
const PIECE_BYTES_MIN = 16 * 1024;
/** Hardly a frame unfolds to more than this many times its length. */
const RATIO = 8;
/** Parameter ids of the library; the constants of the oldest supported runtime lack them. */
const ZSTD_LEVEL = 100;
const ZSTD_WINDOW_LOG_MAX = 100;
/** A part cannot make the reader set aside more than 8 MiB for its window. */
const ZSTD_WINDOW_LOG = 23;

/**
 * How far data may unfold, and into what: nearly every frame fits into one piece, so that none is joined
 * from many. One byte more than a frame shows that it would be longer.
 */
const bounded = (
  data: Buffer,
): { readonly maxOutputLength: number; readonly chunkSize: number } => ({
  maxOutputLength: FRAME_BYTES,
  chunkSize: Math.min(FRAME_BYTES + 1, Math.max(PIECE_BYTES_MIN, data.length * RATIO)),
});

const brotli: Codec = {
  compress: (frame) =>
    zlib.brotliCompressSync(frame, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
        [constants.BROTLI_PARAM_LGWIN]: FRAME_BITS,
        [constants.BROTLI_PARAM_SIZE_HINT]: frame.length,
      },
    }),
  decompress: (data) => zlib.brotliDecompressSync(data, bounded(data)),
};

const gzip: Codec = {
  compress: (frame) => zlib.gzipSync(frame, { level: 1 }),
  decompress: (data) => zlib.gunzipSync(data, bounded(data)),
};

const none: Codec = {
  compress: (frame) => frame,
  decompress: (data) => {
    if (data.length > FRAME_BYTES) throw new RangeError('longer than a frame');
    return data;
  },
};

function zstdOf({ zstdCompressSync, zstdDecompressSync }: ZlibRuntime): Codec | undefined {
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return undefined;
  return {
    compress: (frame) => zstdCompressSync(frame, { params: { [ZSTD_LEVEL]: 1 } }),
    decompress: (data) =>
      zstdDecompressSync(data, {
        ...bounded(data),
        params: { [ZSTD_WINDOW_LOG_MAX]: ZSTD_WINDOW_LOG },
      }),
  };
}

/** The codecs this runtime has. */
export function codecsOf(
  runtime: ZlibRuntime = OWN_RUNTIME,
): Readonly<Partial<Record<CodecId, Codec>>> {
  const zstd = zstdOf(runtime);
  return { ...(zstd !== undefined && { zstd }), brotli, gzip, none };
}

/** The best codec this runtime has: zstd from Node 22.15, brotli before. */
export const defaultCodec = (runtime: ZlibRuntime = OWN_RUNTIME): CodecId =>
  zstdOf(runtime) === undefined ? 'brotli' : 'zstd';

/** True for the name of a codec of this format version, whether or not the runtime has it. */
export const isCodecId = (value: unknown): value is CodecId => CODEC_IDS.some((id) => id === value);

/**
 * Finds a codec. The part is not at fault when the runtime lacks it, so the failure says what to run.
 *
 * @throws LetheError CONFIGURATION_INVALID when this runtime lacks it.
 */
export function codecNamed(id: CodecId, runtime: ZlibRuntime = OWN_RUNTIME): Codec {
  const codec = codecsOf(runtime)[id];
  if (codec !== undefined) return codec;
  throw new LetheError(
    'CONFIGURATION_INVALID',
    `codec ${id} is missing in this runtime; read the archive with Node 22.15 or newer`,
    { field: 'codec' },
  );
}
