import type { ByteSource } from '../zip/byte-source';

const MAGIC = 'SQLite format 3\0';
const INTERIOR = 5;
const LEAF = 13;

/** Pages visited in one table: a cycle of pages ends there. */
const PAGES_MAX = 500_000;

/** Bytes of one value; a package header has some hundred thousand. */
const VALUE_MAX = 32 * 1024 * 1024;

interface Database {
  readonly file: ByteSource;
  readonly pageSize: number;
  /** Bytes of a page that are used. */
  readonly usable: number;
  visited: number;
}

/**
 * Blobs in the last column of a table of an SQLite database, in the order of their row ids, read from
 * the pages themselves.
 *
 * @throws RangeError when the file is not such a database, has no such table, or its pages contradict
 *   each other.
 */
export function* readSqliteBlobs(file: ByteSource, table: string): Generator<Buffer> {
  const database = openDatabase(file);
  for (const payload of rowsOf(database, 1)) {
    const [type, name, , root] = valuesOf(payload);
    if (asText(type) !== 'table' || asText(name) !== table) continue;
    for (const row of rowsOf(database, asInteger(root))) {
      const blob = valuesOf(row).at(-1)?.bytes;
      if (blob !== undefined && blob.length > 0) yield blob;
    }
    return;
  }
  throw new RangeError('table is missing');
}

function openDatabase(file: ByteSource): Database {
  const header = file.read(0, 100);
  if (header.toString('latin1', 0, 16) !== MAGIC) throw new RangeError('not a database');
  const size = header.readUInt16BE(16);
  const pageSize = size === 1 ? 65_536 : size;
  if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0) throw new RangeError('page size');
  return { file, pageSize, usable: pageSize - header.readUInt8(20), visited: 0 };
}

function pageOf(database: Database, number: number): Buffer {
  database.visited += 1;
  if (number < 1 || database.visited > PAGES_MAX) throw new RangeError('page number');
  const page = database.file.read((number - 1) * database.pageSize, database.pageSize);
  if (page.length !== database.pageSize) throw new RangeError('page is missing');
  return page;
}

/** Payloads of every row below a page, depth first, without recursion. */
function* rowsOf(database: Database, root: number): Generator<Buffer> {
  const waiting = [root];
  for (let number = waiting.pop(); number !== undefined; number = waiting.pop()) {
    const page = pageOf(database, number);
    const start = number === 1 ? 100 : 0;
    const kind = page.readUInt8(start);
    const cells = page.readUInt16BE(start + 3);
    if (kind === INTERIOR) {
      const children = [...pointers(page, start + 12, cells)].map((at) => page.readUInt32BE(at));
      waiting.push(...[...children, page.readUInt32BE(start + 8)].reverse());
    } else if (kind === LEAF) {
      for (const at of pointers(page, start + 8, cells)) yield payloadAt(database, page, at);
    } else throw new RangeError('kind of page');
  }
}

function* pointers(page: Buffer, from: number, cells: number): Generator<number> {
  for (let cell = 0; cell < cells; cell += 1) yield page.readUInt16BE(from + cell * 2);
}

/** A long payload goes on in overflow pages, each of which begins with the number of the next. */
function payloadAt(database: Database, page: Buffer, at: number): Buffer {
  const size = varint(page, at);
  const rowId = varint(page, size.next);
  const { usable } = database;
  if (size.value > VALUE_MAX) throw new RangeError('value too large');
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  const spare = least + ((size.value - least) % (usable - 4));
  const most = usable - 35;
  const local = size.value <= most ? size.value : spare <= most ? spare : least;
  const parts = [page.subarray(rowId.next, rowId.next + local)];
  let left = size.value - local;
  let next = left > 0 ? page.readUInt32BE(rowId.next + local) : 0;
  while (left > 0) {
    const overflow = pageOf(database, next);
    parts.push(overflow.subarray(4, 4 + Math.min(left, usable - 4)));
    left -= usable - 4;
    next = overflow.readUInt32BE(0);
  }
  return Buffer.concat(parts);
}

/** Seven bits at a time, at most eight bytes: more than this file can be long is not needed. */
function varint(bytes: Buffer, at: number): { value: number; next: number } {
  let value = 0;
  for (let offset = 0; offset < 8; offset += 1) {
    const byte = bytes.readUInt8(at + offset);
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return { value, next: at + offset + 1 };
  }
  return { value, next: at + 9 };
}

interface Value {
  readonly serial: number;
  readonly bytes: Buffer;
}

const FIXED_LENGTHS = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

function valuesOf(payload: Buffer): readonly Value[] {
  const header = varint(payload, 0);
  const values: Value[] = [];
  let content = header.value;
  for (let at = header.next; at < header.value;) {
    const serial = varint(payload, at);
    at = serial.next;
    const length =
      serial.value < 12 ? (FIXED_LENGTHS[serial.value] ?? 0) : Math.floor((serial.value - 12) / 2);
    values.push({ serial: serial.value, bytes: payload.subarray(content, content + length) });
    content += length;
  }
  return values;
}

const asText = (value: Value | undefined): string => value?.bytes.toString('utf8') ?? '';

function asInteger(value: Value | undefined): number {
  if (value === undefined) return 0;
  if (value.serial === 9) return 1;
  return value.bytes.length === 0 || value.bytes.length > 6
    ? 0
    : value.bytes.readUIntBE(0, value.bytes.length);
}
