import { createHash } from 'node:crypto';
import { unpackLayer } from '../../src/image-layers/decompress';
import { inPieces, packagesOf, readArchive, tar, tarEntry } from '../support/tar-files';
import {
  BLOCK_BYTES,
  packZstd,
  rawBlock,
  repeatedBlock,
  skippableFrame,
  zstdFrame,
} from '../support/zstd';

const sha256 = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const npm = (name: string) => ({
  name: `app/node_modules/${name}/package.json`,
  content: JSON.stringify({ name, version: '1.0.0' }),
});

/** Text that packs well, bytes that do not pack, and a package behind them. */
function madeArchive(): Buffer {
  const random = Array.from({ length: 4000 }, (_, at) => sha256(Buffer.from(`${at}`)));
  return tar(
    npm('first'),
    { name: 'text', content: 'the same line again and again\n'.repeat(20_000) },
    { name: 'random', content: Buffer.from(random.join('').replaceAll('sha256:', ''), 'hex') },
    { name: 'zeros', content: Buffer.alloc(3_000_000) },
    npm('last'),
  );
}

describe('bytes packed with zstd', () => {
  const unpack = async (packed: Buffer, pieceBytes = 64 * 1024): Promise<Buffer> => {
    const pieces: Buffer[] = [];
    const keep = (piece: Buffer): undefined => {
      pieces.push(Buffer.from(piece));
    };
    await unpackLayer(inPieces(packed, pieceBytes), keep);
    return Buffer.concat(pieces);
  };
  const text = Buffer.from('what the layer holds');
  const frame = zstdFrame([rawBlock(text)]);

  it.each([1, 3, 19])('are the same as before, packed at level %s [DC-2]', async (level) => {
    const archive = madeArchive();
    const packed = await packZstd(archive, level);
    expect(packed.length).toBeLessThan(archive.length / 10);
    for (const pieceBytes of [997, 64 * 1024, packed.length]) {
      expect((await unpack(packed, pieceBytes)).equals(archive)).toBe(true);
    }
  });

  it.each<[string, Buffer, number]>([
    ['behind each other', Buffer.concat([frame, frame, frame]), 3],
    ['with some before them that say nothing', Buffer.concat([skippableFrame(text), frame]), 1],
    [
      'with some between and behind them that say nothing',
      Buffer.concat([
        frame,
        skippableFrame(text),
        frame,
        skippableFrame(text),
        skippableFrame(text),
      ]),
      2,
    ],
    ['of nothing', Buffer.concat([zstdFrame([rawBlock(Buffer.alloc(0))]), frame]), 1],
    ['of many blocks', zstdFrame([rawBlock(text, false), rawBlock(text)]), 2],
  ])('may be frames %s', async (_, packed, times) => {
    for (const pieceBytes of [1, 5, packed.length]) {
      expect((await unpack(packed, pieceBytes)).toString()).toBe(text.toString().repeat(times));
    }
  });

  it('are refused wherever they break off, except between two frames', async () => {
    const packed = Buffer.concat([frame, skippableFrame(text), frame]);
    const ends = [frame.length, packed.length - frame.length, packed.length];
    for (let length = 4; length <= packed.length; length += 1) {
      const unpacking = unpack(packed.subarray(0, length));
      const came = await unpacking.then(
        () => 'whole',
        (error: unknown) => (error as { reason: string }).reason,
      );
      expect([length, came]).toEqual([length, ends.includes(length) ? 'whole' : 'malformed']);
    }
  });

  it.each<[string, Buffer, string]>([
    [
      'has a wrong checksum',
      zstdFrame([rawBlock(text)], { checksum: Buffer.alloc(4) }),
      'malformed',
    ],
    ['needs a dictionary', zstdFrame([rawBlock(text)], { dictionary: 7 }), 'malformed'],
    ['has a block of no kind', zstdFrame([Buffer.from([7, 0, 0])]), 'malformed'],
    ['wants a window of 256 MiB', zstdFrame([rawBlock(text)], { windowLog: 28 }), 'too-large'],
    ['has something else behind it', Buffer.concat([frame, Buffer.from('else')]), 'malformed'],
    ['wants a window of 2 TiB', zstdFrame([rawBlock(text)], { windowLog: 41 }), 'too-large'],
  ])('are refused when a frame %s', async (_, packed, reason) => {
    await expect(unpack(packed)).rejects.toMatchObject({ name: 'LayerTrouble', reason });
  });

  it('may want a window of 128 MiB', async () => {
    expect((await unpack(zstdFrame([rawBlock(text)], { windowLog: 27 }))).equals(text)).toBe(true);
  });

  it('pass on why the source broke off, and close it when the taker does not go on', async () => {
    const packed = await packZstd(madeArchive());
    const broken = async function* () {
      yield* inPieces(packed.subarray(0, 5000), 1000);
      throw new Error('the connection is gone');
    };
    await expect(unpackLayer(broken(), () => undefined)).rejects.toThrow('is gone');
    let isClosed = false;
    const closed = async function* () {
      try {
        yield* inPieces(packed, 1000);
      } finally {
        isClosed = true;
      }
    };
    const stop = () => {
      throw new Error('the scan was cancelled');
    };
    await expect(unpackLayer(closed(), stop)).rejects.toThrow('was cancelled');
    expect(isClosed).toBe(true);
  });

  it('let timers and other scans have their turn however far they unfold', async () => {
    const bomb = zstdFrame([
      ...Array.from({ length: 300 }, () => repeatedBlock(BLOCK_BYTES, false)),
      repeatedBlock(1),
    ]);
    let turns = 0;
    let counting = setImmediate(function count() {
      turns += 1;
      counting = setImmediate(count);
    });
    let bytes = 0;
    const add = (piece: Buffer): undefined => {
      bytes += piece.length;
    };
    await unpackLayer(inPieces(bomb, bomb.length), add);
    clearImmediate(counting);
    expect(bytes).toBe(300 * BLOCK_BYTES + 1);
    expect(turns).toBeGreaterThan(5);
  });
});

describe('a layer packed with zstd', () => {
  it('has the packages that its archive has, and is what its digests say [DC-2]', async () => {
    const archive = madeArchive();
    const packed = await packZstd(archive);
    const reading = await readArchive(archive, {}, packed);
    expect(packagesOf(reading)).toEqual(['npm first 1.0.0', 'npm last 1.0.0']);
    expect(reading.uncompressedBytes).toBe(archive.length);
    const wrong = `sha256:${'0'.repeat(64)}`;
    for (const order of [{ digest: wrong }, { diffId: wrong }, { sizeBytes: packed.length - 1 }]) {
      await expect(readArchive(archive, order, packed)).rejects.toMatchObject({
        reason: 'digest-mismatch',
      });
    }
  });

  it('never ends the process or the search when any of its bytes is another one', async () => {
    const archive = tar(npm('first'), { name: 'text', content: 'line\n'.repeat(5000) });
    const packed = await packZstd(archive);
    for (let at = 0; at < packed.length; at += 1) {
      const damaged = Buffer.from(packed);
      damaged[at] = (damaged[at] ?? 0) ^ 0x41;
      await expect(readArchive(archive, { digest: sha256(packed) }, damaged)).rejects.toMatchObject(
        { name: 'LayerTrouble' },
      );
    }
  });

  it('that unfolds to far more than it is ends early, with little memory', async () => {
    const gigabytes = 4;
    const blocks = Array.from({ length: gigabytes * 8192 }, () =>
      repeatedBlock(BLOCK_BYTES, false),
    );
    const packed = zstdFrame([...blocks, repeatedBlock(1)]);
    const before = process.memoryUsage();
    const held = () => {
      const { arrayBuffers, heapUsed } = process.memoryUsage();
      return arrayBuffers + heapUsed - before.arrayBuffers - before.heapUsed;
    };
    let most = 0;
    const inspect = { settle: () => void (most = Math.max(most, held())) };
    const archive = tarEntry({ name: 'a', content: 'b' });
    await expect(readArchive(archive, { inspect }, packed)).rejects.toMatchObject({
      name: 'LayerTrouble',
    });
    const whole = Buffer.concat([zstdFrame([rawBlock(archive)]), packed]);
    await expect(readArchive(archive, { inspect }, whole)).rejects.toMatchObject({
      reason: 'too-large',
    });
    expect(most).toBeLessThan(150 * 1024 * 1024);
  });
});
