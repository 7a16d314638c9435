import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { ByteSource } from '../collector/zip/byte-source';
import { listZip, readEntry } from '../collector/zip/zip-archive';
import { LetheError } from '../domain/errors';
import { AdvisoryIndex, type IndexBounds } from './advisory-index';

/** Variable that names the directory. */
const FIELD = 'LETHE_OSV_DIRECTORY';
/** Bytes of one record; the longest published ones have a few hundred kilobytes. */
const RECORD_BYTES_MAX = 16 * 1024 * 1024;
const DEPTH_MAX = 4;
/** Records that are read before others have a turn. */
const RECORDS_PER_TURN = 200;

/**
 * Reads every record of a directory: files `*.json`, and archives `*.zip` of such files. A record that
 * cannot be read ends it: an index that silently lacks some would call images clean that are not.
 *
 * @throws LetheError CONFIGURATION_INVALID naming the variable and the file.
 */
export async function readOsvDirectory(
  directory: string,
  bounds?: IndexBounds,
): Promise<AdvisoryIndex> {
  const index = new AdvisoryIndex(bounds);
  let sinceTurn = 0;
  for (const { name, text } of recordsBelow(directory, directory, 0)) {
    const trouble = index.add(parsed(text));
    if (trouble === 'malformed') throw unusable(`record ${name} is not in the OSV format`);
    if (trouble === 'too-many') {
      throw unusable('holds more than the index may; leave out ecosystems that are not in use');
    }
    if ((sinceTurn += 1) % RECORDS_PER_TURN === 0) await turn();
  }
  if (index.records === 0)
    throw unusable('holds no record: put *.json files or *.zip archives there');
  return index;
}

interface FoundRecord {
  /** Place below the directory. */
  readonly name: string;
  readonly text: string;
}

function* recordsBelow(...[root, folder, depth]: [string, string, number]): Generator<FoundRecord> {
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const status = statSync(path, { throwIfNoEntry: false });
    if (status?.isDirectory() === true && depth < DEPTH_MAX) {
      yield* recordsBelow(root, path, depth + 1);
    } else if (status?.isFile() === true) {
      yield* recordsIn(path, path.slice(root.length + 1), status.size);
    }
  }
}

function* recordsIn(...[path, shown, size]: [string, string, number]): Generator<FoundRecord> {
  if (path.endsWith('.zip')) yield* recordsInZip(path, shown);
  if (!path.endsWith('.json')) return;
  if (size > RECORD_BYTES_MAX) throw unusable(`record ${shown} is too long`);
  yield { name: shown, text: readFileSync(path, 'utf8') };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch (cause) {
    throw unusable('must be a directory that can be read', cause);
  }
}

function* recordsInZip(path: string, shown: string): Generator<FoundRecord> {
  const descriptor = openSync(path, 'r');
  try {
    const source = fileSource(descriptor);
    const isRecord = (name: string): boolean => name.endsWith('.json');
    for (const entry of fromArchive(shown, () => listZip(source, isRecord)).entries) {
      const name = `${shown}!${entry.name}`;
      const bytes = fromArchive(name, () => readEntry(source, entry, RECORD_BYTES_MAX));
      yield { name, text: bytes.toString('utf8') };
    }
  } finally {
    closeSync(descriptor);
  }
}

function fromArchive<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw unusable(`archive ${name} cannot be read; unpack it there instead`, cause);
  }
}

const fileSource = (descriptor: number): ByteSource => ({
  size: fstatSync(descriptor).size,
  read: (offset, length) => {
    const bytes = Buffer.alloc(Math.max(0, length));
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, offset));
  },
});

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const unusable = (what: string, cause?: unknown): LetheError =>
  new LetheError('CONFIGURATION_INVALID', `${FIELD}: ${what}`, { field: FIELD, cause });
