import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, Failure, folder, has, run, step } from './steps.mjs';

/**
 * What the benchmark compares itself with: pt-archiver 3.2.1 and the two libraries it needs, as Debian 12
 * has them. They are unpacked into the cache and not installed.
 */
const PACKAGES = Object.freeze([
  {
    name: 'percona-toolkit',
    version: '3.2.1-1',
    file: 'percona-toolkit_3.2.1-1_all.deb',
    sha256: '23931702493ebd9cb95433087eff7db694a67d05843ea81407cb4531a1212f6a',
  },
  {
    name: 'libdbi-perl',
    version: '1.643-4+deb12u3',
    file: 'libdbi-perl_1.643-4+deb12u3_amd64.deb',
    sha256: 'de50776662d5504f5989a8613ee347c69bd238caee5c9ee4fc34419cbaa5f668',
  },
  {
    name: 'libdbd-mysql-perl',
    version: '4.050-5+b1',
    file: 'libdbd-mysql-perl_4.050-5+b1_amd64.deb',
    sha256: '11e94cde6d259e18ada77521e083a41103858e89ead197858a8a1e1d6f8b5a62',
  },
]);

const KEY = createHash('sha256')
  .update(PACKAGES.map(({ sha256 }) => sha256).join('\n'))
  .digest('hex')
  .slice(0, 16);

/**
 * Unpacks pt-archiver, once. Returns how it is called, or why it cannot be: the benchmark then says so in
 * its table instead of failing.
 */
export async function ptArchiver() {
  const target = join(folder(CACHE, 'bin'), `pt-archiver-${KEY}`);
  try {
    if (!existsSync(target))
      await step('unpacking pt-archiver (hashes checked)', () => unpack(target));
  } catch (error) {
    return { missing: error.message.split('\n')[0] };
  }
  const libraries = join(target, 'usr/lib/x86_64-linux-gnu/perl5/5.36');
  return { program: join(target, 'usr/bin/pt-archiver'), libraries };
}

function unpack(target) {
  if (process.arch !== 'x64' || !has('apt-get') || !has('perl')) {
    throw new Failure('pt-archiver needs Debian 12 on x86-64 with perl');
  }
  const partial = `${target}.partial`;
  rmSync(partial, { recursive: true, force: true });
  const downloads = folder(partial, 'downloads');
  const wanted = PACKAGES.map(({ name, version }) => `${name}=${version}`);
  run('apt-get', ['download', '-q', ...wanted], { cwd: downloads });
  for (const { name, file, sha256 } of PACKAGES) {
    const path = [file, encodeURIComponent(file)]
      .map((candidate) => join(downloads, candidate))
      .find(existsSync);
    const found =
      path === undefined ? '' : createHash('sha256').update(readFileSync(path)).digest('hex');
    if (found !== sha256) throw new Failure(`${name} is not the package that was pinned`);
    run('dpkg-deb', ['-x', path, partial]);
  }
  rmSync(downloads, { recursive: true });
  renameSync(partial, target);
}
