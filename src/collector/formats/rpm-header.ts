/** What is kept of a package's header. */
export interface RpmHeader {
  readonly name: string;
  readonly version: string;
  readonly release: string | null;
  readonly epoch: number | null;
  readonly architecture: string | null;
  readonly source: string | null;
}

const TAGS = Object.freeze({
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  architecture: 1022,
  source: 1044,
});

const ENTRY_BYTES = 16;
const ENTRIES_MAX = 4096;
const TYPE_INT32 = 4;

/** Where the values of the tags stand. */
interface Index {
  readonly store: Buffer;
  readonly found: ReadonlyMap<number, { readonly type: number; readonly offset: number }>;
}

/** Reads a header as the database stores it; null when its parts contradict each other. */
export function parseRpmHeader(blob: Buffer): RpmHeader | null {
  const index = indexOf(blob);
  if (index === null) return null;
  const name = textOf(index, TAGS.name);
  const version = textOf(index, TAGS.version);
  if (name === null || version === null) return null;
  return {
    name,
    version,
    release: textOf(index, TAGS.release),
    epoch: numberOf(index, TAGS.epoch),
    architecture: textOf(index, TAGS.architecture),
    source: textOf(index, TAGS.source),
  };
}

function indexOf(blob: Buffer): Index | null {
  if (blob.length < 8) return null;
  const entries = blob.readUInt32BE(0);
  const start = 8 + entries * ENTRY_BYTES;
  if (entries > ENTRIES_MAX || start + blob.readUInt32BE(4) > blob.length) return null;
  const found = new Map<number, { type: number; offset: number }>();
  for (let at = 8; at < start; at += ENTRY_BYTES) {
    found.set(blob.readUInt32BE(at), {
      type: blob.readUInt32BE(at + 4),
      offset: blob.readUInt32BE(at + 8),
    });
  }
  return { store: blob.subarray(start), found };
}

function textOf({ store, found }: Index, tag: number): string | null {
  const offset = found.get(tag)?.offset ?? store.length;
  const end = offset < store.length ? store.indexOf(0, offset) : -1;
  return end <= offset ? null : store.toString('utf8', offset, end);
}

function numberOf({ store, found }: Index, tag: number): number | null {
  const entry = found.get(tag);
  if (entry?.type !== TYPE_INT32 || entry.offset + 4 > store.length) return null;
  return store.readUInt32BE(entry.offset);
}
