import fc from 'fast-check';
import { encodeSqlRow, RowLines, type ColumnManner } from '../../src/archive-format';

/** What the store sends for a value of each manner, and the value as `encodeSqlRow` takes it. */
interface Sent {
  readonly manner: ColumnManner;
  readonly sent: unknown;
  readonly value: unknown;
}

const same = (manner: ColumnManner) => (value: unknown) => ({ manner, sent: value, value });
const printable = /^[\x20-\x7e]*$/;

const sent: fc.Arbitrary<Sent> = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => same('binary')(Buffer.from(bytes))),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => {
    const text = Buffer.from(bytes).toString('latin1');
    const value = printable.test(text) ? text : Buffer.from(bytes);
    return { manner: 'ascii' as const, sent: Buffer.from(bytes), value };
  }),
  fc
    .string({ unit: fc.constantFrom(' ', '!', '"', '\\', '/', 'a', 'z', '~', '_'), maxLength: 60 })
    .map((value) => ({
      ...{ manner: 'ascii' as const, sent: Buffer.from(value), value },
    })),
  fc.string({ unit: 'binary', maxLength: 40 }).map((value) => ({
    ...{ manner: 'text' as const, sent: Buffer.from(value, 'utf8'), value },
  })),
  fc.constantFrom('', '.000000', '.000001', '.120000').map((fraction) => ({
    manner: 'instant' as const,
    sent: `2030-01-02 03:04:05${fraction}`,
    value: `2030-01-02 03:04:05${fraction === '.000000' ? '' : fraction}`,
  })),
  fc.json().map((value) => ({
    ...{ manner: 'text' as const, sent: Buffer.from(value, 'utf8'), value },
  })),
  fc.constantFrom<ColumnManner>('ascii', 'text', 'binary').chain((manner) =>
    fc
      .oneof(
        fc.constantFrom(null, 0, -0, '', Number.MAX_SAFE_INTEGER, 0.1, 1e21),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer(),
        fc.string({ unit: 'binary', maxLength: 30 }),
        fc.string({
          unit: fc.constantFrom('2', '0', '-', ':', '.', ' ', '"', '\\', 'é'),
          maxLength: 30,
        }),
      )
      .map(same(manner)),
  ),
);

describe('a line from the bytes of a row', () => {
  it('is the line of its values, byte for byte, whatever is in it', () => {
    fc.assert(
      fc.property(fc.array(sent, { minLength: 1, maxLength: 10 }), (row) => {
        const lines = new RowLines(row.map(({ manner }) => manner));
        const expected = encodeSqlRow(row.map(({ value }) => value));
        // The second of two lines stands behind the first and changes nothing of it.
        const first = lines.lineOf(row.map((column) => column.sent));
        const second = lines.lineOf(row.map((column) => column.sent));
        expect(first.equals(expected)).toBe(true);
        expect(second.equals(expected)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it('is not touched by the lines that follow it, over many blocks', () => {
    const lines = new RowLines(['ascii', 'text']);
    const rows = Array.from({ length: 3000 }, (_, index) => [
      Buffer.from(`vr_${index}`),
      Buffer.from(JSON.stringify({ index, text: 'ü'.repeat(index % 150) })),
    ]);
    const written = rows.map((row) => lines.lineOf(row));
    written.forEach((line, index) => {
      const expected = encodeSqlRow((rows[index] ?? []).map((bytes) => bytes.toString('utf8')));
      expect(line.equals(expected)).toBe(true);
    });
  });

  it('is written over when its writer starts over, and the new ones are right', () => {
    const lines = new RowLines(['text']);
    for (const length of [10, 400_000, 20, 300_000, 30]) {
      const rows = ['a', 'ü', '"'].map((text) => text.repeat(length));
      lines.startOver();
      const written = rows.map((text) => lines.lineOf([Buffer.from(text)]));
      written.forEach((line, index) => {
        expect(line.equals(encodeSqlRow([rows[index]]))).toBe(true);
      });
    }
    const first = lines.lineOf([Buffer.from('first')]);
    lines.startOver();
    const second = lines.lineOf([Buffer.from('other')]);
    expect(second.buffer).toBe(first.buffer);
  });

  it('takes a value that is longer than a block', () => {
    const long = 'x"'.repeat(400_000);
    const line = new RowLines(['text']).lineOf([Buffer.from(long)]);
    expect(line.equals(encodeSqlRow([long]))).toBe(true);
  });

  it.each([
    ['text that is no UTF-8', 'text', Buffer.from([0x61, 0xff])],
    ['a date, which has lost its microseconds', 'ascii', new Date(0)],
    ['undefined', 'ascii', undefined],
    ['a wide integer of the language', 'text', 1n],
    ['a parsed JSON column', 'text', { a: 1 }],
  ] as const)('is refused with %s in it, naming the column', (_, manner, given) => {
    expect(() => new RowLines(['ascii', manner]).lineOf([Buffer.from('ok'), given])).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', field: 'values[1]' }) as Error,
    );
  });

  it('without a value for each column is refused', () => {
    for (const row of [[], [null], [null, null, null]]) {
      expect(() => new RowLines(['ascii', 'text']).lineOf(row)).toThrow(/values must hold/);
    }
    expect(() => new RowLines([]).lineOf([])).toThrow(/values must hold/);
  });
});
