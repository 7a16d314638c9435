import { nameOrNull, nameText } from '../text';
import { paragraphs } from './paragraphs';

/** A package of a language as its own metadata name it. */
export interface LanguagePackage {
  readonly name: string;
  readonly version: string;
}

/** What one file says: a package, that it is none, or nothing that can be understood. */
export type Described = LanguagePackage | 'none' | 'malformed';

const NPM = /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/@][^/]*\/package\.json$/;
const PYTHON = /\.(?:dist-info\/METADATA|egg-info(?:\/PKG-INFO)?)$/;

/** Bytes of these files that are read; of Python's the fields come first, before a long description. */
export const METADATA_BYTES = Object.freeze({ npm: 1024 * 1024, pypi: 256 * 1024 });

/** Whose metadata stand at a path; null for the many that are none. */
export function languageOf(path: string): 'npm' | 'pypi' | null {
  if (path.endsWith('/package.json')) return NPM.test(path) ? 'npm' : null;
  return PYTHON.test(path) ? 'pypi' : null;
}

/** True for the metadata of a package; the name alone tells most files apart. */
export const isPackageMetadata = (directory: string, name: string): boolean =>
  (name === 'package.json' ||
    name === 'METADATA' ||
    name === 'PKG-INFO' ||
    name.endsWith('.egg-info')) &&
  languageOf(`${directory}/${name}`) !== null;

/** Reads an installed `package.json`. */
export function describedByNpm(bytes: Buffer): Described {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8').replace(/^\uFEFF/, ''));
  } catch {
    return 'malformed';
  }
  if (typeof parsed !== 'object' || parsed === null) return 'malformed';
  const { name, version } = parsed as { name?: unknown; version?: unknown };
  // Folders of a package often hold a file of this name that only sets the kind of its modules.
  if (typeof name !== 'string' || typeof version !== 'string') return 'none';
  return described(name, version) ?? 'none';
}

const PYTHON_FIELDS = new Set(['Name', 'Version']);

/** Reads Python's installed metadata, of which the beginning is enough. */
export function describedByPython(bytes: Buffer): Described {
  const [fields] = paragraphs(bytes.toString('utf8'), PYTHON_FIELDS);
  return described(fields?.get('Name'), fields?.get('Version')) ?? 'malformed';
}

function described(
  name: string | undefined,
  version: string | undefined,
): LanguagePackage | undefined {
  if (nameOrNull(name) === null || nameOrNull(version) === null) return undefined;
  return { name: nameText((name ?? '').trim()), version: nameText((version ?? '').trim()) };
}
