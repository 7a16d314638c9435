import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type * as WorkerThreads from 'node:worker_threads';
import { unpackLayer } from '../../src/image-layers/decompress';
import {
  UNPACKING_THREADS,
  UnpackingThreads,
  type UnpackingThreadSettings,
} from '../../src/image-layers/unpacking-threads';
import { until } from '../support/live-engine';
import { inPieces, packagesOf, readArchive, tar } from '../support/tar-files';
import {
  BLOCK_BYTES,
  packZstd,
  rawBlock,
  repeatedBlock,
  skippableFrame,
  zstdFrame,
} from '../support/zstd';

const support = (file: string): readonly string[] => ['-r', join(__dirname, '..', 'support', file)];
const TYPESCRIPT = support('run-typescript.cjs');
const MEBIBYTE = 1024 * 1024;

const threads = (settings: Partial<UnpackingThreadSettings> = {}): UnpackingThreads =>
  new UnpackingThreads({ count: 1, packedBytesMin: 0, execArgv: TYPESCRIPT, ...settings });

/** Every thread that was started; its id is -1 once it is gone. */
const started: WorkerThreads.Worker[] = [];
const left = (): number => started.filter(({ threadId }) => threadId !== -1).length;
beforeEach(() => {
  const workerThreads = jest.requireActual<typeof WorkerThreads>('node:worker_threads');
  const { Worker } = workerThreads;
  started.length = 0;
  jest.spyOn(workerThreads, 'Worker').mockImplementation((file, options) => {
    const thread = new Worker(file, options);
    started.push(thread);
    return thread;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
});

const ignore = (): undefined => undefined;

async function unpack(
  packed: Buffer,
  pool?: UnpackingThreads,
  pieceBytes = 64 * 1024,
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const keep = (piece: Buffer): undefined => {
    pieces.push(Buffer.from(piece));
  };
  const elsewhere = pool && { threads: pool, packedBytes: packed.length };
  await unpackLayer(inPieces(packed, pieceBytes), keep, elsewhere);
  return Buffer.concat(pieces);
}

/** How unpacking ends, in one line. */
const endOf = (unpacking: Promise<unknown>): Promise<string> =>
  unpacking.then(
    () => 'whole',
    (error: unknown) => {
      const { name, reason, message } = error as Error & { readonly reason?: string };
      return `${name} ${reason ?? ''}: ${message}`;
    },
  );

const random = randomBytes(6 * MEBIBYTE);
const text = Buffer.from('what the layer holds');
const frame = zstdFrame([rawBlock(text)]);
const npm = (name: string) => ({
  name: `app/node_modules/${name}/package.json`,
  content: JSON.stringify({ name, version: '1.0.0' }),
});
const archive = tar(
  npm('first'),
  { name: 'text', content: 'the same line again and again\n'.repeat(200_000) },
  { name: 'random', content: random },
  npm('last'),
);

let packed: Buffer;
beforeAll(async () => {
  packed = await packZstd(archive);
});

describe('a layer that is unpacked in a thread', () => {
  it('is the same as in the own thread, in pieces of any length, and leaves no thread behind [DC-2]', async () => {
    for (const pieceBytes of [997, 64 * 1024, packed.length]) {
      expect((await unpack(packed, threads(), pieceBytes)).equals(archive)).toBe(true);
    }
    expect([started.length, left()]).toEqual([3, 0]);
  });

  it('has the packages that its archive has, and is what its digests say [DC-2]', async () => {
    const reading = await readArchive(archive, { threads: threads() }, packed);
    expect(packagesOf(reading)).toEqual(['npm first 1.0.0', 'npm last 1.0.0']);
    expect(reading.uncompressedBytes).toBe(archive.length);
    const wrong = `sha256:${'0'.repeat(64)}`;
    for (const order of [{ digest: wrong }, { diffId: wrong }, { sizeBytes: packed.length - 1 }]) {
      const refused = readArchive(archive, { ...order, threads: threads() }, packed);
      await expect(refused).rejects.toMatchObject({ reason: 'digest-mismatch' });
    }
    expect([started.length, left()]).toEqual([4, 0]);
  });

  it.each<[string, Buffer, string]>([
    ['is whole', frame, 'whole'],
    ['is frames behind each other', Buffer.concat([frame, skippableFrame(text), frame]), 'whole'],
    ['wants a window of 128 MiB', zstdFrame([rawBlock(text)], { windowLog: 27 }), 'whole'],
    ['breaks off in a frame', frame.subarray(0, -3), 'malformed'],
    ['breaks off behind a frame', Buffer.concat([frame, frame.subarray(0, 5)]), 'malformed'],
    ['breaks off in a block', zstdFrame([rawBlock(random.subarray(0, 9000), false)]), 'malformed'],
    [
      'has a wrong checksum',
      zstdFrame([rawBlock(text)], { checksum: Buffer.alloc(4) }),
      'malformed',
    ],
    ['needs a dictionary', zstdFrame([rawBlock(text)], { dictionary: 7 }), 'malformed'],
    ['has a block of no kind', zstdFrame([Buffer.from([7, 0, 0])]), 'malformed'],
    ['has something else behind it', Buffer.concat([frame, Buffer.from('else')]), 'malformed'],
    ['wants a window of 256 MiB', zstdFrame([rawBlock(text)], { windowLog: 28 }), 'too-large'],
    ['wants a window of 2 TiB', zstdFrame([rawBlock(text)], { windowLog: 41 }), 'too-large'],
  ])('ends as in the own thread, and the thread with it, when it %s', async (_, made, how) => {
    const own = await endOf(unpack(made));
    expect(await endOf(unpack(made, threads()))).toEqual(own);
    expect(own).toMatch(how === 'whole' ? /^whole$/ : new RegExp(`^LayerTrouble ${how}: `));
    expect([started.length, left()]).toEqual([1, 0]);
  });

  it('gives what comes before the damage first', async () => {
    const damaged = Buffer.concat([packed, Buffer.from('else')]);
    let bytes = 0;
    const count = (piece: Buffer): undefined => {
      bytes += piece.length;
    };
    const elsewhere = { threads: threads(), packedBytes: damaged.length };
    await expect(unpackLayer(inPieces(damaged), count, elsewhere)).rejects.toMatchObject({
      reason: 'malformed',
    });
    expect(bytes).toBe(archive.length);
  });

  it('is refused early when it unfolds to far more than it is, with little memory', async () => {
    const blocks = Array.from({ length: 4 * 8192 }, () => repeatedBlock(BLOCK_BYTES, false));
    const bomb = zstdFrame([...blocks, repeatedBlock(1)]);
    const whole = Buffer.concat([zstdFrame([rawBlock(tar(npm('a')))]), bomb]);
    const before = process.memoryUsage().rss;
    let most = 0;
    const inspect = { settle: () => void (most = Math.max(most, process.memoryUsage().rss)) };
    const refused = readArchive(archive, { inspect, threads: threads() }, whole);
    await expect(refused).rejects.toMatchObject({ reason: 'too-large' });
    expect(most - before).toBeLessThan(300 * MEBIBYTE);
    expect([started.length, left()]).toEqual([1, 0]);
  });

  it('is read no further than its taker follows', async () => {
    let taken = 0;
    const counting = async function* () {
      for await (const piece of inPieces(packed)) {
        taken += piece.length;
        yield piece;
      }
    };
    let isFirst = true;
    let goOn: () => void = ignore;
    const stopAtFirst = (): Promise<void> | undefined => {
      if (!isFirst) return undefined;
      isFirst = false;
      return new Promise((resolve) => (goOn = resolve));
    };
    const elsewhere = { threads: threads(), packedBytes: packed.length };
    const unpacking = unpackLayer(counting(), stopAtFirst, elsewhere);
    await until(() => Promise.resolve(!isFirst));
    expect(taken).toBeLessThan(1.5 * MEBIBYTE);
    goOn();
    await unpacking;
    expect(taken).toBe(packed.length);
  });
});

describe('the thread of a layer', () => {
  const cancelled = new Error('the scan was cancelled');
  const reading = (source: AsyncIterable<Buffer>, take: () => undefined = ignore) =>
    unpackLayer(source, take, { threads: threads(), packedBytes: packed.length });

  it('ends when the taker does not go on, and the source is closed', async () => {
    let isClosed = false;
    const closing = async function* () {
      try {
        yield* inPieces(packed);
      } finally {
        isClosed = true;
      }
    };
    const stop = () => {
      throw cancelled;
    };
    await expect(reading(closing(), stop)).rejects.toBe(cancelled);
    expect([isClosed, started.length, left()]).toEqual([true, 1, 0]);
  });

  it('ends when the source breaks off or is cancelled in the middle', async () => {
    const broken = async function* () {
      yield* inPieces(packed.subarray(0, 3 * MEBIBYTE));
      throw cancelled;
    };
    await expect(reading(broken())).rejects.toBe(cancelled);
    expect([started.length, left()]).toEqual([1, 0]);
  });

  it('ends when a source is destroyed that had stalled', async () => {
    const stalled = new Readable({ read: ignore });
    stalled.push(packed.subarray(0, 3 * MEBIBYTE));
    const destroy = (): undefined => {
      stalled.destroy(cancelled);
    };
    await expect(reading(stalled, destroy)).rejects.toBe(cancelled);
    expect([started.length, left()]).toEqual([1, 0]);
  });

  it('does not take the process with it when it dies, and the next layer gets another [DC-2]', async () => {
    const dying = threads({ execArgv: [...TYPESCRIPT, ...support('dying-thread.cjs')] });
    const order = { threads: dying };
    await expect(readArchive(archive, order, packed)).rejects.toThrow(
      'a thread ended while it unpacked a layer',
    );
    await expect(readArchive(archive, order, packed)).rejects.toThrow(/thread ended/);
    expect([started.length, left()]).toEqual([2, 0]);
    expect(packagesOf(await readArchive(archive, { threads: threads() }, packed))).toHaveLength(2);
  });

  it('that has too little memory makes its layer one that is too large', async () => {
    const order = { threads: threads({ memoryMaxMb: 1 }) };
    await expect(readArchive(archive, order, packed)).rejects.toMatchObject({
      name: 'LayerTrouble',
      reason: 'too-large',
    });
    expect([started.length, left()]).toEqual([1, 0]);
  });
});

describe('layers', () => {
  it('beyond the threads are unpacked in the own thread', async () => {
    const pool = threads({ count: 1 });
    const all = await Promise.all([1, 2, 3].map(() => unpack(packed, pool)));
    const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(new Set(all.map(sha256))).toEqual(new Set([sha256(archive)]));
    expect([started.length, left()]).toEqual([1, 0]);
    expect((await unpack(packed, pool)).equals(archive)).toBe(true);
    expect([started.length, left()]).toEqual([2, 0]);
  });

  it('that are small, or are packed otherwise, get no thread', async () => {
    const pool = threads({ packedBytesMin: packed.length + 1 });
    expect((await unpack(packed, pool)).equals(archive)).toBe(true);
    expect((await unpack(archive, threads())).equals(archive)).toBe(true);
    expect(started).toHaveLength(0);
    expect(UNPACKING_THREADS.packedBytesMin).toBeGreaterThan(MEBIBYTE);
  });
});
