import { jar, pom, zip } from '../collector/zip-files';
import { rpmDatabase, rpmDatabaseWithoutTable } from '../collector/rpm-database';
import { goProgram } from '../support/go-program';
import {
  hardLink,
  packagesOf,
  readArchive,
  readLayers,
  symbolicLink,
  tar,
  unreadOf,
  type TarFile,
} from '../support/tar-files';

const STATUS = [
  'Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc (2.36-9)\nVersion: 2.36-9+b1',
  'Package: gone\nStatus: deinstall ok config-files\nVersion: 1.0',
  'Package: tar\nStatus: install ok installed\nVersion: 1.34+dfsg-1.2',
].join('\n\n');

describe('packages of a layer', () => {
  const kinds: readonly [string, readonly TarFile[], readonly string[]][] = [
    [
      'of dpkg',
      [{ name: './var/lib/dpkg/status', content: STATUS }],
      ['deb libc6 2.36-9+b1', 'deb tar 1.34+dfsg-1.2'],
    ],
    [
      'of dpkg without a package manager',
      [
        { name: 'var/lib/dpkg/status.d/base', content: 'Package: base-files\nVersion: 12.4' },
        { name: 'var/lib/dpkg/status.d/base.md5sums', content: 'Package: no\nVersion: 1' },
      ],
      ['deb base-files 12.4'],
    ],
    [
      'of apk',
      [
        {
          name: 'lib/apk/db/installed',
          content: 'P:musl\nV:1.2.4-r2\nA:x86_64\no:musl\n\nP:x\nV:1\n',
        },
      ],
      ['apk musl 1.2.4-r2', 'apk x 1'],
    ],
    [
      'of npm',
      [
        { name: 'app/node_modules/a/package.json', content: '{"name":"a","version":"1.2.3"}' },
        {
          name: 'app/node_modules/@s/b/package.json',
          content: '{"name":"@s/b","version":"2.0.0"}',
        },
        {
          name: 'app/node_modules/a/node_modules/c/package.json',
          content: '{"name":"c","version":"0.1.0"}',
        },
        { name: 'app/node_modules/a/esm/package.json', content: '{"name":"no","version":"9"}' },
        { name: 'app/package.json', content: '{"name":"own","version":"1.0.0"}' },
        { name: 'app/node_modules/d/package.json', content: '{"type":"module"}' },
      ],
      ['npm @s/b 2.0.0', 'npm a 1.2.3', 'npm c 0.1.0'],
    ],
    [
      'of Python',
      [
        {
          name: 'usr/lib/python3/dist-packages/Django-3.2.19.dist-info/METADATA',
          content: 'Metadata-Version: 2.1\nName: Django\nVersion: 3.2.19\n\nVersion: 9',
        },
        { name: 'opt/six.egg-info', content: 'Name: six\nVersion: 1.16.0\n' },
        {
          name: 'opt/old.egg-info/PKG-INFO',
          content: `Name: old\nVersion: 1.0\n\n${'long '.repeat(100_000)}`,
        },
      ],
      ['pypi Django 3.2.19', 'pypi old 1.0', 'pypi six 1.16.0'],
    ],
    [
      'of Go',
      [
        {
          name: 'usr/bin/tool',
          content: goProgram([
            'path\texample.org/tool',
            'mod\texample.org/tool\t(devel)\t',
            'dep\tgolang.org/x/net\tv0.17.0\th1:x=',
            'dep\texample.org/forked\tv1.0.0',
            '=>\texample.org/fork\tv1.0.1\th1:y=',
          ]),
        },
      ],
      ['golang example.org/fork v1.0.1', 'golang golang.org/x/net v0.17.0', 'golang stdlib 1.22.3'],
    ],
    [
      'of Java, in archives inside archives too',
      [
        {
          name: 'app/shop.jar',
          content: zip([
            { name: 'META-INF/MANIFEST.MF', content: 'Implementation-Version: 3\n' },
            {
              name: 'BOOT-INF/lib/log4j-core-2.14.1.jar',
              content: jar('', [pom('org.apache.logging.log4j', 'log4j-core', '2.14.1')]),
              stored: true,
            },
          ]),
        },
      ],
      ['maven org.apache.logging.log4j:log4j-core 2.14.1', 'maven shop 3'],
    ],
  ];

  it.each(kinds)('%s are found with name and version [DC-2]', async (_, files, packages) => {
    const reading = await readLayers(tar(...files));
    expect(packagesOf(reading)).toEqual(packages);
    expect(unreadOf(reading)).toEqual([]);
  });

  it('of rpm are read from its database, keys of signatures left out [DC-2]', async () => {
    const reading = await readLayers(
      tar({ name: 'var/lib/rpm/rpmdb.sqlite', content: rpmDatabase() }),
    );
    const packages = [...reading.files.values()].flatMap((file) => file.packages);
    expect(packages.length).toBeGreaterThan(2);
    expect(packages.every(({ type, version }) => type === 'rpm' && version !== '')).toBe(true);
    expect(packages.some(({ name }) => name === 'gpg-pubkey')).toBe(false);
  });

  it('of Debian carry the source they were built from, which advisories name', async () => {
    const reading = await readLayers(tar({ name: 'var/lib/dpkg/status', content: STATUS }));
    const [libc] = [...reading.files.values()].flatMap(({ packages }) => packages);
    expect(libc).toMatchObject({ source: 'glibc', sourceVersion: '2.36-9', architecture: 'amd64' });
  });

  it.each<[string, TarFile, string]>([
    [
      'damaged Berkeley database of rpm',
      { name: 'var/lib/rpm/Packages', content: 'x' },
      'var/lib/rpm/Packages: malformed',
    ],
    [
      'damaged ndb of rpm',
      { name: 'usr/lib/sysimage/rpm/Packages.db', content: 'x' },
      'usr/lib/sysimage/rpm/Packages.db: malformed',
    ],
    [
      'log beside a database',
      { name: 'var/lib/rpm/rpmdb.sqlite-wal', content: 'x' },
      'var/lib/rpm/rpmdb.sqlite-wal: unsupported',
    ],
    [
      'damaged database',
      { name: 'var/lib/rpm/rpmdb.sqlite', content: 'x' },
      'var/lib/rpm/rpmdb.sqlite: malformed',
    ],
    [
      'database without its table',
      { name: 'var/lib/rpm/rpmdb.sqlite', content: rpmDatabaseWithoutTable() },
      'var/lib/rpm/rpmdb.sqlite: malformed',
    ],
    [
      'package list that is something else',
      { name: 'var/lib/dpkg/status', content: 'ELF and so on' },
      'var/lib/dpkg/status: malformed',
    ],
    [
      'package list of apk that is something else',
      { name: 'lib/apk/db/installed', content: 'ELF and so on' },
      'usr/lib/apk/db/installed: malformed',
    ],
    [
      'damaged description',
      { name: 'n/node_modules/a/package.json', content: '{' },
      'n/node_modules/a/package.json: malformed',
    ],
    [
      'metadata without a name',
      { name: 'a.dist-info/METADATA', content: 'Version: 1' },
      'a.dist-info/METADATA: malformed',
    ],
    ['damaged archive', { name: 'a.jar', content: 'PK' }, 'a.jar: malformed'],
    [
      'program of an old Go',
      { name: 'bin/old', content: goProgram([], { flags: 0 }) },
      'bin/old: unsupported',
    ],
    [
      'package list that is a link',
      symbolicLink('var/lib/dpkg/status', '/elsewhere'),
      'var/lib/dpkg/status: link',
    ],
    ['other name of a file that was not read', hardLink('a.jar', 'no-jar'), 'a.jar: link'],
    [
      'package list as large as nobody has one',
      { name: 'n/node_modules/a/package.json', content: Buffer.alloc(1024 * 1024 + 1) },
      'n/node_modules/a/package.json: too-large',
    ],
  ])('in a %s are listed as unread, not left out', async (_, file, unread) => {
    expect(unreadOf(await readLayers(tar(file)))).toEqual([unread]);
  });

  it('are found under another name of the same file', async () => {
    const content = '{"name":"a","version":"1.0.0"}';
    const reading = await readLayers(
      tar(
        { name: 'x/node_modules/a/package.json', content },
        hardLink('y/node_modules/a/package.json', '/x/node_modules/a/package.json'),
      ),
    );
    expect(packagesOf(reading)).toEqual(['npm a 1.0.0', 'npm a 1.0.0']);
  });

  it('of Go are found wherever their mark lies between two pieces', async () => {
    for (const at of [65_536, 65_552, 1_048_576 - 16]) {
      const archive = tar({ name: 'p', content: goProgram(['dep\tm\tv1.0.0'], { at }) });
      expect(packagesOf(await readArchive(archive, {}, archive))).toEqual([
        'golang m v1.0.0',
        'golang stdlib 1.22.3',
      ]);
    }
    const moved = tar({ name: 'p', content: goProgram(['dep\tm\tv1'], { at: 65_537 }) });
    expect(packagesOf(await readLayers(moved))).toEqual([]);
  });

  it('carry no secret and nothing invisible in their names [SD-1]', async () => {
    const name = `a\u202eAKIAIOSFODNN7EXAMPLE`;
    const content = JSON.stringify({ name, version: '1 AKIAIOSFODNN7EXAMPLE' });
    const reading = await readLayers(tar({ name: 'node_modules/a/package.json', content }));
    const text = JSON.stringify([...reading.files]);
    expect(text).not.toContain('AKIA');
    expect(text).not.toContain('\u202e');
    expect(packagesOf(reading)).toHaveLength(1);
  });
});

describe('the distribution of an image', () => {
  it.each([
    ['PRETTY_NAME="x"\nID=debian\nVERSION_ID="12"\n', { id: 'debian', version: '12' }],
    ["ID='alpine'\nVERSION_ID=3.19.1", { id: 'alpine', version: '3.19.1' }],
    ['ID=debian', { id: 'debian', version: null }],
    ['NAME=x', undefined],
  ])('is what %j says', async (content, distribution) => {
    const { files } = await readLayers(tar({ name: 'etc/os-release', content }));
    expect(files.get('etc/os-release')?.distribution).toEqual(distribution);
  });
});
