import { createHash } from 'node:crypto';
import { heldBytes, isReadInPart, type Interest } from './interest';
import { HELD_BYTES } from './limits';
import { GoBuildInfoSearch } from './packages/go-build-info';
import { readJava, readNpm, readPython } from './packages/language-packages';
import { readApk, readDpkg, readOsRelease, readRpm } from './packages/os-packages';
import { NOTHING, unreadFile, type FileContent } from './packages/package';
import type { ContentSink } from './tar/tar-reader';

/** Holds at most `max` bytes of a file and remembers that there were more. */
class Held {
  private readonly pieces: Buffer[] = [];
  private bytes = 0;
  overflowed = false;

  constructor(private readonly max: number) {}

  write(piece: Buffer): void {
    const taken = piece.subarray(0, this.max - this.bytes);
    if (taken.length < piece.length) this.overflowed = true;
    if (taken.length === 0) return;
    this.pieces.push(Buffer.from(taken));
    this.bytes += taken.length;
  }

  content(): Buffer {
    const [only] = this.pieces;
    return this.pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.pieces);
  }
}

/** A file of interest, read at its end from what was held of it. */
export function packageSink(
  { path, interest, size }: { path: string; interest: Interest; size: number },
  found: (content: FileContent) => void,
): ContentSink {
  const max = heldBytes(interest);
  if (interest === 'rpm-unread') {
    return endSink(() => {
      // An empty log beside a database says that everything is in the database; an empty database is cut.
      const isEmptyLog = size === 0 && path.endsWith('-wal');
      found(isEmptyLog ? NOTHING : unreadFile(path, 'unsupported'));
    });
  }
  if (size > max && !isReadInPart(interest)) {
    return endSink(() => {
      found(unreadFile(path, 'too-large'));
    });
  }
  const held = new Held(max);
  return {
    write: (piece) => {
      held.write(piece);
    },
    end: () => {
      found(READERS[interest](held.content(), path));
    },
  };
}

const endSink = (end: () => void): ContentSink => ({ write: () => undefined, end });

const READERS: Readonly<
  Record<Exclude<Interest, 'rpm-unread'>, (bytes: Buffer, path: string) => FileContent>
> = {
  dpkg: (bytes, place) => readDpkg(bytes, { single: false, place }),
  'dpkg-single': (bytes, place) => readDpkg(bytes, { single: true, place }),
  apk: readApk,
  rpm: readRpm,
  npm: readNpm,
  python: readPython,
  java: readJava,
  os: (bytes) => {
    const distribution = readOsRelease(bytes);
    return distribution === undefined ? NOTHING : { ...NOTHING, distribution };
  },
};

/** Programs are looked through for what Go's linker left in them. */
export function programSink(
  { path, sparse }: { readonly path: string; readonly sparse: boolean },
  found: (content: FileContent) => void,
): ContentSink {
  const search = new GoBuildInfoSearch(sparse);
  return {
    write: (piece) => {
      search.write(piece);
    },
    end: () => {
      const content = search.content(path);
      if (content !== NOTHING) found(content);
    },
  };
}

/** Text of at most a bounded length; what holds a NUL byte is none. */
export function textSink(found: (text: string) => void): ContentSink {
  const held = new Held(HELD_BYTES.text);
  return {
    write: (piece) => {
      held.write(piece);
    },
    end: () => {
      const bytes = held.content();
      if (bytes.length > 0 && !bytes.includes(0)) found(bytes.toString('utf8'));
    },
  };
}

/** SHA-256 of a file. */
export function digestSink(found: (sha256: string) => void): ContentSink {
  const hash = createHash('sha256');
  return {
    write: (piece) => {
      hash.update(piece);
    },
    end: () => {
      found(hash.digest('hex'));
    },
  };
}

/** Several takers of one file; null for none. */
export function allOf(sinks: readonly ContentSink[]): ContentSink | null {
  const [first, ...others] = sinks;
  if (first === undefined || others.length === 0) return first ?? null;
  return {
    write: (piece) => {
      for (const sink of sinks) sink.write(piece);
    },
    end: () => {
      for (const sink of sinks) sink.end();
    },
  };
}
