import { gzipSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import { unpackLayer } from '../../src/image-layers/decompress';
import { NO_FILES, readLayer } from '../../src/image-layers';
import {
  folder,
  inPieces,
  packagesOf,
  readArchive,
  readLayers,
  symbolicLink,
  tar,
  tarEntry,
  type TarFile,
} from '../support/tar-files';

const npm = (path: string, version = '1.0.0'): TarFile => {
  const name = path.split('/').at(-1) ?? '';
  return { name: `${path}/package.json`, content: JSON.stringify({ name, version }) };
};
const BELOW = tar(npm('app/node_modules/a'), npm('app/node_modules/b'), npm('node_modules/c'));
const ALL = ['npm a 1.0.0', 'npm b 1.0.0', 'npm c 1.0.0'];
const upper = async (...files: readonly TarFile[]) =>
  packagesOf(await readLayers(BELOW, tar(...files)));

describe('a layer over another', () => {
  it('leaves what it does not name', async () => {
    expect(await upper({ name: 'other' }, folder('app'), folder('app/node_modules'))).toEqual(ALL);
  });

  it.each<[string, TarFile]>([
    ['of a file', { name: 'app/node_modules/a/.wh.package.json' }],
    ['of its folder', { name: 'app/node_modules/.wh.a' }],
    ['written with detours', { name: '/app/./x/../node_modules/.wh.a' }],
  ])('hides with a whiteout %s what is below', async (_, whiteout) => {
    expect(await upper(whiteout)).toEqual(ALL.slice(1));
  });

  it('hides everything below an opaque folder and nothing of its own, in either order', async () => {
    const opaque = { name: 'app/.wh..wh..opq' };
    const own = npm('app/node_modules/a', '2.0.0');
    for (const files of [
      [opaque, own],
      [own, opaque],
    ]) {
      expect(await upper(...files)).toEqual(['npm a 2.0.0', 'npm c 1.0.0']);
    }
    expect(await upper({ name: '.wh..wh..opq' })).toEqual([]);
  });

  it('never hides what a sibling of a similar name has', async () => {
    expect(await upper({ name: 'app/node_modules/.wh.a-longer' }, { name: '.wh.ap' })).toEqual(ALL);
  });

  it.each<[string, TarFile]>([
    ['a file', { name: 'app/node_modules' }],
    ['a link', symbolicLink('app', '/elsewhere')],
    ['a device', { name: 'app', type: '3' }],
  ])('replaces a whole folder by %s', async (_, file) => {
    expect(await upper(file)).toEqual(['npm c 1.0.0']);
  });

  it('replaces a file by the newer one, and by one that says nothing', async () => {
    expect(await upper(npm('node_modules/c', '3.0.0'))).toContain('npm c 3.0.0');
    expect(await upper({ name: 'node_modules/c/package.json', content: '{}' })).toEqual(
      ALL.slice(0, 2),
    );
    expect(await upper(symbolicLink('node_modules/c/package.json', '/x'))).toEqual(ALL.slice(0, 2));
    expect(await upper(folder('node_modules/c/package.json'))).toEqual(ALL.slice(0, 2));
  });

  it('reaches one database by both of its paths', async () => {
    const database = (name: string, version: string) =>
      tar({ name, content: `P:musl\nV:${version}\n` });
    const reading = await readLayers(
      database('usr/lib/apk/db/installed', '1'),
      database('lib/apk/db/installed', '2'),
    );
    expect(packagesOf(reading)).toEqual(['apk musl 2']);
  });

  it('that is hidden in turn comes back with a third one only', async () => {
    const third = await readLayers(
      BELOW,
      tar({ name: '.wh.app' }),
      tar(npm('app/node_modules/a', '2.0.0')),
    );
    expect(packagesOf(third)).toEqual(['npm a 2.0.0', 'npm c 1.0.0']);
  });
});

describe('paths of an archive', () => {
  it('that lead outside are counted and make nothing', async () => {
    const reading = await readLayers(
      tar(
        npm('../node_modules/a'),
        npm('x/../../etc'),
        symbolicLink('../s', 'x'),
        npm('node_modules/b'),
      ),
    );
    expect(reading.outside).toBe(3);
    expect(packagesOf(reading)).toEqual(['npm b 1.0.0']);
  });

  it('that go through a link are not followed anywhere', async () => {
    const reading = await readLayers(
      tar(symbolicLink('way', '/node_modules/a'), {
        name: 'way/package.json',
        content: '{"name":"x","version":"1"}',
      }),
    );
    expect(packagesOf(reading)).toEqual([]);
  });

  it('may be __proto__ or constructor', async () => {
    const reading = await readLayers(
      tar(
        npm('node_modules/__proto__'),
        { name: '__proto__' },
        { name: 'constructor' },
        { name: 'var/lib/rpm/constructor', content: 'x' },
      ),
    );
    expect(packagesOf(reading)).toEqual(['npm __proto__ 1.0.0']);
  });
});

describe('the digests of a layer', () => {
  const archive = tar({ name: 'a', content: 'b' });

  it('are those of what was read, packed or not', async () => {
    await expect(readArchive(archive)).resolves.toMatchObject({
      entries: 1,
      uncompressedBytes: archive.length,
    });
    await expect(readArchive(archive, {}, archive)).resolves.toMatchObject({ entries: 1 });
    const sha512 = (bytes: Buffer) => `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
    const packed = gzipSync(archive);
    await expect(
      readArchive(archive, { digest: sha512(packed), diffId: sha512(archive) }, packed),
    ).resolves.toMatchObject({ entries: 1 });
  });

  it.each([
    ['of the packed bytes', { digest: `sha256:${'0'.repeat(64)}` }],
    ['of the unpacked bytes', { diffId: `sha256:${'0'.repeat(64)}` }],
    ['length, longer', { sizeBytes: 1 }],
    ['length, shorter', { sizeBytes: 10_000 }],
  ])('refuse the layer when they are wrong: %s', async (_, order) => {
    await expect(readArchive(archive, order)).rejects.toMatchObject({ reason: 'digest-mismatch' });
  });

  it('cover what is behind the end of the packed bytes, too', async () => {
    const packed = Buffer.concat([gzipSync(archive), Buffer.from('and more of it')]);
    await expect(readArchive(archive, {}, packed)).rejects.toMatchObject({ name: 'LayerTrouble' });
    const twice = Buffer.concat([
      gzipSync(archive.subarray(0, 600)),
      gzipSync(archive.subarray(600)),
    ]);
    await expect(readArchive(archive, {}, twice)).resolves.toMatchObject({ entries: 1 });
  });
});

describe('a hostile layer', () => {
  it('that unfolds to far more than it is ends early, with little memory', async () => {
    const archive = tarEntry({ name: 'zeros', content: Buffer.alloc(150 * 1024 * 1024) });
    const packed = gzipSync(archive, { level: 9 });
    let taken = 0;
    const counting = async function* () {
      for await (const piece of inPieces(packed, 4096)) {
        taken += piece.length;
        yield piece;
      }
    };
    await expect(
      readLayer(counting(), {
        digest: 'sha256:x',
        sizeBytes: packed.length,
        diffId: 'sha256:x',
        below: NO_FILES,
      }),
    ).rejects.toMatchObject({ reason: 'too-large' });
    expect(taken).toBeLessThan(packed.length);
  });

  it.each<[string, object, string]>([
    ['bytes', { uncompressedBytes: 1000 }, 'too-large'],
    ['entries', { entries: 1 }, 'too-large'],
    ['files of interest', { files: 1 }, 'too-large'],
    ['packages', { packages: 1 }, 'too-large'],
    ['time', { milliseconds: -1 }, 'too-slow'],
  ])('with too many %s is refused, and read without that limit', async (_, limits, reason) => {
    const archive = tar(npm('node_modules/a'), npm('node_modules/b'));
    await expect(readArchive(archive, { limits })).rejects.toMatchObject({ reason });
    await expect(readArchive(archive)).resolves.toMatchObject({ entries: 2 });
  });

  it.each<[string, Buffer]>([
    ['that breaks off', gzipSync(tar({ name: 'a' })).subarray(0, 40)],
    [
      'that is damaged',
      Buffer.concat([gzipSync(Buffer.alloc(0)).subarray(0, 10), Buffer.from('nonsense nonsense')]),
    ],
    ['that is no archive', Buffer.from('nothing of the kind'.repeat(100))],
  ])('%s is malformed', async (_, packed) => {
    await expect(readArchive(tar({ name: 'a' }), {}, packed)).rejects.toMatchObject({
      name: 'LayerTrouble',
    });
  });

  it('cannot have its inspections believed before its end', async () => {
    const seen: string[] = [];
    const archive = tar({ name: 'app/.env', content: 'A=b' });
    const inspect = {
      text: (path: string) => seen.push(path),
      digest: (_: string, sha256: string) => seen.push(sha256),
    };
    await readArchive(archive, { inspect });
    expect(seen).toEqual(['app/.env', createHash('sha256').update('A=b').digest('hex')]);
  });
});

describe('ways of packing', () => {
  const take = async (packed: Buffer) => {
    const pieces: Buffer[] = [];
    const keep = (piece: Buffer): undefined => {
      pieces.push(Buffer.from(piece));
    };
    await unpackLayer(inPieces(packed, 3), keep);
    return Buffer.concat(pieces).toString();
  };
  const bytes = (hex: string): Buffer => Buffer.from(hex.padEnd(24, '0'), 'hex');

  it('are told by the first bytes', async () => {
    expect(await take(gzipSync(Buffer.from('text')))).toBe('text');
    expect(await take(Buffer.from('plain text'))).toBe('plain text');
    expect(await take(Buffer.from('x'))).toBe('x');
    expect(await take(Buffer.alloc(0))).toBe('');
  });

  it.each([
    ['xz', bytes('fd377a585a00')],
    ['bzip2', bytes('425a6839314159265359')],
    ['bzip2', bytes('425a6836177245385090')],
    ['lz4', bytes('04224d18')],
  ])('that are not unpacked here are named: %s', async (packing, packed) => {
    await expect(take(packed)).rejects.toMatchObject({ reason: `packed-with-${packing}` });
  });

  it('are not seen in the name that an archive begins with', async () => {
    expect(await take(Buffer.from('BZh9-notes.txt'))).toBe('BZh9-notes.txt');
    expect(await take(Buffer.from('(7zXZ'))).toBe('(7zXZ');
  });

  it('pass on why the source broke off', async () => {
    const broken = async function* () {
      yield await Promise.resolve(gzipSync(Buffer.from('text')).subarray(0, 8));
      throw new Error('the connection is gone');
    };
    await expect(unpackLayer(broken(), () => undefined)).rejects.toThrow('the connection is gone');
  });

  it('keep nobody waiting for a source that stalls once enough was taken', async () => {
    const packed = gzipSync(Buffer.alloc(5_000_000));
    let goOn: () => void = () => undefined;
    const stalling = async function* () {
      yield packed.subarray(0, 4000);
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      yield packed.subarray(4000);
    };
    const stop = () => {
      throw new Error('that is enough');
    };
    await expect(unpackLayer(stalling(), stop)).rejects.toThrow('that is enough');
    goOn();
  });
});
