import { closeSync, constants, opendirSync, openSync, type Dirent } from 'node:fs';
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
 * Names in a directory, sorted. A directory with more than `max` names is refused rather than cut, so
 * that half of it is never taken for the whole; memory stays bounded while it is counted.
 */
export function listDirectory(root: string, found: string, max: number): Read<readonly Entry[]> {
  // Under the real root nothing lies outside; elsewhere the directory is pinned before it is read.
  if (root === '/') return entriesOf(found, max);
  return andThen(
    attempt(() => openSync(found, DIRECTORY_FLAGS)),
    (fd) => {
      try {
        if (!isInside(root, fd)) return { ok: false, reason: 'unresolvable' };
        return entriesOf(`/proc/self/fd/${fd}`, max);
      } finally {
        closeSync(fd);
      }
    },
  );
}

function entriesOf(found: string, max: number): Read<readonly Entry[]> {
  return andThen(
    attempt(() => opendirSync(found, { bufferSize: 256 })),
    (directory) => {
      const entries: Entry[] = [];
      try {
        for (;;) {
          const next = attempt(() => directory.readSync());
          if (!next.ok) return next;
          if (next.value === null) break;
          if (entries.length === max) return { ok: false, reason: 'too-many' };
          entries.push({ name: next.value.name, type: typeOf(next.value) });
        }
      } finally {
        directory.closeSync();
      }
      return { ok: true, value: entries.sort((a, b) => byText(a.name, b.name)) };
    },
  );
}

function typeOf(entry: Dirent): Entry['type'] {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'link' : 'other';
}
