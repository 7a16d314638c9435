import { createCipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { BSON } from 'mongodb';
import fc from 'fast-check';
import {
  CODEC_IDS,
  codecsOf,
  createPartWriter,
  FRAME_BYTES,
  PART_PLAINTEXT_BYTES_MAX,
  readPart,
  RECORD_BYTES_MAX,
  type CodecId,
} from '../../src/archive-format';
import {
  DOCUMENT_PART,
  DOCUMENTS,
  document,
  fingerprints,
  inPieces,
  KEY,
  readAll,
  row,
  ROW_PART,
  ROWS,
  sealPart,
} from './samples';

const CODECS = Object.keys(codecsOf()) as CodecId[];
const NOISE = Buffer.from(hkdfSync('sha256', KEY, Buffer.alloc(0), 'noise', 6000)).toString(
  'base64',
);
const noise = (bytes: number): string =>
  NOISE.repeat(Math.ceil(bytes / NOISE.length)).slice(0, bytes);

describe('a part', () => {
  it.each(CODECS)('gives back the records it took, through %s', async (codec) => {
    const rows = Array.from({ length: 500 }, (_, index) => row(index, `body\n${index}`));
    const sealed = sealPart(rows, ROW_PART, { codec });
    expect(await readAll(sealed.bytes)).toEqual(rows);
    expect(sealed.records).toBe(500);
    const documents = Array.from({ length: 500 }, (_, index) => document(index, { index }));
    const { bytes } = sealPart(documents, DOCUMENT_PART, { codec });
    expect(await readAll(bytes, { expect: DOCUMENT_PART })).toEqual(documents);
  });

  it('has a plaintext that is an ordinary file, and figures that describe it', async () => {
    const records = [row(1), row(2, null), row(3, 'ä')];
    const sealed = sealPart(records);
    const plaintext = records.map((record) => `${record.toString()}\n`).join('');
    const key = Buffer.from(
      hkdfSync('sha256', KEY, Buffer.alloc(0), 'lethe/archive/1/plaintext', 32),
    );
    expect(sealed).toMatchObject({
      records: 3,
      plaintextBytes: Buffer.byteLength(plaintext),
      plaintextMac: createHmac('sha256', key).update(plaintext).digest('hex'),
      sha256: createHash('sha256').update(sealed.bytes).digest('hex'),
    });
    const documents = [document(1), document(2)];
    const read = await readAll(sealPart(documents, DOCUMENT_PART).bytes, { expect: DOCUMENT_PART });
    expect(read.map((bytes) => BSON.deserialize(bytes)['_id'] as string)).toEqual(['v1', 'v2']);
  });

  it('may hold no record', async () => {
    const sealed = sealPart([]);
    expect(sealed).toMatchObject({ records: 0, plaintextBytes: 0 });
    expect(await readAll(sealed.bytes)).toEqual([]);
  });

  it.each([
    ['a document of 15.9 MB', DOCUMENT_PART, document(1, noise(15_900_000))],
    ['a row of 15.9 MB', ROW_PART, row(1, noise(15_900_000))],
    ['a document of the largest size of its store', DOCUMENT_PART, document(1, noise(16_777_000))],
  ])('takes %s between small ones', async (_, identity, long) => {
    const small = identity === ROW_PART ? row(2) : document(2);
    const { bytes } = sealPart([small, long, small], identity);
    const read = await readAll(inPieces(bytes, 7, 65_536), { expect: identity });
    expect(read.map((record) => record.length)).toEqual([small.length, long.length, small.length]);
    expect(read[1]?.equals(long)).toBe(true);
  });

  it.each([ROW_PART, DOCUMENT_PART])(
    'is cut into frames wherever its records end ($location)',
    async (identity) => {
      const make = identity === ROW_PART ? row : document;
      const overhead = make('x', '').length + (identity === ROW_PART ? 1 : 0);
      for (const beyond of [-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5]) {
        const first = make('x', 'a'.repeat(FRAME_BYTES - overhead + beyond));
        const records = [first, make(2), make(3)];
        const { bytes } = sealPart(records, identity, { codec: 'none' });
        const read = await readAll(bytes, { expect: identity });
        expect(fingerprints(read)).toEqual(fingerprints(records));
      }
    },
  );

  it('ends with a full frame when its plaintext fills frames exactly', async () => {
    const filling = row('x', 'a'.repeat(FRAME_BYTES - row('x', '').length - 1));
    const { bytes, plaintextBytes } = sealPart([filling], ROW_PART, { codec: 'none' });
    expect(plaintextBytes).toBe(FRAME_BYTES);
    expect(fingerprints(await readAll(bytes))).toEqual(fingerprints([filling]));
    const two = sealPart([filling, filling], ROW_PART, { codec: 'none' });
    expect(two.bytes.length - bytes.length).toBe(FRAME_BYTES + 4 + 16);
    expect(await readAll(two.bytes)).toHaveLength(2);
  });

  it('reads the same in pieces of any length', async () => {
    const records = Array.from({ length: 40 }, (_, index) => document(index, noise(index * 97)));
    const { bytes } = sealPart(records, DOCUMENT_PART);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 9000 }),
        async (lengths, last) => {
          const read = await readAll(inPieces(bytes, ...lengths, last), { expect: DOCUMENT_PART });
          expect(fingerprints(read)).toEqual(fingerprints(records));
        },
      ),
      { numRuns: 50 },
    );
    const single = await readAll(inPieces(bytes, 1), { expect: DOCUMENT_PART });
    expect(fingerprints(single)).toEqual(fingerprints(records));
  });

  it('is never the same bytes twice, so that no nonce meets a key twice', () => {
    const [a, b] = [sealPart([row(1)]), sealPart([row(1)])];
    expect(a.bytes.equals(b.bytes)).toBe(false);
    expect(a.plaintextMac).toBe(b.plaintextMac);
    const frames = [a, b].map(({ bytes }) => bytes.subarray(-40).toString('hex'));
    expect(frames[0]).not.toBe(frames[1]);
  });

  it('is read by the description alone, without this library', () => {
    const { bytes } = sealPart([row(1, 'secret')], ROW_PART, { codec: 'gzip' });
    const end = 14 + bytes.readUInt32BE(10);
    const head = bytes.subarray(0, end);
    const header = JSON.parse(head.subarray(14).toString()) as Record<string, unknown>;
    expect(header).toEqual({
      ...ROW_PART,
      schema: ROWS,
      codec: 'gzip',
      salt: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    const hash = createHash('sha256').update(head).digest();
    const info = Buffer.concat([Buffer.from('lethe/archive/1/part'), hash]);
    const salt = Buffer.from(header['salt'] as string, 'hex');
    const keys = Buffer.from(hkdfSync('sha256', KEY, salt, info, 64));
    expect(bytes.subarray(end, end + 32)).toEqual(keys.subarray(32));
    const frame = bytes.subarray(end + 36);
    expect(bytes.readUInt32BE(end + 32)).toBe(0x8000_0000 + frame.length);
    // GCM is a key stream: encrypting the ciphertext gives the plaintext.
    const nonce = Buffer.from('00'.repeat(11) + '01', 'hex');
    const stream = createCipheriv('aes-256-gcm', keys.subarray(0, 32), nonce);
    const content = stream.update(frame.subarray(0, -16));
    expect(gunzipSync(content).toString()).toBe('["as_0000000000000001","v1","secret"]\n');
  });

  it('shows nothing of its records', () => {
    const { bytes } = sealPart([row('SECRET-ID', 'SECRET')], ROW_PART, { codec: 'none' });
    expect(bytes.includes('SECRET')).toBe(false);
  });
});

describe('a part writer', () => {
  const order = { identity: ROW_PART, schema: ROWS, dataKey: KEY };

  it('copies what it takes, so that the caller may use its buffer again', async () => {
    const writer = createPartWriter(order);
    const buffer = Buffer.from(row(1));
    writer.append(buffer);
    buffer.fill(0);
    expect(await readAll(writer.finish().bytes)).toEqual([row(1)]);
  });

  it('holds sealed frames and at most one open one', () => {
    const writer = createPartWriter({ ...order, codec: 'brotli' });
    expect(writer.bufferedBytes).toBeLessThan(32 * 1024);
    const record = row(1, 'a'.repeat(10_000));
    for (let index = 0; index < 1000; index += 1) writer.append(record);
    expect(writer.plaintextBytes).toBe(1000 * (record.length + 1));
    expect(writer.records).toBe(1000);
    expect(writer.part).toBe(1);
    expect(writer.bufferedBytes).toBeLessThan(1.1 * FRAME_BYTES);
    expect(writer.finish().bytes.length).toBeLessThan(FRAME_BYTES / 10);
  });

  it('refuses what would make the part too long, and is as before', async () => {
    const writer = createPartWriter({ ...order, codec: 'gzip' });
    const long = Buffer.from(`[${'1'.repeat(RECORD_BYTES_MAX - 2)}]`);
    while (writer.plaintextBytes + long.length < PART_PLAINTEXT_BYTES_MAX) writer.append(long);
    expect(() => {
      writer.append(long);
    }).toThrow(/record would make the part too long/);
    writer.append(row(1));
    const { bytes, records } = writer.finish();
    let last: Buffer | undefined;
    for await (const record of readPart(bytes, { dataKey: KEY, expect: ROW_PART })) last = record;
    expect({ records, last: last?.toString() }).toEqual({ records: 8, last: row(1).toString() });
  });

  it('takes nothing and seals nothing after its end', () => {
    const writer = createPartWriter(order);
    writer.finish();
    expect(() => {
      writer.append(row(1));
    }).toThrow(/part is finished/);
    expect(() => writer.finish()).toThrow(/part is finished/);
  });

  it.each([
    ['an empty line', ROW_PART, Buffer.alloc(0)],
    ['two lines', ROW_PART, Buffer.from('[1]\n[2]')],
    ['text', ROW_PART, 'text' as unknown as Buffer],
    ['half a document', DOCUMENT_PART, document(1).subarray(0, -1)],
    ['two documents', DOCUMENT_PART, Buffer.concat([document(1), document(2)])],
    ['a document without its end', DOCUMENT_PART, Buffer.from([5, 0, 0, 0, 1])],
    ['nothing', DOCUMENT_PART, undefined as unknown as Buffer],
    ['what is longer than any record', ROW_PART, Buffer.alloc(RECORD_BYTES_MAX + 1, 0x20)],
  ])('refuses %s and is as before', async (_, identity, record) => {
    const schema = identity === ROW_PART ? ROWS : DOCUMENTS;
    const writer = createPartWriter({ identity, schema, dataKey: KEY });
    const good = identity === ROW_PART ? row(1) : document(1);
    writer.append(good);
    expect(() => {
      writer.append(record);
    }).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', field: 'record' }) as Error);
    expect(await readAll(writer.finish().bytes, { expect: identity })).toEqual([good]);
  });

  it.each([
    ['tenantId', { tenantId: 'tn_1' }],
    ['tenantId', { tenantId: undefined }],
    ['runId', { runId: '' }],
    ['dueOn', { dueOn: '2027-3-31' }],
    ['attempt', { attempt: 'UPPER-CASE' }],
    ['part', { part: 0 }],
    ['part', { part: Number.NaN }],
    ['location', { location: 'mysql:assets.unknown' }],
    ['location', { location: 'mysql:configuration.console_settings' }],
    ['recordClass', { recordClass: 'console-configuration-data' }],
  ])('refuses an identity whose %s no archive has: %j [ST-2]', (field, wrong) => {
    const identity = { ...ROW_PART, ...wrong } as typeof ROW_PART;
    expect(() => createPartWriter({ ...order, identity })).toThrow(
      expect.objectContaining({ field }) as Error,
    );
    expect(createPartWriter(order).part).toBe(1);
  });

  it.each([
    ['of another store', { kind: 'bson' }],
    ['without columns', { kind: 'sql', columns: [] }],
    [
      'with one name for two columns',
      { kind: 'sql', columns: [...columns('a'), ...columns('a', 'u')] },
    ],
    ['with a column without a type', { kind: 'sql', columns: [{ name: 'a' }] }],
    ['with more than is known', { kind: 'sql', columns: columns('a'), more: 1 }],
    ['that is none', null],
  ])('refuses a schema %s', (_, schema) => {
    expect(() => createPartWriter({ ...order, schema: schema as never })).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }) as Error,
    );
  });

  it.each([
    ['none', undefined],
    ['text', 'k'.repeat(32)],
    ['a short one', Buffer.alloc(31, 1)],
    ['one that was never filled', Buffer.alloc(32)],
  ])('refuses a data key that is %s', (_, dataKey) => {
    expect(() => createPartWriter({ ...order, dataKey: dataKey as never })).toThrow(/dataKey must/);
  });

  it('refuses a codec that nobody knows', () => {
    expect(CODEC_IDS).not.toContain('lzma');
    expect(() => createPartWriter({ ...order, codec: 'lzma' as never })).toThrow(/codec/);
  });
});

function columns(name: string, type = 't'): { name: string; type: string }[] {
  return [{ name, type }];
}

describe('a part reader', () => {
  const RECORDS = 120;
  const long = Array.from({ length: RECORDS }, (_, index) => row(index, 'x'.repeat(50_000)));

  it.each(CODECS)('holds one frame, however long the part is (%s)', async (codec) => {
    const { bytes } = sealPart(long, ROW_PART, { codec });
    let arrived = 0;
    async function* counted(): AsyncGenerator<Buffer> {
      for await (const piece of inPieces(bytes, 4096)) {
        arrived += piece.length;
        yield piece;
      }
    }
    let given = 0;
    let ahead = 0;
    for await (const record of readPart(counted(), { dataKey: KEY, expect: ROW_PART })) {
      given += record.length + 1;
      ahead = Math.max(ahead, arrived - given * (bytes.length / (RECORDS * 50_040)));
    }
    expect(ahead).toBeLessThan(1.2 * FRAME_BYTES);
    expect(given).toBeGreaterThan(5 * FRAME_BYTES);
  });

  it('closes a source that it does not read to the end', async () => {
    const { bytes } = sealPart(long);
    let closed = false;
    async function* source(): AsyncGenerator<Buffer> {
      try {
        yield* inPieces(bytes, 1000);
      } finally {
        closed = true;
      }
    }
    for await (const record of readPart(source(), { dataKey: KEY, expect: ROW_PART })) {
      expect(record).toEqual(long[0]);
      break;
    }
    expect(closed).toBe(true);
  });

  it('passes on the failure of its source and closes it', async () => {
    const { bytes } = sealPart(long);
    async function* source(): AsyncGenerator<Buffer> {
      yield await Promise.resolve(bytes.subarray(0, 2000));
      throw new Error('the store went away');
    }
    await expect(readAll(source())).rejects.toThrow('the store went away');
  });

  it('refuses a source that yields text', async () => {
    async function* source(): AsyncGenerator<Buffer> {
      yield (await Promise.resolve('text')) as unknown as Buffer;
    }
    await expect(readAll(source())).rejects.toMatchObject({ field: 'source' });
  });

  it('refuses to expect what no part can be', async () => {
    const expect_ = { ...ROW_PART, tenantId: undefined as unknown as string };
    await expect(readAll(sealPart([]).bytes, { expect: expect_ })).rejects.toMatchObject({
      code: 'INVALID_TENANT_ID',
    });
  });
});
