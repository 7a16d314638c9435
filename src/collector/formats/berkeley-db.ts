import type { ByteSource } from '../zip/byte-source';

/** Database as a hash table, in the byte order of the machine that wrote it. */
const HASH_MAGIC = 0x0006_1561;
const META_BYTES = 72;
const PAGE_HEADER_BYTES = 26;

/** Kinds of pages. */
const HASH_UNSORTED = 2;
const OVERFLOW = 7;
const HASH_META = 8;
const HASH = 13;

/** Kinds of items. */
const INLINE = 1;
const OFF_PAGE = 3;

/** Bytes of one value; a package header has some hundred thousand. */
const VALUE_MAX = 32 * 1024 * 1024;

interface Database {
  readonly file: ByteSource;
  readonly pageSize: number;
  readonly pages: number;
  readonly number16: (bytes: Buffer, at: number) => number;
  readonly number32: (bytes: Buffer, at: number) => number;
  /** Overflow pages that may still be read: each one belongs to one value. */
  left: number;
}

/**
 * Values of a hash table of Berkeley DB, in the order of its pages. The one of a key of zeros, where a
 * counter stands, is left out.
 *
 * @throws RangeError when the file is not such a table, or its pages contradict each other.
 */
export function* readBerkeleyBlobs(file: ByteSource): Generator<Buffer> {
  const database = openDatabase(file);
  for (let number = 1; number < database.pages; number += 1) {
    const kind = file.read(number * database.pageSize, PAGE_HEADER_BYTES).readUInt8(25);
    if (kind === HASH || kind === HASH_UNSORTED)
      yield* valuesOn(database, pageOf(database, number));
  }
}

function openDatabase(file: ByteSource): Database {
  const meta = file.read(0, META_BYTES);
  const isLittle = meta.readUInt32LE(12) === HASH_MAGIC;
  if (!isLittle && meta.readUInt32BE(12) !== HASH_MAGIC) throw new RangeError('not a hash table');
  const number16: Database['number16'] = (bytes, at) =>
    isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  const number32: Database['number32'] = (bytes, at) =>
    isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  const pageSize = number32(meta, 20);
  const pages = number32(meta, 32) + 1;
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) {
    throw new RangeError('page size');
  }
  if (meta.readUInt8(24) !== 0) throw new RangeError('encrypted');
  if (meta.readUInt8(25) !== HASH_META) throw new RangeError('kind of page');
  if (pages * pageSize > file.size) throw new RangeError('page is missing');
  return { file, pageSize, pages, number16, number32, left: pages };
}

function pageOf(database: Database, number: number): Buffer {
  if (number < 1 || number >= database.pages) throw new RangeError('page number');
  return database.file.read(number * database.pageSize, database.pageSize);
}

/** Keys and values by turns; each item ends where the one before it begins. */
function* valuesOn(database: Database, page: Buffer): Generator<Buffer> {
  const items = database.number16(page, 20);
  let ends = database.pageSize;
  const next = (item: number): Buffer => {
    const begins = database.number16(page, PAGE_HEADER_BYTES + item * 2);
    if (begins >= ends) throw new RangeError('items lie over each other');
    const bytes = page.subarray(begins, ends);
    ends = begins;
    return bytes;
  };
  for (let item = 0; item + 1 < items; item += 2) {
    const [key, value] = [next(item), next(item + 1)];
    if (isCounter(key)) continue;
    const kind = value.readUInt8(0);
    if (kind === OFF_PAGE) yield overflowing(database, value);
    else if (kind === INLINE) yield value.subarray(1);
    else throw new RangeError('kind of item');
  }
}

const isCounter = (key: Buffer): boolean =>
  key.readUInt8(0) === INLINE && key.subarray(1).every((byte) => byte === 0);

/** A long value stands on pages of its own, each of which names the next. */
function overflowing(database: Database, item: Buffer): Buffer {
  const { number16, number32 } = database;
  const size = number32(item, 8);
  if (size > VALUE_MAX) throw new RangeError('value too large');
  const parts: Buffer[] = [];
  let next = number32(item, 4);
  let missing = size;
  while (missing > 0) {
    database.left -= 1;
    if (database.left < 0) throw new RangeError('pages are used twice');
    const page = pageOf(database, next);
    const used = number16(page, 22);
    if (page.readUInt8(25) !== OVERFLOW || used === 0) throw new RangeError('kind of page');
    parts.push(page.subarray(PAGE_HEADER_BYTES, PAGE_HEADER_BYTES + Math.min(used, missing)));
    missing -= used;
    next = number32(page, 16);
  }
  const value = Buffer.concat(parts);
  if (value.length !== size) throw new RangeError('value is cut');
  return value;
}
