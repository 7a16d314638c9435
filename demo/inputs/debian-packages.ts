import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const runFile = promisify(execFile);

/** A downloaded package whose content the package manager has checked against its signed lists. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly sha256: string;
  readonly file: string;
}

/** Longest a download or an update of the lists may take, in milliseconds. */
const NETWORK_TIMEOUT_MS = 300_000;
/** Longest one package may take to be unpacked or read, in milliseconds. */
const UNPACK_TIMEOUT_MS = 60_000;
const OUTPUT_MAX = 64 * 1024 * 1024;

/**
 * Downloads packages into `folder` without installing anything and without being root. The system's own
 * package lists are tried first; when they are missing or too old, lists of our own are fetched beside
 * them. Unsigned packages are refused by the package manager itself.
 *
 * @throws Error naming what to install or to allow when it does not work.
 */
export async function downloadPackages(
  names: readonly string[],
  folder: string,
): Promise<readonly DebianPackage[]> {
  mkdirSync(folder, { recursive: true });
  try {
    await aptGet(['download', ...names], folder, []);
  } catch {
    const own = ownLists(folder);
    await aptGet(['update'], folder, own);
    await aptGet(['download', ...names], folder, own);
  }
  const files = readdirSync(folder).filter((file) => file.endsWith('.deb'));
  const packages = await Promise.all(files.map((file) => describe(join(folder, file))));
  const missing = names.filter((name) => !packages.some((found) => found.name === name));
  if (missing.length > 0) throw new Error(`packages were not downloaded: ${missing.join(', ')}`);
  return [...packages].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Lists and caches in a folder of our own, so that no right on the system's is needed. */
function ownLists(folder: string): readonly string[] {
  const [lists, cache] = [join(folder, 'lists'), join(folder, 'cache')];
  mkdirSync(join(lists, 'partial'), { recursive: true });
  mkdirSync(join(cache, 'archives', 'partial'), { recursive: true });
  return ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${cache}`];
}

async function aptGet(
  [command = '', ...rest]: readonly string[],
  cwd: string,
  options: readonly string[],
): Promise<void> {
  // As root the download would otherwise change to a user that cannot write here.
  const own = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
  try {
    await runFile('apt-get', ['-q', ...options, ...own, command, ...rest], {
      cwd,
      timeout: NETWORK_TIMEOUT_MS,
      maxBuffer: OUTPUT_MAX,
      env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
    });
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').slice(-3).join(' ');
    throw new Error(`apt-get ${command} failed: ${said ?? (error as Error).message}`, {
      cause: error,
    });
  }
}

async function describe(file: string): Promise<DebianPackage> {
  const fields = await controlOf(file, 'Package', 'Version', 'Architecture');
  const field = (name: string): string =>
    new RegExp(`^${name}: (.+)$`, 'm').exec(fields)?.[1]?.trim() ?? '';
  return {
    name: field('Package'),
    version: field('Version'),
    architecture: field('Architecture'),
    sha256: createHash('sha256').update(readFileSync(file)).digest('hex'),
    file,
  };
}

/** Control data of a package: all of it, or the named fields. */
export async function controlOf(file: string, ...fields: readonly string[]): Promise<string> {
  return dpkgDeb('-f', file, ...fields);
}

/** Unpacks the files of a package below `tree`; its scripts do not run. */
export async function unpack(file: string, tree: string): Promise<void> {
  await dpkgDeb('-x', file, tree);
}

/** Absolute paths of what a package ships, as the package manager keeps them on record. */
export async function filesOf(file: string): Promise<readonly string[]> {
  const listing = await dpkgDeb('-c', file);
  return listing
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(/\s+/).slice(5).join(' ').split(' -> ')[0] ?? '')
    .map((path) => path.replace(/^\./, '').replace(/(.)\/$/, '$1'));
}

async function dpkgDeb(...args: readonly string[]): Promise<string> {
  const { stdout } = await runFile('dpkg-deb', [...args], {
    timeout: UNPACK_TIMEOUT_MS,
    maxBuffer: OUTPUT_MAX,
    env: { ...process.env, LC_ALL: 'C' },
  });
  return stdout;
}
