import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  MANIFEST_BYTES_MAX,
  openManifest,
  type CohortIdentity,
  type ManifestContent,
} from '../../archive-format';
import { cohortKeyRef } from '../../contracts/keys';
import { parseArchiveObjectName } from '../../domain/environment-names';
import { LetheError } from '../../domain/errors';
import { isId } from '../../domain/identifiers';

/** Bytes read from a file at a time. */
const READ_BYTES = 1024 * 1024;
const KEY_FILE_BYTES_MAX = 1024 * 1024;

/** A manifest found in a folder, and the cohort and attempt that its name says it is of. */
export interface FoundManifest {
  readonly objectName: string;
  readonly identity: CohortIdentity;
}

/** What a folder with objects of a bucket holds. */
export interface ArchiveFolder {
  readonly dir: string;
  readonly manifests: readonly FoundManifest[];
  /** Everything else by its path in the folder: parts, and whatever should not be there; a folder with a slash. */
  readonly others: readonly string[];
}

/**
 * Lists a folder that holds objects under their names in the bucket.
 *
 * @throws LetheError INVALID_INPUT when it cannot be read or holds no manifest: nothing would be verified.
 */
export function readArchiveFolder(dir: string): ArchiveFolder {
  const names = namesIn(dir);
  const manifests = names.flatMap((objectName) => {
    const position = parseArchiveObjectName(objectName);
    if (position?.part !== 'manifest') return [];
    const { tenantId, runId, dueOn, attempt } = position;
    const recordClass = 'asset-basic-data' as const;
    return [{ objectName, identity: { tenantId, recordClass, runId, dueOn, attempt } }];
  });
  if (manifests.length === 0) {
    throw badInput('dir', 'holds no manifest; copy the objects under their names in the bucket');
  }
  const found = new Set(manifests.map(({ objectName }) => objectName));
  return { dir, manifests, others: names.filter((name) => !found.has(name)) };
}

/** What the folders of objects are called, from the outermost on: tenant, run, due day. */
const FOLDERS: readonly ((name: string) => boolean)[] = [
  (name) => isId('TenantId', name),
  (name) => isId('RunId', name),
  (name) => /^\d{4}-\d{2}-\d{2}$/.test(name),
];

/**
 * Files in the folders that objects lie in. Any other folder is named and not looked into, so that a folder given by
 * mistake is not searched to its end. Links are not followed: they are listed by name and are no object of an archive.
 */
function namesIn(dir: string): readonly string[] {
  try {
    return [...listed(dir, '', 0)].sort();
  } catch (cause) {
    throw badInput('dir', 'cannot be read; name a folder with the objects', cause);
  }
}

function listed(dir: string, under: string, depth: number): readonly string[] {
  return readdirSync(join(dir, under), { withFileTypes: true }).flatMap((entry) => {
    const name = `${under}${entry.name}`;
    if (!entry.isDirectory()) return [name];
    return FOLDERS[depth]?.(entry.name) === true
      ? listed(dir, `${name}/`, depth + 1)
      : [`${name}/`];
  });
}

/** Finds the data key of a cohort. */
export type KeyRing = (identity: CohortIdentity) => Buffer;

const KEY_LINE = /^(?:(asset:rn_[0-9a-z]{16,40}:\d{4}-\d{2}-\d{2})[ \t]+)?([0-9a-fA-F]{64})$/;

/**
 * Reads a key file: lines of a key reference and 64 hexadecimal digits, or one line with the digits alone
 * when the folder holds one cohort. Empty lines and lines that begin with # do not count.
 *
 * @throws LetheError INVALID_INPUT; the message never shows a line.
 */
export function readKeyFile(file: string, folder: ArchiveFolder): KeyRing {
  const refs = new Set(folder.manifests.map(({ identity }) => keyRefOf(identity)));
  const keys = new Map<string, Buffer>();
  linesOf(file).forEach((line, index) => {
    const [, named, hex = ''] = KEY_LINE.exec(line) ?? [];
    if (hex === '') throw badInput('key-file', `line ${index + 1} is no key reference and key`);
    const [only = ''] = refs;
    if (named === undefined && refs.size !== 1) {
      throw badInput('key-file', `line ${index + 1} must say of which cohort the key is`);
    }
    const ref = named ?? only;
    if (keys.has(ref)) throw badInput('key-file', `line ${index + 1} gives a second key of one`);
    keys.set(ref, Buffer.from(hex, 'hex'));
  });
  const missing = [...refs].find((ref) => !keys.has(ref));
  if (missing !== undefined) throw badInput('key-file', `has no key ${missing}`);
  return (identity) => {
    const key = keys.get(keyRefOf(identity));
    if (key === undefined) throw badInput('key-file', 'has no key of the cohort');
    return key;
  };
}

function linesOf(file: string): readonly string[] {
  try {
    if (statSync(file).size > KEY_FILE_BYTES_MAX) throw new RangeError('too long');
    const lines = readFileSync(file, 'utf8').split(/\r?\n/);
    return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  } catch (cause) {
    throw badInput('key-file', 'cannot be read; name a text file with keys', cause);
  }
}

const keyRefOf = ({ runId, dueOn }: CohortIdentity): string => cohortKeyRef(runId, dueOn);

/** An opened manifest with its own bytes. */
export interface OpenedManifest {
  readonly content: ManifestContent;
  readonly bytes: Buffer;
}

/**
 * Opens a manifest of the folder.
 *
 * @throws LetheError ARCHIVE_INVALID.
 */
export function openManifestIn(
  { dir }: ArchiveFolder,
  { objectName, identity }: FoundManifest,
  dataKey: Buffer,
): OpenedManifest {
  const file = openObject(dir, objectName);
  try {
    if (file === null || fstatSync(file).size > MANIFEST_BYTES_MAX) {
      throw new LetheError('ARCHIVE_INVALID', 'the manifest is no file, or longer than any may be');
    }
    const bytes = readFileSync(file);
    return { content: openManifest(bytes, { dataKey, expect: identity }), bytes };
  } finally {
    if (file !== null) closeSync(file);
  }
}

/** Neither follows a link out of the folder nor waits for whoever might write into a pipe. */
const PLAIN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Opens an object of the folder; null for what is no file. */
function openObject(dir: string, objectName: string): number | null {
  let file: number;
  try {
    file = openSync(join(dir, objectName), PLAIN_FILE);
  } catch {
    return null;
  }
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  return null;
}

/** Streams an object of the folder. */
export async function* readObject(dir: string, objectName: string): AsyncGenerator<Buffer> {
  try {
    const file = openObject(dir, objectName);
    if (file === null) throw new Error('no file');
    const stream = createReadStream('', { fd: file, highWaterMark: READ_BYTES });
    for await (const piece of stream) yield piece as Buffer;
  } catch (cause) {
    throw new LetheError('ARCHIVE_INVALID', 'a listed part is missing or cannot be read', {
      cause,
    });
  }
}

/** Input of the command that cannot be used. */
export const badInput = (option: string, problem: string, cause?: unknown): LetheError =>
  new LetheError('INVALID_INPUT', `--${option} ${problem}`, { field: option, cause });
