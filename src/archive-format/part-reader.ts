import { createHash } from 'node:crypto';
import { ByteSource } from './byte-source';
import { codecNamed, type Codec, type CodecId } from './codecs';
import { assertKey, macsFor, type Mac } from './derived-keys';
import { asArchive, invalid } from './failures';
import {
  FRAME_BYTES,
  LENGTH_WORD_BYTES,
  openFrame,
  parseLengthWord,
  type FrameKey,
} from './frames';
import {
  assertPartIdentity,
  canonicalText,
  type PartIdentity,
  type RecordSchema,
} from './identity';
import { readHeader } from './part-header';
import { PART_PLAINTEXT_BYTES_MAX, type SealedPart } from './part-writer';
import { layoutOf } from './records';

/** What a part must be to be read. */
export interface PartExpectation {
  /** The cohort's data key, 32 bytes. */
  readonly dataKey: Buffer;
  readonly expect: PartIdentity;
  /** Compared with the header's when given. */
  readonly schema?: RecordSchema;
  /** What the manifest says of the part; compared at the end when given. */
  readonly listed?: PartFigures;
}

/** Figures by which a manifest pins a part. */
export interface PartFigures extends Omit<SealedPart, 'bytes'> {
  /** Length of the object, in bytes. */
  readonly bytes: number;
}

/**
 * Reads a part record by record and proves it on the way: nothing of a frame is given out before its tag
 * is right, and the generator fails at the end when anything is missing, so a reader may use what it got
 * only after it ended without a failure. Memory is one frame and one record, whatever the source yields.
 *
 * Reading only, so safe to repeat. A reader that stops early closes the source.
 *
 * @throws LetheError ARCHIVE_INVALID when the part is cut off, altered or another one than expected;
 *   CONFIGURATION_INVALID when the runtime lacks its codec; what the source throws.
 */
export async function* readPart(
  source: AsyncIterable<Buffer> | Buffer,
  expectation: PartExpectation,
): AsyncGenerator<Buffer> {
  for await (const records of readPartByFrames(source, expectation)) yield* records;
}

/** As `readPart`, the records that end in a frame together: for whoever takes very many of them. */
export async function* readPartByFrames(
  source: AsyncIterable<Buffer> | Buffer,
  expectation: PartExpectation,
): AsyncGenerator<readonly Buffer[]> {
  const { dataKey, expect, listed } = expectation;
  assertPartIdentity(expect);
  assertKey(dataKey, 'dataKey');
  const figures = new Figures(dataKey);
  const bytes = new ByteSource(source, (arrived) => {
    figures.countStored(arrived);
  });
  try {
    const header = await readHeader(bytes, expect, dataKey);
    assertSameSchema(header.schema, expectation.schema);
    const splitter = layoutOf(header.schema).splitter();
    for await (const frame of readFrames(bytes, header)) {
      figures.countPlaintext(frame);
      const records = [...splitter.push(frame)];
      figures.records += records.length;
      yield records;
    }
    splitter.end();
    if (listed !== undefined) figures.assertEqual(listed);
  } finally {
    await bytes.close();
  }
}

function assertSameSchema(schema: RecordSchema, expected: RecordSchema | undefined): void {
  if (expected !== undefined && canonicalText(schema) !== canonicalText(expected)) {
    throw invalid('the part is not the expected one: its schema differs');
  }
}

/** Yields the plaintext of the frames; the last one only when nothing follows it. */
async function* readFrames(
  source: ByteSource,
  { codec: id, frameKey }: { readonly codec: CodecId; readonly frameKey: FrameKey },
): AsyncGenerator<Buffer> {
  const codec = codecNamed(id);
  for (let index = 0; ; index += 1) {
    const { length, last } = parseLengthWord(await source.take(LENGTH_WORD_BYTES));
    const content = openFrame(frameKey, { index, last }, await source.take(length));
    const frame = plaintextOf(codec, content);
    if (index * FRAME_BYTES + frame.length > PART_PLAINTEXT_BYTES_MAX) {
      throw invalid('the part is longer than any part may be');
    }
    const isFull = frame.length === FRAME_BYTES;
    if (!isFull && (!last || (frame.length === 0 && index > 0))) {
      throw invalid('a frame of the part is shorter than its place demands');
    }
    if (last && !(await source.isAtEnd())) throw invalid('something follows the end of the part');
    yield frame;
    if (last) return;
  }
}

const plaintextOf = (codec: Codec, content: Buffer): Buffer =>
  asArchive('a frame of the part cannot be decompressed to at most 1 MiB', () =>
    codec.decompress(content),
  );

/** Recomputes what a manifest says of a part. */
class Figures {
  records = 0;
  private bytes = 0;
  private plaintextBytes = 0;
  private readonly stored = createHash('sha256');
  private readonly plaintext: Mac;

  constructor(dataKey: Buffer) {
    this.plaintext = macsFor('plaintext', dataKey)();
  }

  countStored(arrived: Buffer): void {
    this.stored.update(arrived);
    this.bytes += arrived.length;
  }

  countPlaintext(frame: Buffer): void {
    this.plaintext.update(frame);
    this.plaintextBytes += frame.length;
  }

  assertEqual(listed: PartFigures): void {
    const own: PartFigures = {
      bytes: this.bytes,
      records: this.records,
      plaintextBytes: this.plaintextBytes,
      plaintextMac: this.plaintext.digest('hex'),
      sha256: this.stored.digest('hex'),
    };
    for (const name of Object.keys(own) as (keyof PartFigures)[]) {
      if (own[name] !== listed[name]) {
        throw invalid(`the part is not the one the manifest lists: its ${name} differs`);
      }
    }
  }
}
