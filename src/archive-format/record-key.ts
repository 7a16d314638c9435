import { invalid } from './failures';
import type { RecordSchema } from './identity';
import { pickSqlValues } from './sql-row';

/** What a record is called: which asset it is of, and which version it is. */
export interface RecordKey {
  readonly assetId: string;
  readonly versionId: string;
}

const ASSET_COLUMN = 'asset_id';
const VERSION_COLUMN = 'version_id';
const ASSET_FIELD = 'assetId';
const VERSION_FIELD = '_id';

/**
 * Reads the ids out of an archived record, so that a digest and a restore rest on the record and on
 * nothing beside it.
 *
 * @throws LetheError ARCHIVE_INVALID when the record lacks one or is malformed.
 */
export const recordKeyOf = (record: Buffer, schema: RecordSchema): RecordKey =>
  schema.kind === 'sql' ? keyOfRow(record, schema.columns) : keyOfDocument(record);

function keyOfRow(record: Buffer, columns: readonly { readonly name: string }[]): RecordKey {
  const positionOf = (column: string): number => columns.findIndex(({ name }) => name === column);
  const positions = [positionOf(ASSET_COLUMN), positionOf(VERSION_COLUMN)];
  const [assetId, versionId] = pickSqlValues(record, columns.length, positions);
  return { assetId: idOf(assetId), versionId: idOf(versionId) };
}

const KEY_FIELDS = [ASSET_FIELD, VERSION_FIELD] as const;

function keyOfDocument(record: Buffer): RecordKey {
  const texts = documentTexts(record, KEY_FIELDS);
  return { assetId: idOf(texts.get(ASSET_FIELD)), versionId: idOf(texts.get(VERSION_FIELD)) };
}

/**
 * Reads fields of text from the top level of a document without decoding the rest.
 *
 * @returns what is there and is text.
 * @throws LetheError ARCHIVE_INVALID when the document is malformed or names one of the fields twice.
 */
export function documentTexts(
  document: Buffer,
  names: readonly string[],
): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const { name, type, at } of elementsOf(document)) {
    if (type !== STRING || !names.includes(name)) continue;
    if (texts.has(name)) throw invalid('a document of the part names a field twice');
    texts.set(name, textAt(document, at));
  }
  return texts;
}

/** Ids are visible ASCII, stored as text or as bytes. */
function idOf(value: unknown): string {
  const text = Buffer.isBuffer(value) ? value.toString('latin1') : value;
  if (typeof text === 'string' && /^[\x21-\x7e]{1,512}$/.test(text)) return text;
  throw invalid('a record of the part has no id of its asset or of its version');
}

interface Element {
  readonly name: string;
  readonly type: number;
  /** Where its value begins. */
  readonly at: number;
}

const STRING = 0x02;
const REGULAR_EXPRESSION = 0x0b;
const WORD_BYTES = 4;

/** Bytes of a value by its type in BSON: a number, or that plus the length that it begins with. */
const FIXED = new Map([
  [0x01, 8],
  [0x06, 0],
  [0x07, 12],
  [0x08, 1],
  [0x09, 8],
  [0x0a, 0],
  [0x10, 4],
  [0x11, 8],
  [0x12, 8],
  [0x13, 16],
  [0x7f, 0],
  [0xff, 0],
]);
const PREFIXED = new Map([
  [STRING, 4],
  [0x03, 0],
  [0x04, 0],
  [0x05, 5],
  [0x0c, 16],
  [0x0d, 4],
  [0x0e, 4],
  [0x0f, 0],
]);

/** Walks the top level of a document without decoding it. */
function* elementsOf(document: Buffer): Generator<Element> {
  const end = document.length - 1;
  let at = WORD_BYTES;
  while (at < end) {
    const type = document.readUInt8(at);
    const nameEnd = endOfText(document, at + 1);
    yield { name: document.toString('utf8', at + 1, nameEnd), type, at: nameEnd + 1 };
    at = nameEnd + 1 + lengthOf(document, type, nameEnd + 1);
  }
  if (at !== end) throw malformed();
}

function lengthOf(document: Buffer, type: number, at: number): number {
  const fixed = FIXED.get(type);
  if (fixed !== undefined) return fixed;
  if (type === REGULAR_EXPRESSION) {
    return endOfText(document, endOfText(document, at) + 1) + 1 - at;
  }
  const prefixed = PREFIXED.get(type);
  if (prefixed === undefined) throw malformed();
  const length = wordAt(document, at);
  if (length < 0) throw malformed();
  return prefixed + length;
}

function wordAt(document: Buffer, at: number): number {
  if (at + WORD_BYTES > document.length) throw malformed();
  return document.readInt32LE(at);
}

function endOfText(document: Buffer, from: number): number {
  const end = document.indexOf(0, from);
  if (end < 0) throw malformed();
  return end;
}

function textAt(document: Buffer, at: number): string {
  const length = wordAt(document, at);
  const end = at + WORD_BYTES + length - 1;
  if (length < 1 || end >= document.length || document[end] !== 0) throw malformed();
  return document.toString('utf8', at + WORD_BYTES, end);
}

const malformed = (): Error => invalid('a document of the part is malformed');
