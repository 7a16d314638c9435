import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  controlOf,
  downloadPackages,
  filesOf,
  unpack,
  type DebianPackage,
} from './debian-packages';

/** A file system of a machine that does not run: a tree unpacked from real Debian packages. */
export interface SecondRoot {
  /** The tree itself. */
  readonly path: string;
  readonly packages: readonly Omit<DebianPackage, 'file'>[];
  /** True when it was there already and nothing was downloaded. */
  readonly cached: boolean;
}

/**
 * What the machine has, chosen for the kinds that its files tell of: accounts, software, startup
 * services, scheduled tasks, a web service with a site, a database, a web framework, a web application,
 * and Java archives.
 */
export const SECOND_ROOT_PACKAGES: readonly string[] = Object.freeze([
  'base-files',
  'base-passwd',
  'cron',
  'cron-daemon-common',
  'dokuwiki',
  'libcommons-io-java',
  'libspring-core-java',
  'logrotate',
  'nginx',
  'nginx-common',
  'openssh-server',
  'openssl',
  'python3-django',
  'redis-server',
]);

/** Changes when the way the tree is built does, so that an old one is not taken for a new one. */
const RECIPE = 1;

/**
 * Prepares the second root in the cache, once: afterwards it needs neither network nor package manager.
 *
 * The tree is built beside its place and moved there when it is complete, so an interrupted run leaves
 * nothing that could be mistaken for it; what it did leave is removed by the next one.
 *
 * @param cache - the project's cache folder.
 */
export async function prepareSecondRoot(cache: string): Promise<SecondRoot> {
  const pins = createHash('sha256')
    .update(JSON.stringify([RECIPE, SECOND_ROOT_PACKAGES]))
    .digest('hex')
    .slice(0, 12);
  const folder = join(cache, 'demo', `root-${pins}`);
  if (!existsSync(folder)) {
    removePartial(folder);
    const partial = `${folder}.partial-${process.pid}`;
    await build(partial);
    moveInPlace(partial, folder);
    return { ...read(folder), cached: false };
  }
  return { ...read(folder), cached: true };
}

function read(folder: string): Omit<SecondRoot, 'cached'> {
  const packages = JSON.parse(
    readFileSync(join(folder, 'packages.json'), 'utf8'),
  ) as SecondRoot['packages'];
  return { path: join(folder, 'tree'), packages };
}

/** Removes what runs that no longer live have left behind. */
function removePartial(folder: string): void {
  mkdirSync(dirname(folder), { recursive: true });
  for (const name of readdirSync(dirname(folder))) {
    const owner = /^root-[0-9a-f]+\.partial-(\d+)$/.exec(name)?.[1];
    if (owner === undefined || existsSync(`/proc/${owner}`)) continue;
    rmSync(join(dirname(folder), name), { recursive: true, force: true });
  }
}

/** Somebody else may have been faster; both trees are the same. */
function moveInPlace(partial: string, folder: string): void {
  try {
    renameSync(partial, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    rmSync(partial, { recursive: true, force: true });
  }
}

async function build(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  const downloads = join(folder, 'downloads');
  const tree = join(folder, 'tree');
  mkdirSync(tree, { recursive: true });
  const packages = await downloadPackages(SECOND_ROOT_PACKAGES, downloads);
  for (const { file } of packages) await unpack(file, tree);
  await recordPackages(tree, packages);
  finishInstallation(tree);
  const described = packages.map(({ name, version, architecture, sha256 }) => ({
    name,
    version,
    architecture,
    sha256,
  }));
  writeFileSync(join(folder, 'packages.json'), `${JSON.stringify(described, null, 1)}\n`);
  rmSync(downloads, { recursive: true, force: true });
}

/** The package manager's own records: what is installed, in which version, with which files. */
async function recordPackages(tree: string, packages: readonly DebianPackage[]): Promise<void> {
  const database = join(tree, 'var', 'lib', 'dpkg');
  mkdirSync(join(database, 'info'), { recursive: true });
  const stanzas: string[] = [];
  for (const { name, file } of packages) {
    const control = (await controlOf(file)).trim();
    stanzas.push(control.replace(/^(Package: .*)$/m, '$1\nStatus: install ok installed'));
    const files = (await filesOf(file)).join('\n');
    writeFileSync(join(database, 'info', `${name}.list`), `${files}\n`);
  }
  writeFileSync(join(database, 'status'), `${stanzas.join('\n\n')}\n`);
}

/**
 * Does what the packages' own scripts would do on a machine that runs, as far as it leaves files: those
 * scripts change the machine they run on, so they cannot be run for a foreign tree.
 */
function finishInstallation(tree: string): void {
  const at = (...parts: readonly string[]): string => join(tree, ...parts);
  copyFileSync(at('usr/share/base-passwd/passwd.master'), at('etc/passwd'));
  copyFileSync(at('usr/share/base-passwd/group.master'), at('etc/group'));
  copyFileSync(at('usr/share/base-files/profile'), at('etc/profile'));
  writeFileSync(at('etc/hostname'), 'second-root\n');
  link('/etc/nginx/sites-available/default', at('etc/nginx/sites-enabled/default'));
  enableUnits(tree);
}

const UNIT_FOLDER = 'lib/systemd/system';

/** Links each unit into the targets that its own file names. */
function enableUnits(tree: string): void {
  const folder = join(tree, UNIT_FOLDER);
  for (const unit of readdirSync(folder).filter((name) => /\.(service|timer)$/.test(name))) {
    if (unit.includes('@')) continue;
    const wanted = /^WantedBy=(.+)$/m.exec(readFileSync(join(folder, unit), 'utf8'))?.[1] ?? '';
    for (const target of wanted.split(/\s+/).filter((name) => name !== '')) {
      link(
        `/${UNIT_FOLDER}/${unit}`,
        join(tree, 'etc/systemd/system', `${basename(target)}.wants`, unit),
      );
    }
  }
}

function link(target: string, place: string): void {
  mkdirSync(dirname(place), { recursive: true });
  // The target is inside of the tree, so whether it exists here says nothing.
  if (lstatSync(place, { throwIfNoEntry: false }) === undefined) symlinkSync(target, place);
}
