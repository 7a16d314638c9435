import { BSON } from 'mongodb';
import fc from 'fast-check';
import { encodeSqlRow, recordKeyOf } from '../../src/archive-format';
import { DOCUMENTS, ROWS } from './samples';
import { thrownBy } from '../support/thrown';

const keyOf = (document: object): unknown =>
  recordKeyOf(Buffer.from(BSON.serialize(document)), DOCUMENTS);
const INVALID = expect.objectContaining({ code: 'ARCHIVE_INVALID' }) as Error;
const IDS = { assetId: 'as_0000000000000001', versionId: 'v1' };

/** One value of every type that a document can hold. */
const EVERY_TYPE = {
  double: new BSON.Double(-0),
  string: 'text',
  object: { assetId: 'inner', _id: 'inner', deep: { deeper: [1, 'x'] } },
  array: [1, { a: 'b' }, []],
  binary: new BSON.Binary(Buffer.from([0, 1, 2]), 5),
  oldBinary: new BSON.Binary(Buffer.from([0, 1, 2]), 2),
  objectId: new BSON.ObjectId(),
  boolean: true,
  date: new Date(0),
  nothing: null,
  pattern: /a.*b/i,
  code: new BSON.Code('return 1'),
  scoped: new BSON.Code('return a', { a: 1 }),
  symbol: new BSON.BSONSymbol('s'),
  int: new BSON.Int32(1),
  timestamp: new BSON.Timestamp({ t: 1, i: 2 }),
  long: BSON.Long.MAX_VALUE,
  decimal: BSON.Decimal128.fromString('1.10'),
  min: new BSON.MinKey(),
  max: new BSON.MaxKey(),
};

describe('the ids of a document', () => {
  it('are found among values of every type', () => {
    expect(keyOf({ _id: 'v1', ...EVERY_TYPE, assetId: IDS.assetId })).toEqual(IDS);
    expect(keyOf({ assetId: IDS.assetId, ...EVERY_TYPE, _id: 'v1' })).toEqual(IDS);
  });

  it('are the top level ones, whatever else is in it', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ minLength: 1 }), fc.anything({ withDate: true })),
        (body) => {
          expect(keyOf({ body: { ...body }, ...IDS, _id: 'v1', tail: '_id' })).toEqual(IDS);
        },
      ),
      { examples: [[{ assetId: 'x', _id: 'y' }]] },
    );
  });

  it.each([
    ['no asset', { _id: 'v1' }],
    ['no version', { assetId: 'a' }],
    ['an id that is no text', { _id: 1, assetId: 'a' }],
    ['an empty id', { _id: '', assetId: 'a' }],
    ['an id with a space', { _id: 'v 1', assetId: 'a' }],
    ['its ids below the top level', { body: { _id: 'v1', assetId: 'a' } }],
  ])('are not guessed when it has %s', (_, document) => {
    expect(() => keyOf(document)).toThrow(INVALID);
  });

  it('are not read twice', () => {
    const one = Buffer.from(BSON.serialize({ _id: 'v1', assetId: 'a' }));
    const twice = Buffer.concat([one.subarray(0, -1), one.subarray(4)]);
    twice.writeInt32LE(twice.length);
    expect(() => recordKeyOf(twice, DOCUMENTS)).toThrow(INVALID);
  });

  it('are not read from a document whose last value runs past its end', () => {
    const document = Buffer.from(BSON.serialize({ ...IDS, _id: 'v1', tail: 'text' }));
    expect(recordKeyOf(document, DOCUMENTS)).toEqual(IDS);
    const lengthAt = document.length - 1 - 'text'.length - 1 - 4;
    for (const length of [6, 7, 1000]) {
      document.writeInt32LE(length, lengthAt);
      expect(() => recordKeyOf(document, DOCUMENTS)).toThrow(INVALID);
    }
  });

  it('are refused, without a crash, in every document with one byte altered so that it is none', () => {
    const document = Buffer.from(BSON.serialize({ _id: 'v1', ...EVERY_TYPE, assetId: 'as_1' }));
    const codes: unknown[] = [];
    for (let at = 4; at < document.length; at += 1) {
      for (const value of [0x00, 0x02, 0x7f, 0x80, 0xff]) {
        const altered = Buffer.from(document);
        altered.writeUInt8(value, at);
        const error = thrownBy(() => recordKeyOf(altered, DOCUMENTS)) as
          { code?: unknown } | undefined;
        if (error !== undefined) codes.push(error.code);
      }
    }
    expect(codes.length).toBeGreaterThan(100);
    expect(codes.filter((code) => code !== 'ARCHIVE_INVALID')).toEqual([]);
  });
});

describe('the ids of a row', () => {
  it('are the values of its id columns, as text or bytes', () => {
    const row = encodeSqlRow([IDS.assetId, Buffer.from('v1'), null]);
    expect(recordKeyOf(row, ROWS)).toEqual(IDS);
  });

  it.each([
    ['no such column', { kind: 'sql', columns: [{ name: 'a', type: 't' }] }, ['x']],
    ['another number of values', ROWS, ['a', 'b']],
    ['a number for an id', ROWS, ['a', 1, null]],
    ['null for an id', ROWS, [null, 'v1', null]],
    ['bytes that are no text', ROWS, [Buffer.from([0xff]), 'v1', null]],
  ] as const)('are not guessed when it has %s', (_, schema, values) => {
    expect(() => recordKeyOf(encodeSqlRow(values), schema)).toThrow(INVALID);
  });
});
