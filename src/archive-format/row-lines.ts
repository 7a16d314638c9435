import { isUtf8 } from 'node:buffer';
import { refuse } from '../contracts/field-checks';
import { encodeSqlRow } from './sql-row';

/**
 * What a column's bytes are: characters of ids, which anything but visible ASCII makes binary; text in
 * UTF-8; or binary. An instant comes as text with six digits of its second, and is written without them
 * when all are zero. Other values than bytes are written as `encodeSqlRow` writes them.
 */
export type ColumnManner = 'ascii' | 'text' | 'binary' | 'instant';

/** Lines are written one behind the other into blocks of this size, in bytes: 256 KiB. */
const BLOCK_BYTES = 256 * 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const FIRST_VISIBLE = 0x20;
const LAST_ASCII = 0x7e;
const LAST = 0xff;
/** Longest a safe integer gets with its comma, in characters. */
const INTEGER_BYTES = 18;
/** Text that stands in JSON as it is, in ASCII. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const PRINTABLE = /^[\x20-\x7e]*$/;
const NO_FRACTION = '.000000';

/**
 * Writes rows as the lines of `encodeSqlRow`, byte for byte, from the bytes that the store sent: no text is
 * made of them on the way, which takes a third of the time. A row with anything out of the ordinary is
 * written by `encodeSqlRow` itself.
 *
 * Memory: a line is a part of a block; the block lives as long as one of its lines, or until it is used
 * again for others.
 */
export class RowLines {
  private block = Buffer.alloc(0);
  private used = 0;

  constructor(private readonly manners: readonly ColumnManner[]) {}

  /** Writes what follows over the lines so far: whoever reads many a million drops them one chunk at a time. */
  startOver(): void {
    this.used = 0;
    // A block for one long line is not kept for short ones.
    if (this.block.length > BLOCK_BYTES) this.block = Buffer.alloc(0);
  }

  /** @throws LetheError INVALID_INPUT naming the column's position for a value that would not come back. */
  lineOf(values: readonly unknown[]): Buffer {
    if (values.length === 0 || values.length !== this.manners.length) {
      refuse('INVALID_INPUT', 'values', 'must hold a value for each column, at least one');
    }
    this.makeRoom(roomFor(values));
    const from = this.used;
    const end = this.write(values, from);
    if (end === NOWHERE) return encodeSqlRow(asArchived(values, this.manners));
    this.used = end;
    return this.block.subarray(from, end);
  }

  private makeRoom(bytes: number): void {
    if (this.block.length - this.used >= bytes) return;
    this.block = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, bytes));
    this.used = 0;
  }

  /** Where the line ends, or `NOWHERE` when it is not one of ordinary values. */
  private write(values: readonly unknown[], from: number): number {
    let at = from;
    for (let index = 0; index < values.length; index += 1) {
      this.block[at] = index === 0 ? OPEN : COMMA;
      at = this.writeValue(values[index], this.manners[index] ?? 'binary', at + 1);
      if (at === NOWHERE) return NOWHERE;
    }
    this.block[at] = CLOSE;
    return at + 1;
  }

  private writeValue(value: unknown, manner: ColumnManner, at: number): number {
    if (Buffer.isBuffer(value)) return this.writeText(value, manner, at);
    if (typeof value === 'string') {
      if (!PLAIN.test(value)) return NOWHERE;
      return this.writeWord(`"${manner === 'instant' ? instantText(value) : value}"`, at);
    }
    if (value === null) return this.writeWord('null', at);
    if (typeof value !== 'number' || !isPlainInteger(value)) return NOWHERE;
    return this.writeWord(value.toString(), at);
  }

  private writeWord(word: string, at: number): number {
    return at + this.block.write(word, at, 'latin1');
  }

  /** Writes bytes as JSON text; control characters, and in ids what is not ASCII, are not ordinary. */
  private writeText(bytes: Buffer, manner: ColumnManner, from: number): number {
    if (!isText(bytes, manner)) return NOWHERE;
    const { block } = this;
    const last = manner === 'text' ? LAST : LAST_ASCII;
    let at = from;
    block[at++] = QUOTE;
    for (let index = 0; index < bytes.length; index += 1) {
      const byte = bytes[index] ?? 0;
      if (byte < FIRST_VISIBLE || byte > last) return NOWHERE;
      if (byte === QUOTE || byte === BACKSLASH) block[at++] = BACKSLASH;
      block[at++] = byte;
    }
    block[at] = QUOTE;
    return at + 1;
  }
}

const NOWHERE = -1;

const isPlainInteger = (value: number): boolean =>
  Number.isSafeInteger(value) && !Object.is(value, -0);

const isText = (bytes: Buffer, manner: ColumnManner): boolean =>
  manner === 'text' ? isUtf8(bytes) : manner !== 'binary';

/** The one text of an instant: whole seconds have no fraction. */
const instantText = (text: string): string =>
  text.endsWith(NO_FRACTION) ? text.slice(0, -NO_FRACTION.length) : text;

/** Values as `encodeSqlRow` takes them: bytes that are text become text. */
function asArchived(
  values: readonly unknown[],
  manners: readonly ColumnManner[],
): readonly unknown[] {
  return values.map((value, index) => {
    const manner = manners[index];
    if (manner === 'instant' && typeof value === 'string') return instantText(value);
    if (!Buffer.isBuffer(value) || manner === 'binary') return value;
    if (manner === 'text') {
      if (!isUtf8(value)) refuse('INVALID_INPUT', `values[${index}]`, 'must be text in UTF-8');
      return value.toString('utf8');
    }
    const text = value.toString('latin1');
    return PRINTABLE.test(text) ? text : value;
  });
}

/** Bytes that the ordinary values of a row need at most. */
function roomFor(values: readonly unknown[]): number {
  let bytes = 2;
  for (const value of values) {
    // Every character may need a backslash; quotes and a comma stand around them.
    if (typeof value === 'string' || Buffer.isBuffer(value)) bytes += 2 * value.length + 3;
    else bytes += INTEGER_BYTES;
  }
  return bytes;
}
