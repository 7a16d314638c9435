import { gzipSync } from 'node:zlib';
import { LAYER_LIMITS } from '../../src/image-layers';
import { unpackLayer } from '../../src/image-layers/decompress';
import { LayerOver } from '../../src/image-layers/image-files';
import { NOTHING, type FileContent } from '../../src/image-layers/packages/package';
import { failureOf } from '../support/hostile-registry';
import {
  folder,
  hardLink,
  packagesOf,
  paxRecord,
  readArchive,
  readLayers,
  symbolicLink,
  tar,
  unreadOf,
  type TarFile,
} from '../support/tar-files';
import { cpuMillisecondsOf } from '../support/cpu-time';

const STATUS = 'Package: hidden\nStatus: install ok installed\nVersion: 1\n';
const DATABASE: TarFile = { name: 'var/lib/dpkg/status', content: STATUS };
const pax = (...records: readonly (readonly [string, string])[]): TarFile => ({
  name: 'x',
  type: 'x',
  content: records.map(([key, value]) => paxRecord(key, value)).join(''),
});

describe('an archive that shows an unpacking something else', () => {
  it.each<[string, readonly TarFile[]]>([
    ['behind a name that is taken back', [pax(['path', '']), DATABASE]],
    ['behind a long name that is empty', [{ name: 'L', type: 'L', content: '\0' }, DATABASE]],
    [
      'behind an unknown entry whose attributes know its size',
      [pax(['size', '0']), { name: 'z', type: 'Z', claimedSize: 1024 }, DATABASE],
    ],
    [
      'under a name that is a prefix only',
      [{ name: '', content: STATUS, alter: (header) => header.write(DATABASE.name, 345) }],
    ],
    [
      'under a prefix that ends before the times of an older writer',
      [
        {
          name: DATABASE.name,
          content: STATUS,
          alter: (header) => {
            header.write(`${'./'.repeat(65)}.1234567`, 345);
            header.write('tar\0', 508);
          },
        },
      ],
    ],
  ])('hides no packages %s [DC-2]', async (_, files) => {
    expect(packagesOf(await readLayers(tar(...files)))).toEqual(['deb hidden 1']);
  });

  it('hides no layer below by a folder in the form of old archives [DC-2]', async () => {
    const reading = await readLayers(tar(DATABASE), tar({ name: 'var/lib/', type: '\0' }));
    expect(packagesOf(reading)).toEqual(['deb hidden 1']);
  });

  it('names a sparse file as its attributes do, and lists it as unread [DC-2]', async () => {
    const version: [string, string][] = [
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
    ];
    const reading = await readLayers(
      tar(pax(...version, ['GNU.sparse.name', DATABASE.name]), {
        name: 'var/lib/dpkg/GNUSparseFile.1/status',
        content: STATUS,
      }),
    );
    expect(unreadOf(reading)).toEqual(['var/lib/dpkg/status: unsupported']);
  });

  it.each<[string, readonly TarFile[]]>([
    ['by two blocks of attributes', [pax(['path', 'a']), pax(['mtime', '1']), DATABASE]],
    [
      'by attributes and, between them and it, some for all entries',
      [pax(['path', 'a']), { name: 'g', type: 'g', content: paxRecord('a', 'b') }, DATABASE],
    ],
    [
      'by attributes and another long name',
      [pax(['path', 'a']), { name: 'L', type: 'L', content: 'b\0' }, DATABASE],
    ],
    ['by the name of a sparse file that is none', [pax(['GNU.sparse.name', 'a']), DATABASE]],
  ])('is refused where an entry is described %s', async (_, files) => {
    await expect(readLayers(tar(...files))).rejects.toMatchObject({ reason: 'malformed' });
  });

  it('is read where both descriptions say the same', async () => {
    const named = { name: 'L', type: 'L', content: `${DATABASE.name}\0` };
    const files = [pax(['path', DATABASE.name]), named, { name: 'cut', content: STATUS }];
    expect(packagesOf(await readLayers(tar(...files)))).toEqual(['deb hidden 1']);
  });
});

describe('what stands in the place of a database of packages', () => {
  it.each<[string, TarFile, readonly string[]]>([
    ['a device', { ...DATABASE, content: '', type: '3' }, ['var/lib/dpkg/status: unsupported']],
    ['a pipe', { ...DATABASE, content: '', type: '6' }, ['var/lib/dpkg/status: unsupported']],
    ['a folder', folder('var/lib/dpkg/status/'), ['var/lib/dpkg/status: unsupported']],
    [
      'a link to one package',
      symbolicLink('var/lib/dpkg/status.d/a', '/data/a'),
      ['var/lib/dpkg/status.d/a: link'],
    ],
    [
      'a hard link out of the image',
      hardLink('var/lib/dpkg/status', '../../status'),
      ['var/lib/dpkg/status: link'],
    ],
    ['a link to its folder', symbolicLink('var/lib/dpkg', '/data'), ['var/lib/dpkg: link']],
    [
      'a link to the usual other folder',
      symbolicLink('var/lib/rpm', '../../usr/lib/sysimage/rpm'),
      [],
    ],
    ['an empty file', { name: 'var/lib/rpm/Packages' }, ['var/lib/rpm/Packages: malformed']],
    ['an empty log', { name: 'var/lib/rpm/rpmdb.sqlite-wal' }, []],
  ])('is listed as unread when it is %s [DC-2]', async (_, file, unread) => {
    expect(unreadOf(await readLayers(tar(file)))).toEqual(unread);
  });

  it('is gone with its folder, whichever of its two paths the whiteout names', async () => {
    const below = tar({ name: 'lib/apk/db/installed', content: 'P:musl\nV:1\n' });
    expect(packagesOf(await readLayers(below, tar({ name: 'lib/.wh.apk' })))).toEqual([]);
    expect(packagesOf(await readLayers(below, tar({ name: 'lib/.wh.apk-tools' })))).toEqual([
      'apk musl 1',
    ]);
  });
});

describe('the work of laying one layer over another', () => {
  const filesAt = (paths: readonly string[]): Map<string, FileContent> =>
    new Map(paths.map((path) => [path, NOTHING]));

  it('does not grow with the depth of paths', () => {
    const deep = 'a/'.repeat(2000);
    const paths = Array.from({ length: 9000 }, (_, at) => `${at}/${deep}f`);
    const layer = new LayerOver(filesAt(paths), LAYER_LIMITS);
    layer.hide({ hides: 'path', path: '7' });
    layer.stand('8/a', false);
    expect(layer.result().size).toBe(8998);
  });

  it('does not grow with the number of times that one folder is hidden', () => {
    const paths = Array.from({ length: 50_000 }, (_, at) => `kept/${at}`);
    const layer = new LayerOver(filesAt([...paths, 'gone/a', 'gone.b']), LAYER_LIMITS);
    const milliseconds = cpuMillisecondsOf(() => {
      for (let time = 0; time < 100_000; time += 1) layer.hide({ hides: 'path', path: 'gone' });
    });
    // Looking at each file each time would be five billion steps.
    expect(milliseconds).toBeLessThan(5000);
    expect(layer.result().size).toBe(50_001);
  });

  it('ends with the file that brings too many packages', () => {
    const layer = new LayerOver(new Map(), { ...LAYER_LIMITS, packages: 3 });
    const two = { packages: [{}, {}], unread: [] } as unknown as FileContent;
    layer.add('a', two);
    layer.add('a', two);
    const addAnother = (): void => {
      layer.add('b', two);
    };
    expect(failureOf(addAnother)).toMatchObject({ reason: 'too-large' });
    layer.stand('a', false);
    layer.stand('b', false);
    layer.add('c', two);
    expect(layer.result().size).toBe(1);
  });
});

describe('packed bytes', () => {
  it('whose second part breaks off are malformed', async () => {
    const archive = tar(DATABASE);
    const packed = Buffer.concat([
      gzipSync(archive.subarray(0, 600)),
      gzipSync(archive.subarray(600)).subarray(0, 20),
    ]);
    await expect(readArchive(archive, {}, packed)).rejects.toMatchObject({ reason: 'malformed' });
  });

  it('that nothing here unpacks leave no connection open', async () => {
    let isClosed = false;
    const source = async function* () {
      try {
        yield await Promise.resolve(Buffer.from('fd377a585a00', 'hex'));
      } finally {
        isClosed = true;
      }
    };
    await expect(unpackLayer(source(), () => undefined)).rejects.toMatchObject({
      reason: 'packed-with-xz',
    });
    expect(isClosed).toBe(true);
  });
});
