import { refuse } from '../contracts/field-checks';
import { asArchive, invalid } from './failures';

/** A value of a row as the SQL driver delivers it: wide numbers, decimals and instants are text. */
export type ArchivedValue = string | number | Buffer | null;

/** JSON has no binary: an object with this one field stands for it, and no other value is an object. */
const BINARY_FIELD = 'b64';
/** JSON text of the only number that JSON.stringify changes. */
const NEGATIVE_ZERO = '-0.0';

/**
 * Writes a row as one line of JSON without the newline: an array with a value per column. Text is
 * verbatim (also JSON columns, decimals, 64-bit numbers and instants with microseconds), null is null and
 * the empty text is not, binary is `{"b64":"…"}`, a double has the shortest digits that read back as it.
 *
 * The line is canonical: equal rows have equal lines, and different rows different ones.
 *
 * @throws LetheError INVALID_INPUT naming the column's position for a value that would not come back.
 */
export function encodeSqlRow(values: readonly unknown[]): Buffer {
  if (values.length === 0) refuse('INVALID_INPUT', 'values', 'must hold at least one column');
  return Buffer.from(`[${values.map(encodeValue).join(',')}]`, 'utf8');
}

function encodeValue(value: unknown, index: number): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) {
    return Object.is(value, -0) ? NEGATIVE_ZERO : JSON.stringify(value);
  }
  if (Buffer.isBuffer(value)) return `{"${BINARY_FIELD}":"${value.toString('base64')}"}`;
  return refuse(
    'INVALID_INPUT',
    `values[${index}]`,
    'must be text, a finite number, binary or null; read the column as the driver is set up to',
  );
}

/**
 * Reads a line back into exactly the values that were written. Only what `encodeSqlRow` writes is
 * accepted.
 *
 * @throws LetheError ARCHIVE_INVALID.
 */
export function decodeSqlRow(line: Buffer): ArchivedValue[] {
  const { values, again } = asArchive(NOT_A_ROW, () => {
    const values = (JSON.parse(line.toString('utf8')) as unknown[]).map(decodeValue);
    return { values, again: encodeSqlRow(values) };
  });
  if (!again.equals(line)) throw invalid('a row of the part is not in its one canonical form');
  return values;
}

const NOT_A_ROW = 'a row of the part is not a line that a row is written as';

/**
 * Reads some values of a line, by position, of which `columns` there must be. Much faster than decoding it:
 * the other values and the spelling are not looked at.
 *
 * @throws LetheError ARCHIVE_INVALID.
 */
export function pickSqlValues(
  line: Buffer,
  columns: number,
  positions: readonly number[],
): ArchivedValue[] {
  const values = asArchive(NOT_A_ROW, () => JSON.parse(line.toString('utf8')) as unknown[]);
  if (!Array.isArray(values) || values.length !== columns) throw otherColumns();
  return asArchive(NOT_A_ROW, () => positions.map((position) => decodeValue(values[position])));
}

const otherColumns = (): Error =>
  invalid('a row of the part has another number of values than the part has columns');

/**
 * Writes an archived row for a reader without the table: one JSON object, values as in the line.
 *
 * @throws LetheError ARCHIVE_INVALID when the line is no row of these columns.
 */
export function nameSqlRow(line: Buffer, columns: readonly { readonly name: string }[]): Buffer {
  const values = decodeSqlRow(line);
  if (values.length !== columns.length) throw otherColumns();
  const fields = columns.map(
    ({ name }, index) => `${JSON.stringify(name)}:${encodeValue(values[index], index)}`,
  );
  return Buffer.from(`{${fields.join(',')}}`, 'utf8');
}

/** What is none of the known shapes comes back as itself and then fails to be written again. */
function decodeValue(value: unknown): ArchivedValue {
  if (typeof value !== 'object' || value === null) return value as ArchivedValue;
  const text = (value as Record<string, unknown>)[BINARY_FIELD];
  return Buffer.from(text as string, 'base64');
}
