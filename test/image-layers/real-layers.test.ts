import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepareSecondRoot, type SecondRoot } from '../../demo/inputs/second-root';
import { packagesOf, readArchive, unreadOf } from '../support/tar-files';

const REPOSITORY = join(__dirname, '..', '..');
const CACHE = process.env['LETHE_CACHE'] ?? join(REPOSITORY, '.cache');

/** The package manager's own list. */
const TOOL = 'dpkg-query';

const archiveOf = (folder: string, ...places: readonly string[]): Buffer =>
  execFileSync('tar', ['-C', folder, '-c', ...places], { maxBuffer: 1 << 30 });

describe('a layer of real Debian packages', () => {
  let root: SecondRoot;
  beforeAll(async () => {
    root = await prepareSecondRoot(CACHE);
  }, 600_000);

  it('has exactly the packages that the system’s own tool lists on the unpacked root [DC-2]', async () => {
    const reading = await readArchive(archiveOf(root.path, '.'));
    const listed = execFileSync(
      TOOL,
      ['--admindir', join(root.path, 'var/lib/dpkg'), '-W', '-f', 'deb ${Package} ${Version}\n'],
      { encoding: 'utf8' },
    );
    const found = packagesOf(reading);
    const expected = listed.trim().split('\n').sort();
    expect(expected.length).toBeGreaterThan(10);
    expect(found.filter((line) => line.startsWith('deb '))).toEqual(expected);
    expect(found.find((line) => line.startsWith('pypi Django '))).toBeDefined();
    expect(found.some((line) => /^maven spring3-core /.test(line))).toBe(true);
    expect(unreadOf(reading)).toEqual([]);
    expect(reading.files.get('usr/lib/os-release')?.distribution?.id).toBe('debian');
  });
});

describe('a layer of real npm packages', () => {
  it('has exactly the packages of its folders [DC-2]', async () => {
    const names = ['pino', 'mongodb', 'bson', 'minio', '@temporalio/common', 'zod', 'commander'];
    const places = names.map((name) => join('node_modules', name));
    const reading = await readArchive(archiveOf(REPOSITORY, ...places));
    const expected = places.flatMap((place) => installedBelow(place)).sort();
    expect(expected.length).toBeGreaterThanOrEqual(names.length);
    expect(packagesOf(reading)).toEqual(expected);
  });
});

/** Packages of a folder and of the folders of packages in it. */
function installedBelow(place: string): readonly string[] {
  const { name, version } = JSON.parse(
    readFileSync(join(REPOSITORY, place, 'package.json'), 'utf8'),
  ) as { name: string; version: string };
  const nested = join(place, 'node_modules');
  const inside = existsSync(join(REPOSITORY, nested))
    ? readdirSync(join(REPOSITORY, nested)).filter((entry) => !entry.startsWith('.'))
    : [];
  const scoped = inside.flatMap((entry) =>
    entry.startsWith('@')
      ? readdirSync(join(REPOSITORY, nested, entry)).map((own) => join(entry, own))
      : [entry],
  );
  return [
    `npm ${name} ${version}`,
    ...scoped.flatMap((entry) => installedBelow(join(nested, entry))),
  ];
}
