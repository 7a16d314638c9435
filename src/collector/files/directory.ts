import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  readdirSync,
  type Dirent,
} from 'node:fs';
import { byText } from '../text';
import { andThen, attempt, isInside, type Read } from './attempt';

/** What a directory says about one of its names. */
export interface Entry {
  readonly name: string;
  readonly type: 'file' | 'directory' | 'link' | 'other';
}

const DIRECTORY_FLAGS =
  constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Bytes of a directory that is read in one piece, which takes a third of the time. Where file systems count
 * names instead of bytes, so many names fit into memory too.
 */
const PIECE_MAX = 256 * 1024;

/**
 * Names in a directory, sorted. A directory with more than `max` names is refused rather than cut, so
 * that half of it is never taken for the whole; memory stays bounded while it is counted.
 */
export function listDirectory(root: string, found: string, max: number): Read<readonly Entry[]> {
  const read = readNames(root, found, max);
  if (!read.ok) return read;
  const entries = read.value.map((entry) => ({ name: entry.name, type: typeOf(entry) }));
  return { ok: true, value: entries.sort((a, b) => byText(a.name, b.name)) };
}

/** The same as the system gives them, in its own order. */
export function readNames(root: string, found: string, max: number): Read<readonly Dirent[]> {
  // Under the real root nothing lies outside; elsewhere the directory is pinned before it is read.
  if (root === '/') {
    const size = attempt(() => lstatSync(found).size);
    return andThen(size, (bytes) => readAtMost(found, bytes, max));
  }
  return andThen(
    attempt(() => openSync(found, DIRECTORY_FLAGS)),
    (fd) => {
      try {
        if (!isInside(root, fd)) return { ok: false, reason: 'unresolvable' };
        return readAtMost(`/proc/self/fd/${fd}`, fstatSync(fd).size, max);
      } finally {
        closeSync(fd);
      }
    },
  );
}

function readAtMost(found: string, bytes: number, max: number): Read<readonly Dirent[]> {
  const read =
    bytes > PIECE_MAX
      ? readCounting(found, max)
      : attempt(() => readdirSync(found, { withFileTypes: true }));
  if (read.ok && read.value.length > max) return { ok: false, reason: 'too-many' };
  return read;
}

/** At most one more name than is allowed. */
function readCounting(found: string, max: number): Read<readonly Dirent[]> {
  return andThen(
    attempt(() => opendirSync(found, { bufferSize: 256 })),
    (directory) => {
      const entries: Dirent[] = [];
      try {
        while (entries.length <= max) {
          const next = attempt(() => directory.readSync());
          if (!next.ok) return next;
          if (next.value === null) break;
          entries.push(next.value);
        }
      } finally {
        directory.closeSync();
      }
      return { ok: true, value: entries };
    },
  );
}

/** What a name stands for, as the directory says. */
export function typeOf(entry: Dirent): Entry['type'] {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'link' : 'other';
}
