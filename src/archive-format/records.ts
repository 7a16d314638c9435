import { refuse } from '../contracts/field-checks';
import { invalid } from './failures';
import type { RecordSchema } from './identity';

/** Longest record, in bytes: a 16 MiB document or row fits with room for what escaping adds. */
export const RECORD_BYTES_MAX = 64 * 1024 * 1024;
const NEWLINE = 0x0a;
const LINE_END = Buffer.from([NEWLINE]);
/** Length, one terminator: the empty document. */
const DOCUMENT_BYTES_MIN = 5;
const LENGTH_BYTES = 4;

/**
 * How records follow one another in the plaintext of a part. Lines end with a newline; a document begins
 * with its length. So the plaintext of a location is an ordinary `.ndjson` or `.bson` file.
 */
export interface RecordLayout {
  /** What stands behind each record. */
  readonly end: Buffer;
  /** @throws LetheError INVALID_INPUT for what could not be told from its neighbours again. */
  assertRecord(record: Buffer): void;
  /** A new reader of records. */
  splitter(): RecordSplitter;
}

/** Finds records in frames that cut them anywhere. */
interface RecordSplitter {
  /** Yields the records that end in this frame. @throws LetheError ARCHIVE_INVALID. */
  push(frame: Buffer): Iterable<Buffer>;
  /** @throws LetheError ARCHIVE_INVALID when a record has begun and not ended. */
  end(): void;
}

const lines: RecordLayout = {
  end: LINE_END,
  assertRecord: (record) => {
    assertLength(record, 1);
    if (record.includes(NEWLINE)) refuse('INVALID_INPUT', 'record', 'must be one line');
  },
  splitter: () => new LineSplitter(),
};

const documents: RecordLayout = {
  end: Buffer.alloc(0),
  assertRecord: (record) => {
    assertLength(record, DOCUMENT_BYTES_MIN);
    if (record.readInt32LE() !== record.length || record.at(-1) !== 0) {
      refuse('INVALID_INPUT', 'record', 'must be the bytes of one document');
    }
  },
  splitter: () => new DocumentSplitter(),
};

/** The layout of a schema's records. */
export const layoutOf = ({ kind }: RecordSchema): RecordLayout =>
  kind === 'sql' ? lines : documents;

function assertLength(record: unknown, bytesMin: number): void {
  if (!Buffer.isBuffer(record) || record.length < bytesMin || record.length > RECORD_BYTES_MAX) {
    const range = `${bytesMin} to ${RECORD_BYTES_MAX} bytes`;
    refuse('INVALID_INPUT', 'record', `must be a buffer of ${range}; it cannot be archived`);
  }
}

/** Pieces of a record that has not ended, joined once: a long record is not copied per frame. */
class Pieces {
  bytes = 0;
  private held: Buffer[] = [];

  add(piece: Buffer): void {
    this.held.push(piece);
    this.bytes += piece.length;
    if (this.bytes > RECORD_BYTES_MAX) throw tooLong();
  }

  join(): Buffer {
    const [first] = this.held;
    const joined = this.held.length === 1 && first !== undefined ? first : Buffer.concat(this.held);
    this.held = [];
    this.bytes = 0;
    return joined;
  }
}

class LineSplitter implements RecordSplitter {
  private readonly pieces = new Pieces();

  *push(frame: Buffer): Iterable<Buffer> {
    let from = 0;
    for (let to = frame.indexOf(NEWLINE); to >= 0; to = frame.indexOf(NEWLINE, from)) {
      this.pieces.add(frame.subarray(from, to));
      from = to + 1;
      if (this.pieces.bytes === 0) throw invalid('the part holds an empty line');
      yield this.pieces.join();
    }
    if (from < frame.length) this.pieces.add(frame.subarray(from));
  }

  end(): void {
    if (this.pieces.bytes > 0) throw unfinished();
  }
}

class DocumentSplitter implements RecordSplitter {
  private readonly pieces = new Pieces();
  /** Bytes that the pieces must come to: first those of the length, then that length. */
  private wanted = LENGTH_BYTES;

  *push(frame: Buffer): Iterable<Buffer> {
    let from = 0;
    while (from < frame.length) {
      const to = Math.min(frame.length, from + this.wanted - this.pieces.bytes);
      this.pieces.add(frame.subarray(from, to));
      from = to;
      if (this.pieces.bytes < this.wanted) return;
      const joined = this.pieces.join();
      if (this.wanted === LENGTH_BYTES) {
        this.wanted = documentLength(joined);
        this.pieces.add(joined);
      } else {
        if (joined.at(-1) !== 0) throw invalid('a document of the part does not end as one');
        this.wanted = LENGTH_BYTES;
        yield joined;
      }
    }
  }

  end(): void {
    if (this.pieces.bytes > 0) throw unfinished();
  }
}

function documentLength(word: Buffer): number {
  const length = word.readInt32LE();
  if (length > RECORD_BYTES_MAX) throw tooLong();
  if (length < DOCUMENT_BYTES_MIN) throw invalid('a document of the part has no possible length');
  return length;
}

const tooLong = (): Error => invalid('a record of the part is longer than any record may be');
const unfinished = (): Error => invalid('the part ends inside a record');
