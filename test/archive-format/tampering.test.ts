import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import {
  codecsOf,
  FRAME_BYTES,
  PART_PLAINTEXT_BYTES_MAX,
  readPart,
  type CodecId,
  type PartIdentity,
} from '../../src/archive-format';
import { partKeys } from '../../src/archive-format/derived-keys';
import { sealFrame } from '../../src/archive-format/frames';
import { beginHeader } from '../../src/archive-format/part-header';
import {
  DOCUMENT_PART,
  document,
  KEY,
  OTHER_KEY,
  readAll,
  row,
  ROW_PART,
  ROWS,
  schemaOf,
  sealPart,
} from './samples';

const INVALID = { code: 'ARCHIVE_INVALID' };
const expectRefused = (bytes: Buffer, expectation = {}): Promise<void> =>
  expect(readAll(bytes, expectation)).rejects.toMatchObject(INVALID);

/** Where the frames of a part begin and end. */
function framesOf(bytes: Buffer): readonly Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 14 + bytes.readUInt32BE(10) + 32; at < bytes.length;) {
    const end = at + 4 + (bytes.readUInt32BE(at) & 0x7fff_ffff);
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

const headOf = (bytes: Buffer): Buffer => bytes.subarray(0, 14 + bytes.readUInt32BE(10) + 32);
const rebuilt = (bytes: Buffer, order: readonly number[]): Buffer => {
  const frames = framesOf(bytes);
  return Buffer.concat([headOf(bytes), ...order.flatMap((index) => frames[index] ?? [])]);
};

describe('a small part [F25]', () => {
  const { bytes } = sealPart([row(1), row(2, 'ü')], ROW_PART, { codec: 'gzip' });

  it('is refused with any one bit of any byte flipped', async () => {
    for (let at = 0; at < bytes.length; at += 1) {
      for (const bit of [0, 3, 7]) {
        const altered = Buffer.from(bytes);
        altered.writeUInt8(altered.readUInt8(at) ^ (1 << bit), at);
        await expectRefused(altered);
      }
    }
    expect(await readAll(bytes)).toHaveLength(2);
  });

  it('is refused at every shorter length', async () => {
    for (let length = 0; length < bytes.length; length += 1) {
      await expectRefused(bytes.subarray(0, length));
    }
  });

  it('is refused with any byte taken out or doubled', async () => {
    for (let at = 0; at < bytes.length; at += 1) {
      await expectRefused(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]));
      await expectRefused(Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at)]));
    }
  });

  it('is refused with anything behind its end', async () => {
    await expectRefused(Buffer.concat([bytes, Buffer.alloc(1)]));
    await expectRefused(Buffer.concat([bytes, bytes]));
    await expectRefused(Buffer.concat([bytes, framesOf(bytes)[0] ?? Buffer.alloc(0)]));
  });

  it('is refused under another key, with a message that shows neither', async () => {
    const failure = await readAll(bytes, { dataKey: OTHER_KEY }).catch((error: unknown) => error);
    expect(failure).toMatchObject(INVALID);
    expect(String(failure)).not.toContain(OTHER_KEY.toString('hex'));
  });

  it.each(['', 'LETHEARC', '{}', 'x'.repeat(1000)])('is not %j', async (text) => {
    await expectRefused(Buffer.from(text));
  });
});

describe('a part of many frames [F25]', () => {
  const records = Array.from({ length: 44 }, (_, index) => row(index, 'x'.repeat(100_000)));
  const part = sealPart(records, ROW_PART, { codec: 'none' });
  const twin = sealPart(records, ROW_PART, { codec: 'none' });

  it('has frames that the tests below can move', async () => {
    expect(framesOf(part.bytes)).toHaveLength(5);
    expect(await readAll(rebuilt(part.bytes, [0, 1, 2, 3, 4]))).toHaveLength(44);
  });

  it.each([
    ['two frames swapped', [0, 2, 1, 3, 4]],
    ['the first frames swapped', [1, 0, 2, 3, 4]],
    ['a frame twice', [0, 1, 1, 2, 3, 4]],
    ['a frame left out', [0, 1, 3, 4]],
    ['the first frame left out', [1, 2, 3, 4]],
    ['the last frame left out', [0, 1, 2, 3]],
    ['the last frame only', [4]],
    ['the last frame twice', [0, 1, 2, 3, 4, 4]],
    ['no frame', []],
  ])('is refused with %s', async (_, order) => {
    await expectRefused(rebuilt(part.bytes, order));
  });

  it('is refused when an earlier frame is declared the last', async () => {
    const cut = Buffer.from(rebuilt(part.bytes, [0, 1]));
    const lastAt = headOf(part.bytes).length + (framesOf(part.bytes)[0]?.length ?? 0);
    cut.writeUInt32BE((cut.readUInt32BE(lastAt) | 0x8000_0000) >>> 0, lastAt);
    await expectRefused(cut);
  });

  it('is refused with a frame of its twin, sealed of the same records', async () => {
    const frames = framesOf(part.bytes);
    const foreign = framesOf(twin.bytes);
    for (const place of frames.keys()) {
      const mixed = frames.map((frame, index) => (index === place ? foreign[index] : frame));
      await expectRefused(Buffer.concat([headOf(part.bytes), ...(mixed as Buffer[])]));
    }
    await expectRefused(Buffer.concat([headOf(twin.bytes), ...frames]));
  });

  it('gives out nothing of a frame that was altered, and nothing behind it', async () => {
    const altered = Buffer.from(part.bytes);
    const secondAt = headOf(part.bytes).length + (framesOf(part.bytes)[0]?.length ?? 0) + 4;
    altered.writeUInt8(altered.readUInt8(secondAt) ^ 1, secondAt);
    const given: Buffer[] = [];
    const reading = (async () => {
      for await (const record of readPart(altered, { dataKey: KEY, expect: ROW_PART })) {
        given.push(record);
      }
    })();
    await expect(reading).rejects.toMatchObject(INVALID);
    expect(given).toHaveLength(Math.floor(FRAME_BYTES / ((records[0]?.length ?? 0) + 1)));
  });
});

describe('a part under another name', () => {
  const { bytes } = sealPart([row(1)]);

  it.each([
    ['tenantId', { tenantId: 'tn_0000000000000002' }],
    ['runId', { runId: 'rn_0000000000000002' }],
    ['dueOn', { dueOn: '2027-04-01' }],
    ['attempt', { attempt: 'attempt02' }],
    ['location', { location: 'mysql:assets.assets' }],
    ['location', { location: 'mongodb:assets.images' }],
    ['part', { part: 2 }],
  ])('is refused when its %s is not the expected one', async (field, other) => {
    const expected = { ...ROW_PART, ...other } as PartIdentity;
    const failure = await readAll(bytes, { expect: expected }).catch((error: unknown) => error);
    expect(failure).toMatchObject(INVALID);
    expect(String(failure)).toContain(`its ${field} differs`);
    const mine = sealPart([expected.location.startsWith('mysql') ? row(1) : document(1)], expected);
    await expectRefused(mine.bytes);
    expect(await readAll(mine.bytes, { expect: expected })).toHaveLength(1);
  });

  it('is refused when its schema is not the expected one', async () => {
    const columns = [{ name: 'asset_id', type: 'text' }];
    expect(await readAll(bytes, { schema: ROWS })).toHaveLength(1);
    await expectRefused(bytes, { schema: { kind: 'sql', columns } });
  });

  it.each(['records', 'plaintextBytes', 'plaintextMac', 'bytes', 'sha256'])(
    'is refused at its end when the manifest lists other %s',
    async (field) => {
      const { bytes: stored, ...figures } = sealPart([row(1), row(2)]);
      const listed = { ...figures, bytes: stored.length };
      expect(await readAll(stored, { listed })).toHaveLength(2);
      const other = field === 'plaintextMac' || field === 'sha256' ? '0'.repeat(64) : 7;
      const failure = await readAll(stored, { listed: { ...listed, [field]: other } }).catch(
        (error: unknown) => error,
      );
      expect(failure).toMatchObject(INVALID);
      expect(String(failure)).toContain(`its ${field} differs`);
    },
  );
});

/** What somebody with the key could write: every tag is right, and the rest is not. */
function forged(
  frames: readonly { readonly content: Buffer; readonly last: boolean }[],
  { identity = ROW_PART, codec = 'none' }: { identity?: PartIdentity; codec?: CodecId } = {},
): Buffer {
  const { bytes, frameKey } = beginHeader(identity, { schema: schemaOf(identity), codec }, KEY);
  const sealed = frames.flatMap(({ content, last }, index) =>
    sealFrame(frameKey, { index, last }, content),
  );
  return Buffer.concat([bytes, ...sealed]);
}

const lastFrame = (content: Buffer): readonly { content: Buffer; last: boolean }[] => [
  { content, last: true },
];

describe('a part that was sealed with the right key', () => {
  it('is read when it is in order, so that the refusals below are not for nothing', async () => {
    expect(await readAll(forged(lastFrame(Buffer.from('["a"]\n'))))).toHaveLength(1);
    const content = gzipSync('["a"]\n');
    expect(await readAll(forged(lastFrame(content), { codec: 'gzip' }))).toHaveLength(1);
  });

  it.each([
    ...Object.entries(codecsOf()).flatMap(([id, codec]) =>
      [FRAME_BYTES + 1, 64 * FRAME_BYTES]
        .map((bytes) => [id as CodecId, bytes, codec.compress(Buffer.alloc(bytes, 'a\n'))] as const)
        .filter(([, , content]) => content.length <= FRAME_BYTES + 65_536),
    ),
  ])('is refused when a frame unfolds to more than a frame (%s, %i)', async (...bomb) => {
    const [codec, , content] = bomb;
    const bytes = forged(lastFrame(content), { codec });
    await expectRefused(bytes);
    await expect(readAll(bytes)).rejects.toThrow('cannot be decompressed to at most 1 MiB');
  });

  it.each(['gzip', 'brotli'] as const)(
    'is refused when a frame is not what its codec writes (%s)',
    async (codec) => {
      await expectRefused(forged(lastFrame(Buffer.from('not compressed')), { codec }));
      await expectRefused(forged(lastFrame(Buffer.alloc(0)), { codec }));
    },
  );

  it('is refused when a frame in the middle is short, or the last one empty', async () => {
    const line = Buffer.from('["a"]\n');
    const full = Buffer.alloc(FRAME_BYTES, 'a\n');
    const short = { content: line, last: false };
    await expectRefused(forged([short, { content: line, last: true }]));
    await expectRefused(forged([{ content: full, last: false }, ...lastFrame(Buffer.alloc(0))]));
    expect(
      await readAll(forged([{ content: full, last: false }, ...lastFrame(line)])),
    ).toHaveLength(FRAME_BYTES / 2 + 1);
  });

  it('is refused when a frame follows the last one', async () => {
    const line = Buffer.from('["a"]\n');
    await expectRefused(forged([...lastFrame(line), ...lastFrame(line)]));
  });

  it.each([
    ['ends inside a line', ROW_PART, Buffer.from('["a"]'), 'ends inside a record'],
    ['holds an empty line', ROW_PART, Buffer.from('["a"]\n\n'), 'holds an empty line'],
    ['ends inside a document', DOCUMENT_PART, document(1).subarray(0, -1), 'inside a record'],
    ['ends inside a length', DOCUMENT_PART, Buffer.from([9, 0]), 'inside a record'],
    ['holds too short a document', DOCUMENT_PART, Buffer.from([4, 0, 0, 0]), 'possible length'],
    ['holds less than nothing', DOCUMENT_PART, Buffer.from([0, 0, 0, 0x80]), 'possible length'],
    ['holds too long a document', DOCUMENT_PART, Buffer.from([0, 0, 0, 0x7f]), 'than any record'],
    ['holds no end', DOCUMENT_PART, Buffer.from([5, 0, 0, 0, 1]), 'does not end as one'],
  ])('is refused when it %s', async (...[, identity, plaintext, message]) => {
    const bytes = forged(lastFrame(plaintext), { identity });
    await expectRefused(bytes, { expect: identity });
    await expect(readAll(bytes, { expect: identity })).rejects.toThrow(message);
  });

  it('is refused when a line never ends, before it fills the memory', async () => {
    const frame = { content: Buffer.alloc(FRAME_BYTES, 'a'), last: false };
    const endless = forged(Array.from({ length: 65 }, () => frame));
    await expect(readAll(endless)).rejects.toThrow('longer than any record may be');
  });

  it('is refused when it goes on beyond the length of any part', async () => {
    const content = gzipSync(
      Buffer.concat([Buffer.alloc(FRAME_BYTES - 1, 'a'), Buffer.from('\n')]),
    );
    const frames = PART_PLAINTEXT_BYTES_MAX / FRAME_BYTES;
    const full = Array.from({ length: frames }, () => ({ content, last: false }));
    const bytes = forged([...full, ...lastFrame(gzipSync('a\n'))], { codec: 'gzip' });
    let records = 0;
    const reading = async (): Promise<void> => {
      for await (const record of readPart(bytes, { dataKey: KEY, expect: ROW_PART })) {
        records += Math.min(record.length, 1);
      }
    };
    await expect(reading()).rejects.toThrow('longer than any part may be');
    expect(records).toBe(frames);
  });

  it('is refused with a header in another form than the canonical one', async () => {
    const { bytes } = sealPart([]);
    const respelled = (text: string): Buffer => {
      const prefix = Buffer.from(bytes.subarray(0, 14));
      prefix.writeUInt32BE(Buffer.byteLength(text), 10);
      const head = Buffer.concat([prefix, Buffer.from(text)]);
      const { salt } = JSON.parse(text) as { salt: string };
      const headerHash = createHash('sha256').update(head).digest();
      const keys = partKeys(KEY, Buffer.from(salt, 'hex'), headerHash);
      const frame = { index: 0, last: true };
      const frames = sealFrame({ fileKey: keys.fileKey, headerHash }, frame, Buffer.alloc(0));
      return Buffer.concat([head, keys.headerTag, ...frames]);
    };
    const text = headOf(bytes).subarray(14, -32).toString().replace('brotli', 'none');
    const named = text.replace('zstd', 'none');
    expect(await readAll(respelled(named))).toEqual([]);
    for (const other of [named.replace(':', ': '), named.replace('{', '{"more":1,')]) {
      await expect(readAll(respelled(other))).rejects.toThrow('one canonical form');
    }
  });
});

describe('a header that nobody has proven yet', () => {
  const headed = (text: string, length = Buffer.byteLength(text)): Buffer => {
    const prefix = Buffer.from('LETHEARC\u0000\u0001\u0000\u0000\u0000\u0000', 'latin1');
    prefix.writeUInt32BE(length, 10);
    return Buffer.concat([prefix, Buffer.from(text), Buffer.alloc(100)]);
  };
  const good = JSON.parse(
    headOf(sealPart([row(1)]).bytes)
      .subarray(14, -32)
      .toString(),
  ) as Record<string, unknown>;

  it.each([
    ['nested a hundred thousand deep', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['null', 'null'],
    ['a number', '1'],
    ['a list', '[]'],
    ['without a salt', JSON.stringify({ ...good, salt: undefined })],
    ['with a short salt', JSON.stringify({ ...good, salt: 'ab' })],
    ['with a codec of no version', JSON.stringify({ ...good, codec: 'lzma' })],
    ['with a schema of another store', JSON.stringify({ ...good, schema: { kind: 'bson' } })],
    ['with a schema that is none', JSON.stringify({ ...good, schema: '__proto__' })],
    ['with a deep schema', `${JSON.stringify(good).slice(0, -1)},"schema":${'['.repeat(9999)}`],
    ['with a field more', JSON.stringify({ ...good, more: 'x'.repeat(100) })],
  ])('is refused when it is %s', async (_, text) => {
    await expectRefused(headed(text));
  });

  it('cannot make the reader set aside memory', async () => {
    const claimed = headed('{}', 0xffff_ffff);
    await expect(readAll(claimed)).rejects.toThrow('header of the part has an impossible length');
    const head = headOf(sealPart([]).bytes);
    for (const word of [0x7fff_ffff, 0xffff_ffff, FRAME_BYTES + 65_536 + 17, 15, 0]) {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(word);
      const huge = Buffer.concat([head, length]);
      await expect(readAll(huge)).rejects.toThrow('frame of the part has an impossible length');
    }
  });

  it('does not get its own words into the message', async () => {
    const text = JSON.stringify({ ...good, schema: { kind: 'sql', columns: [], SECRET: 1 } });
    const failure = await readAll(headed(text)).catch((error: unknown) => error);
    expect(failure).toMatchObject(INVALID);
    expect(String(failure)).not.toContain('SECRET');
    expect((failure as Error).cause).toBeUndefined();
  });
});
