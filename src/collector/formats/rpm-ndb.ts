import type { ByteSource } from '../zip/byte-source';

const DATABASE = 'RpmP';
const SLOT = 'Slot';
const BLOB = 'BlbS';
const VERSION = 0;

/** Everything stands at a multiple of this: slots, and headers of blobs. */
const BLOCK_BYTES = 16;
const PAGE_BYTES = 4096;
/** The database's own header takes the place of the first two slots. */
const HEADER_BLOCKS = 2;

/** Pages of slots: a million packages. */
const SLOT_PAGES_MAX = 4096;
/** Bytes of one value; a package header has some hundred thousand. */
const VALUE_MAX = 32 * 1024 * 1024;

/**
 * Package headers of rpm's own database of packages (`Packages.db`), in the order of its slots.
 *
 * @throws RangeError when the file is not such a database, or its parts contradict each other.
 */
export function* readNdbBlobs(file: ByteSource): Generator<Buffer> {
  const header = file.read(0, HEADER_BLOCKS * BLOCK_BYTES);
  if (marked(header, 0) !== DATABASE) throw new RangeError('not a database');
  if (header.readUInt32LE(4) !== VERSION) throw new RangeError('version');
  const pages = header.readUInt32LE(12);
  if (pages > SLOT_PAGES_MAX) throw new RangeError('too many slots');
  const slots = file.read(0, pages * PAGE_BYTES);
  if (slots.length !== pages * PAGE_BYTES) throw new RangeError('page is missing');
  // Each byte belongs to one value: more than there are means that values lie over each other.
  let left = file.size;
  for (let at = HEADER_BLOCKS * BLOCK_BYTES; at < slots.length; at += BLOCK_BYTES) {
    if (marked(slots, at) !== SLOT) throw new RangeError('slot');
    const index = slots.readUInt32LE(at + 4);
    // A slot that is free.
    if (index === 0) continue;
    const blob = blobAt(file, slots.readUInt32LE(at + 8) * BLOCK_BYTES, index);
    left -= blob.length;
    if (left < 0) throw new RangeError('values lie over each other');
    yield blob;
  }
}

function blobAt(file: ByteSource, at: number, index: number): Buffer {
  const header = file.read(at, BLOCK_BYTES);
  if (header.length !== BLOCK_BYTES || marked(header, 0) !== BLOB) throw new RangeError('value');
  if (header.readUInt32LE(4) !== index) throw new RangeError('value of another slot');
  const length = header.readUInt32LE(12);
  if (length > VALUE_MAX) throw new RangeError('value too large');
  const blob = file.read(at + BLOCK_BYTES, length);
  if (blob.length !== length) throw new RangeError('value is cut');
  return blob;
}

const marked = (bytes: Buffer, at: number): string => bytes.toString('latin1', at, at + 4);
