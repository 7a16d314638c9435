import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  prepareSecondRoot,
  SECOND_ROOT_PACKAGES,
  type SecondRoot,
} from '../../demo/inputs/second-root';

const CACHE = process.env['LETHE_CACHE'] ?? join(__dirname, '..', '..', '.cache');

describe('the second root', () => {
  let root: SecondRoot;
  beforeAll(async () => {
    root = await prepareSecondRoot(CACHE);
  }, 600_000);

  const at = (...parts: readonly string[]): string => join(root.path, ...parts);

  it('is on record like an installed machine, each package with its version and hash', () => {
    const status = readFileSync(at('var/lib/dpkg/status'), 'utf8');
    expect(root.packages.map(({ name }) => name)).toEqual(SECOND_ROOT_PACKAGES);
    for (const { name, version, sha256 } of root.packages) {
      expect(status).toContain(`Package: ${name}\nStatus: install ok installed\n`);
      expect(status).toContain(`\nVersion: ${version}\n`);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      const [first = ''] = readFileSync(at('var/lib/dpkg/info', `${name}.list`), 'utf8')
        .split('\n')
        .filter((path) => path.split('/').length > 3);
      expect(lstatSync(at(first))).toBeDefined();
    }
  });

  it('has real files of many kinds: accounts, sites, archives, services and tasks [DC-1]', () => {
    expect(readFileSync(at('etc/passwd'), 'utf8')).toContain('root:');
    expect(lstatSync(at('etc/nginx/sites-enabled/default')).isSymbolicLink()).toBe(true);
    expect(readdirSync(at('usr/share/java')).some((name) => name.endsWith('.jar'))).toBe(true);
    expect(existsSync(at('etc/redis/redis.conf'))).toBe(true);
    expect(readFileSync(at('etc/crontab'), 'utf8')).toContain('run-parts');
    const wanted = readdirSync(at('etc/systemd/system/multi-user.target.wants'));
    expect(wanted).toEqual(expect.arrayContaining(['cron.service', 'nginx.service']));
  });

  it('comes from the cache the second time, without network and without a package manager', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nowhere';
    try {
      expect(await prepareSecondRoot(CACHE)).toEqual({ ...root, cached: true });
    } finally {
      process.env['PATH'] = path;
    }
  });

  it('is never taken from a run that was interrupted, and such a run leaves nothing behind', async () => {
    const cache = mkdtempSync(join(tmpdir(), 'lethe-root-'));
    const path = process.env['PATH'];
    try {
      const left = join(cache, 'demo', 'root-0123456789ab.partial-4194305');
      mkdirSync(join(left, 'tree'), { recursive: true });
      process.env['PATH'] = '/nowhere';
      await expect(prepareSecondRoot(cache)).rejects.toThrow('apt-get');
      expect(existsSync(left)).toBe(false);
      expect(
        readdirSync(join(cache, 'demo')).filter((name) => !name.includes('.partial-')),
      ).toEqual([]);
    } finally {
      process.env['PATH'] = path;
      rmSync(cache, { recursive: true, force: true });
    }
  });
});
