import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  realpathSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { LetheError } from '../../domain/errors';
import { andThen, attempt, isInside, type Read } from './attempt';
import { listDirectory, type Entry } from './directory';
import { followLinks } from './follow-links';

/** An open regular file of known size; reading at any offset never blocks. */
export interface OpenFile {
  readonly size: number;
  /** Exactly `length` bytes at `offset`, fewer at the end of the file. */
  read(offset: number, length: number): Buffer;
  close(): void;
}

/** A regular file that was looked at and not opened yet. */
export interface FoundFile {
  /** The same for every name of one file; null when it has this name only. */
  readonly sharedId: string | null;
  readonly open: () => Read<OpenFile>;
}

/**
 * A directory taken for the root of a machine. Paths are absolute inside it; links are followed inside
 * it and nowhere else; only regular files are opened.
 */
export interface Root {
  readonly directory: string;
  /** Where the path leads on this machine, after every link. */
  resolve(path: string): Read<string>;
  /** Whole content of a regular file of at most `max` bytes. */
  read(path: string, max: number): Read<Buffer>;
  open(path: string): Read<OpenFile>;
  /** A regular file on whose path a search met no link, without looking for links again. */
  found(path: string): Read<FoundFile>;
  /** Names in a directory, sorted, at most `max` of them. */
  list(path: string, max: number): Read<readonly Entry[]>;
  /** What a link says, without following it. */
  link(path: string): Read<string>;
  /** What stands at the path itself, links not followed at its end. */
  stat(path: string): Read<Stats>;
  /** What stands where the path leads, after every link. */
  statTarget(path: string): Read<Stats>;
}

/** Not blocking on a pipe, not following a link that was put there since it was looked at. */
const OPEN_FLAGS =
  constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY;

const CHUNK = 64 * 1024;

/**
 * Opens a root for reading.
 *
 * @throws LetheError INVALID_INPUT naming `field` when it is not a directory that can be read.
 */
export function openRoot(directory: string, field: string): Root {
  let real: string;
  try {
    // An empty name would mean the folder that the process happens to be in.
    if (directory === '') throw new Error('no name');
    real = realpathSync(directory);
    if (!lstatSync(real).isDirectory()) throw new Error('not a directory');
  } catch (cause) {
    throw new LetheError('INVALID_INPUT', `${field} must be a directory that can be read`, {
      field,
      cause,
    });
  }
  const resolve = (path: string): Read<string> => followLinks(real, path, true);
  const place = (path: string): Read<string> => followLinks(real, path, false);
  return {
    directory: real,
    resolve,
    read: (path, max) => andThen(resolve(path), (found) => readWhole(real, found, max)),
    open: (path) => andThen(resolve(path), (found) => openFile(real, found)),
    found: (path) => lookAt(real, join(real, path)),
    list: (path, max) => andThen(resolve(path), (found) => listDirectory(real, found, max)),
    link: (path) => andThen(place(path), (found) => attempt(() => readlinkSync(found))),
    stat: (path) => andThen(place(path), (found) => attempt(() => lstatSync(found))),
    statTarget: (path) => andThen(resolve(path), (found) => attempt(() => lstatSync(found))),
  };
}

function lookAt(root: string, place: string): Read<FoundFile> {
  return andThen(
    attempt(() => lstatSync(place)),
    (stats) => {
      if (!stats.isFile()) return { ok: false, reason: 'not-regular' };
      const sharedId = stats.nlink > 1 ? `${stats.dev}:${stats.ino}` : null;
      return {
        ok: true,
        value: { sharedId, open: () => andThen(openLooked(root, place), reading) },
      };
    },
  );
}

function openRegular(root: string, found: string): Read<{ fd: number; size: number }> {
  // Opening a device can already do something, so it is looked at before and after.
  return andThen(lookAt(root, found), () => openLooked(root, found));
}

function openLooked(root: string, found: string): Read<{ fd: number; size: number }> {
  const opened = attempt(() => openSync(found, OPEN_FLAGS));
  if (!opened.ok) return opened;
  const fd = opened.value;
  const after = attempt(() => fstatSync(fd));
  if (after.ok && after.value.isFile() && isInside(root, fd)) {
    return { ok: true, value: { fd, size: after.value.size } };
  }
  closeSync(fd);
  return { ok: false, reason: 'unresolvable' };
}

function readWhole(root: string, found: string, max: number): Read<Buffer> {
  const opened = openRegular(root, found);
  if (!opened.ok) return opened;
  const { fd, size } = opened.value;
  try {
    if (size > max) return { ok: false, reason: 'too-large' };
    return readToEnd(fd, size, max);
  } finally {
    closeSync(fd);
  }
}

/** The kernel's own files say size 0 and are read until they end. */
function readToEnd(fd: number, size: number, max: number): Read<Buffer> {
  const parts: Buffer[] = [];
  let total = 0;
  for (;;) {
    const part = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(size - total, 0) + 4096));
    const got = attempt(() => readSync(fd, part, 0, part.length, null));
    if (!got.ok) return got;
    if (got.value === 0) return { ok: true, value: Buffer.concat(parts, total) };
    total += got.value;
    if (total > max) return { ok: false, reason: 'too-large' };
    parts.push(part.subarray(0, got.value));
  }
}

const openFile = (root: string, found: string): Read<OpenFile> =>
  andThen(openRegular(root, found), reading);

const reading = ({ fd, size }: { fd: number; size: number }): Read<OpenFile> => ({
  ok: true,
  value: {
    size,
    read: (offset, length) => readAt(fd, offset, Math.max(0, Math.min(length, size - offset))),
    close: () => {
      closeSync(fd);
    },
  },
});

function readAt(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let total = 0;
  while (total < length) {
    const got = readSync(fd, bytes, total, length - total, offset + total);
    if (got === 0) break;
    total += got;
  }
  return bytes.subarray(0, total);
}
