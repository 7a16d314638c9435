import { bindKeyedHash } from '../../src/activities/registry/keyed-hash';
import { describeContent } from '../../src/activities/registry/describe-content';
import { NO_LAYERS } from '../../src/activities/registry/layer-state';
import { packagesOf, readLayers, tar, unreadOf as unreadIn } from '../support/tar-files';
import { collectFiles, ofKind, removeFolders, unreadOf } from './machine';
import { rpmDatabase } from './rpm-database';
import {
  berkeleyDatabase,
  berkeleyDatabaseOfOtherOrder,
  ndbDatabase,
  rpmHeader,
} from './rpm-files';

afterAll(removeFolders);

const packagesIn = (path: string, database: Buffer): readonly string[] =>
  ofKind(collectFiles({ [path]: database }), 'software-application').map((record) =>
    'paths' in record ? 'no' : `${record.name} ${record.version} ${String(record.source)}`,
  );

const NDB = ndbDatabase([rpmHeader('bash', '5.2', '1.sle'), rpmHeader('zlib', '1.3', '2.sle')]);
const PACKS = ['pack1 1:1.1-2.el7 pack1', 'pack2 2:1.2-2.el7 pack2', 'pack3 3:1.3-2.el7 pack3'];

const DATABASES: readonly [string, string, Buffer, readonly string[]][] = [
  ['Berkeley DB', 'var/lib/rpm/Packages', berkeleyDatabase(), PACKS],
  ['Berkeley DB in another order', 'var/lib/rpm/Packages', berkeleyDatabaseOfOtherOrder(), PACKS],
  [
    'rpm itself',
    'usr/lib/sysimage/rpm/Packages.db',
    NDB,
    ['bash 5.2-1.sle null', 'zlib 1.3-2.sle null'],
  ],
];

describe('databases of rpm before SQLite', () => {
  it.each(DATABASES)(
    'written by %s are read on hosts [DC-1]',
    (_, ...[path, database, packages]) => {
      expect(packagesIn(path, database)).toEqual(packages);
      expect(unreadOf(collectFiles({ [path]: database }), 'software-application')).toEqual([]);
    },
  );

  it.each(DATABASES)(
    'written by %s are read in images [DC-2]',
    async (_, ...[path, database, packages]) => {
      const reading = await readLayers(tar({ name: path, content: database }));
      expect(packagesOf(reading)).toEqual(
        packages.map((text) => `rpm ${text.split(' ').slice(0, 2).join(' ')}`),
      );
      expect(unreadIn(reading)).toEqual([]);
    },
  );

  it('are left to the newer one beside them, and listed [DC-1]', () => {
    const report = collectFiles({
      'var/lib/rpm/Packages.db': NDB,
      'var/lib/rpm/Packages': berkeleyDatabase(),
    });
    expect(ofKind(report, 'software-application').map(({ name }) => name)).toEqual([
      'bash',
      'zlib',
    ]);
    expect(unreadOf(report, 'software-application')).toEqual(['unsupported /var/lib/rpm/Packages']);
  });

  it.each(DATABASES)('written by %s are malformed when cut anywhere', (_, path, database) => {
    for (const part of [0, 20, 100, 511, 600, database.length - 4096, database.length - 30]) {
      const report = collectFiles({ [path]: database.subarray(0, Math.max(0, part)) });
      expect(unreadOf(report, 'software-application')).toEqual([`malformed /${path}`]);
    }
  });

  it.each(DATABASES)(
    'written by %s end whatever single byte is another one',
    (_, path, database) => {
      for (let at = 0; at < database.length; at += Math.ceil(database.length / 150)) {
        const changed = Buffer.from(database);
        changed[at] = 0xff - (changed[at] ?? 0);
        expect(packagesIn(path, changed).length).toBeLessThan(20);
      }
    },
  );

  it('are malformed when one page or one value serves many packages', () => {
    const slots = ndbDatabase([rpmHeader('a', '1', '1'), rpmHeader('a', '1', '1')]);
    for (let at = 64; at < 4096; at += 16) slots.copy(slots, at, 48, 64);
    expect(packagesIn('var/lib/rpm/Packages.db', slots).length).toBeLessThan(2);
    const circle = berkeleyDatabase();
    for (let page = 512; page < circle.length; page += 512) {
      if (circle[page + 25] === 7) circle.writeUInt32LE(page / 512, page + 16);
    }
    expect(
      unreadOf(collectFiles({ 'var/lib/rpm/Packages': circle }), 'software-application'),
    ).toEqual(['malformed /var/lib/rpm/Packages']);
  });

  it('are what the newest one is: the packages and no keys', () => {
    expect(packagesIn('var/lib/rpm/rpmdb.sqlite', rpmDatabase())).toHaveLength(62);
  });
});

describe('several databases of rpm in one file system', () => {
  const NEW = 'usr/lib/sysimage/rpm/Packages.db';
  const OLD = 'var/lib/rpm/Packages';
  const EMPTY = ndbDatabase([]);

  /** Names of packages, and what is unread, on a host and in an image of one layer for each file. */
  async function both(files: Readonly<Record<string, Buffer>>): Promise<readonly string[]> {
    const report = collectFiles(files);
    const onHost = ofKind(report, 'software-application').map(({ name }) => name);
    const layers = Object.entries(files).map(([name, content]) => tar({ name, content }));
    const { body } = describeContent(
      { ...NO_LAYERS, files: (await readLayers(...layers)).files },
      bindKeyedHash(Buffer.alloc(16, 3)),
      {},
    );
    const inImage = body.packages.map(({ name }) => name);
    expect(inImage).toEqual(onHost);
    expect(body.packageCount).toBe(inImage.length);
    const unread = body.unread.map(({ place, reason }) => `${reason} ${place}`);
    expect(unread).toEqual(unreadOf(report, 'software-application'));
    return [...inImage, ...unread];
  }

  it('are one for rpm: the newest form in the newer place, and the others are listed [DC-1] [DC-2]', async () => {
    expect(await both({ [NEW]: NDB, [OLD]: berkeleyDatabase() })).toEqual([
      'bash',
      'zlib',
      `unsupported /${OLD}`,
    ]);
    expect(await both({ [OLD]: berkeleyDatabase(), 'var/lib/rpm/Packages.db': NDB })).toEqual([
      'bash',
      'zlib',
      `unsupported /${OLD}`,
    ]);
  });

  it('hide nothing where the newer one has no packages', async () => {
    expect(await both({ [NEW]: EMPTY, [OLD]: berkeleyDatabase() })).toEqual([
      'pack1',
      'pack2',
      'pack3',
    ]);
  });

  it('are one where a link leads from one place to the other', () => {
    const report = collectFiles({
      [NEW]: NDB,
      'var/lib/rpm': { link: '../../usr/lib/sysimage/rpm' },
    });
    expect(ofKind(report, 'software-application')).toHaveLength(2);
    expect(unreadOf(report, 'software-application')).toEqual([]);
  });
});
