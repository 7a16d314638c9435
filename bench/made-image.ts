import { createHash, type Hash } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** How a layer is packed, as its media type ends. */
export type Packing = 'gzip' | 'zstd';

/** One packed layer in a file, with what a manifest says of it. */
export interface PackedLayer {
  readonly file: string;
  readonly packing: Packing;
  readonly digest: string;
  readonly diffId: string;
  readonly sizeBytes: number;
  readonly unpackedBytes: number;
}

const BLOCK = 512;
const GIBIBYTE = 1024 ** 3;
/** Contents are cut out of this many bytes, half of which repeat. */
const POOL_BYTES = 4 * 1024 * 1024;

/** Sizes of files as they are in images: many small ones, most bytes in few. */
const SIZES = [800, 2_500, 3_100, 7_000, 12_000, 900, 48_000, 5_000, 210_000, 1_600, 3_400_000];
const NAMES = [
  'usr/lib/lib%.so',
  'usr/share/doc/p%/copyright',
  'opt/app/conf/s%.yaml',
  'usr/lib/python3/m%.py',
  'usr/bin/tool%',
  'opt/app/node_modules/m%/package.json',
  'usr/lib/x%.bin',
  'opt/app/src/f%.js',
  'usr/lib/program%',
  'etc/app/e%.conf',
  'var/lib/data%',
];

/** Numbers that are the same in every run. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed >>> 0; ;) {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    yield (mixed ^ (mixed >>> 14)) >>> 0;
  }
}

function makePool(): Buffer {
  const pool = Buffer.alloc(POOL_BYTES);
  const random = numbers(20_261_129);
  for (let at = 0; at < POOL_BYTES; at += 64) {
    // Half of every line is text that repeats, the other half nothing can pack.
    pool.write('setting: value of no importance\n', at, 'latin1');
    for (let byte = 32; byte < 64; byte += 4) {
      pool.writeUInt32LE(random.next().value as number, at + byte);
    }
  }
  return pool;
}

function headerOf(name: string, size: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, 'utf8');
  header.write('0000644\0', 100, 'latin1');
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  header.write('        ', 148, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\0' + '00', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

function* archive(bytes: number): Generator<Buffer> {
  const pool = makePool();
  const random = numbers(7);
  for (let made = 0, number = 0; made < bytes; number += 1) {
    const size = SIZES[number % SIZES.length] ?? 1;
    const name = (NAMES[number % NAMES.length] ?? '%').replaceAll('%', String(number));
    const from = (random.next().value as number) % (POOL_BYTES - size);
    const padding = Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
    const content = name.endsWith('/package.json')
      ? Buffer.from(`{"name":"m${number}","version":"1.0.${number}"}`.padEnd(size))
      : pool.subarray(from, from + size);
    yield headerOf(name, size);
    yield content;
    yield padding;
    made += BLOCK + size + padding.length;
  }
  yield Buffer.alloc(2 * BLOCK);
}

/** Passes bytes on and says at the end what they were. */
class Digesting extends Transform {
  bytes = 0;
  private readonly hash: Hash = createHash('sha256');

  override _transform(piece: Buffer, _: BufferEncoding, done: (e: null, p: Buffer) => void): void {
    this.bytes += piece.length;
    this.hash.update(piece);
    done(null, piece);
  }

  get digest(): string {
    return `sha256:${this.hash.digest('hex')}`;
  }
}

/** Level that builders take for zstd when they are told none. */
const ZSTD_LEVEL = 3;
/** The encoder is given so much at a time. */
const ZSTD_PIECE_BYTES = 1024 * 1024;

async function createPacking(packing: Packing): Promise<Transform> {
  if (packing === 'gzip') return createGzip({ level: 6 });
  const { Zstd } = await import('@hpcc-js/wasm-zstd');
  const zstd = await Zstd.load();
  zstd.reset();
  zstd.setCompressionLevel(ZSTD_LEVEL);
  return new Transform({
    transform: (piece: Buffer, _, done) => {
      const parts: Uint8Array[] = [];
      for (let at = 0; at < piece.length; at += ZSTD_PIECE_BYTES) {
        parts.push(zstd.compressChunk(piece.subarray(at, at + ZSTD_PIECE_BYTES)));
      }
      done(null, Buffer.concat(parts));
    },
    flush: (done) => {
      done(null, Buffer.from(zstd.compressEnd()));
    },
  });
}

/** What is packed, and what its file is called. */
export interface LayerToPack {
  readonly folder: string;
  readonly name: string;
  readonly packing: Packing;
}

/** File of the cache that a layer is packed into. */
export const packedFile = ({ folder, name, packing }: LayerToPack): string =>
  join(folder, `${name}.tar.${packing === 'gzip' ? 'gz' : 'zst'}`);

/** Packs an archive into a file of the cache, once per name. */
export async function packLayer(layer: LayerToPack, source: () => Readable): Promise<PackedLayer> {
  const file = packedFile(layer);
  const { folder, packing } = layer;
  const facts = `${file}.json`;
  if (existsSync(file) && existsSync(facts)) {
    return { ...(JSON.parse(readFileSync(facts, 'utf8')) as PackedLayer), packing };
  }
  mkdirSync(folder, { recursive: true });
  const [unpacked, packed] = [new Digesting(), new Digesting()];
  const partial = `${file}.partial`;
  const packer = await createPacking(packing);
  await pipeline(source(), unpacked, packer, packed, createWriteStream(partial));
  await rename(partial, file);
  const result = {
    ...{ file, packing, digest: packed.digest, diffId: unpacked.digest },
    ...{ sizeBytes: packed.bytes, unpackedBytes: unpacked.bytes },
  };
  writeFileSync(facts, `${JSON.stringify(result)}\n`);
  return result;
}

/** A layer of so many GiB that is the same on every machine. */
export const madeLayer = (
  ...[folder, gibibytes, packing]: [string, number, Packing]
): Promise<PackedLayer> =>
  packLayer({ folder, name: `made-${gibibytes}-1`, packing }, () =>
    Readable.from(archive(gibibytes * GIBIBYTE), { objectMode: true, highWaterMark: 8 }),
  );
