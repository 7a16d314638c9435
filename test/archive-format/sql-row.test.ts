import fc from 'fast-check';
import { decodeSqlRow, encodeSqlRow, nameSqlRow } from '../../src/archive-format';

const text = (line: Buffer): string => line.toString('utf8');

/** Any value that the driver can deliver. */
const value = fc.oneof(
  fc.constant(null),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
);

describe('a row', () => {
  it.each([
    ['a 64-bit number as text', '18446744073709551615'],
    ['the smallest 64-bit number', '-9223372036854775808'],
    ['a decimal with its zeros', '-0000123.4500'],
    ['an instant with microseconds', '2026-02-28 23:59:59.999999'],
    ['a zero date', '0000-00-00 00:00:00'],
    ['JSON text verbatim', '{"b": 1,  "a":[1.0, 1e2],\n"dup":1,"dup":2}'],
    ['null', null],
    ['the empty text', ''],
    ['empty binary', Buffer.alloc(0)],
    ['every byte', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
    ['text that looks like binary', '{"b64":"AAAA"}'],
    ['text that looks like null', 'null'],
    ['characters of four bytes', '𝄞😀\u{10ffff}'],
    ['half a character', '\ud800'],
    ['line ends, quotes, controls', '\r\n\n"\\\u0000\u2028\u2029\u007f'],
    ['negative zero', -0],
    ['zero', 0],
    ['the largest double', Number.MAX_VALUE],
    ['the smallest double', Number.MIN_VALUE],
    ['a double of 17 digits', 0.1 + 0.2],
    ['a single widened to double', Math.fround(0.1)],
    ['the largest safe integer', Number.MAX_SAFE_INTEGER],
    ['a name of a prototype', '__proto__'],
  ])('comes back exactly: %s', (_, given) => {
    const [again] = decodeSqlRow(encodeSqlRow([given]));
    expect(again).toStrictEqual(given);
    expect(Object.is(again, given) || Buffer.isBuffer(given)).toBe(true);
  });

  it('comes back exactly, whatever is in it, and is one line', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 12 }), (values) => {
        const line = encodeSqlRow(values);
        expect(line.includes(0x0a)).toBe(false);
        expect(decodeSqlRow(line)).toStrictEqual(values);
      }),
      { numRuns: 2000 },
    );
  });

  it('has the line of another row only when both hold the same values', () => {
    const alike = [null, '', 'null', 0, -0, '0', '-0.0', Buffer.alloc(0), '{"b64":""}', '","'];
    const rows = fc.array(fc.constantFrom(...alike), { minLength: 1, maxLength: 2 });
    fc.assert(
      fc.property(rows, rows, (a, b) => {
        expect(encodeSqlRow(a).equals(encodeSqlRow(b))).toBe(isSameRow(a, b));
      }),
      { numRuns: 2000 },
    );
    expect(text(encodeSqlRow(['1']))).not.toBe(text(encodeSqlRow([1])));
    expect(text(encodeSqlRow([0]))).not.toBe(text(encodeSqlRow([-0])));
    expect(text(encodeSqlRow(['']))).not.toBe(text(encodeSqlRow([null])));
    expect(text(encodeSqlRow(['']))).not.toBe(text(encodeSqlRow([Buffer.alloc(0)])));
  });

  it.each([
    ['undefined', undefined],
    ['NaN', Number.NaN],
    ['an infinity', Number.NEGATIVE_INFINITY],
    ['a date, which has lost its microseconds', new Date(0)],
    ['a truth value', true],
    ['a wide integer of the language', 1n],
    ['a parsed JSON column', { a: 1 }],
    ['bytes that are no buffer', new Uint8Array(1)],
  ])('is refused with %s in it, which would not come back', (_, given) => {
    expect(() => encodeSqlRow(['ok', given])).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', field: 'values[1]' }) as Error,
    );
  });

  it('without a column is refused', () => {
    expect(() => encodeSqlRow([])).toThrow(/values must hold/);
  });

  it.each([
    '',
    '[]',
    'null',
    '{"0":1}',
    '"[1]"',
    '[1',
    '[true]',
    '[1e999]',
    '[[1]]',
    '[1.0]',
    '[1, 2]',
    '[-0]',
    '[{"b64":"AA"}]',
    '[{"b64":"AAAA","b64":"AAAA"}]',
    '[{"b64":"AAAA","more":1}]',
    '[{"b64":[1]}]',
    '[{"b64":1}]',
    '[{}]',
    '["\\u0041"]',
    '["a"]\n',
  ])('is not read from %j, which no row is written as', (line) => {
    expect(() => decodeSqlRow(Buffer.from(line))).toThrow(
      expect.objectContaining({ code: 'ARCHIVE_INVALID' }) as Error,
    );
  });

  it('is not read from bytes that are no text', () => {
    expect(() => decodeSqlRow(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]))).toThrow(
      expect.objectContaining({ code: 'ARCHIVE_INVALID' }) as Error,
    );
  });

  it('is named by its columns for a reader without the table', () => {
    const columns = ['a', '__proto__', '"', 'n'].map((name) => ({ name, type: 't' }));
    const line = encodeSqlRow([null, 'x\ny', Buffer.from([255]), -0]);
    expect(text(nameSqlRow(line, columns))).toBe(
      '{"a":null,"__proto__":"x\\ny","\\"":{"b64":"/w=="},"n":-0.0}',
    );
    expect(() => nameSqlRow(line, columns.slice(1))).toThrow(/number of values/);
  });
});

const isSameRow = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length &&
  a.every((item, index) => {
    const other = b[index];
    if (Buffer.isBuffer(item)) return Buffer.isBuffer(other) && item.equals(other);
    return Object.is(item, other);
  });
