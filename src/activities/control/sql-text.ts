import type { Sql, SqlRow, SqlValue } from '../../contracts/sql';

/** A row whose binary ids are text again. */
export type TextRow = Readonly<Record<string, string | null>>;

/** Runs a query on tables without blobs and returns every value as text; binary ids are ASCII. */
export async function textRows(
  sql: Sql,
  statement: string,
  params: readonly SqlValue[] = [],
): Promise<readonly TextRow[]> {
  return (await sql.query(statement, params)).map(toText);
}

/** The first row, or null. */
export async function textRow(
  sql: Sql,
  statement: string,
  params: readonly SqlValue[] = [],
): Promise<TextRow | null> {
  return (await textRows(sql, statement, params))[0] ?? null;
}

function toText(row: SqlRow): TextRow {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [column, asText(value)] as const),
  );
}

function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return value.toString();
  return JSON.stringify(value);
}

/** A column that cannot be null by its definition; fails closed when it is. */
export function required(row: TextRow, column: string): string {
  const value = row[column];
  if (value === null || value === undefined) throw new Error(`column ${column} has no value`);
  return value;
}

/** One place in a statement for each of some values, to stand between brackets; there is at least one. */
export const places = (values: readonly unknown[]): string => values.map(() => '?').join(', ');

/** Width of a time with all six fractional digits, and of its date. */
const WHOLE_WIDTH = 26;
const DATE_WIDTH = 10;

/** `2026-03-01 07:00:00.000000` (UTC) to `2026-03-01T07:00:00.000000Z`; fixed width, so text order is time order. */
export function toInstant(sqlTime: string): string {
  if (sqlTime.length === WHOLE_WIDTH)
    return `${sqlTime.slice(0, DATE_WIDTH)}T${sqlTime.slice(DATE_WIDTH + 1)}Z`;
  const [date = '', time = ''] = sqlTime.split(' ');
  const [clock = '', fraction = ''] = time.split('.');
  return `${date}T${clock}.${fraction.padEnd(6, '0').slice(0, 6)}Z`;
}

/** Like {@link toInstant}, for columns that may be null. */
export const toInstantOrNull = (sqlTime: string | null | undefined): string | null =>
  sqlTime === null || sqlTime === undefined ? null : toInstant(sqlTime);

/**
 * An RFC 3339 instant as the UTC text of a DATETIME(6) column; microseconds survive.
 *
 * @throws RangeError when it is no instant, so that nothing is written for it.
 */
export function toSqlTime(instant: string): string {
  const milliseconds = Date.parse(instant);
  if (Number.isNaN(milliseconds)) throw new RangeError('not an instant');
  const fraction = /\.(\d{1,9})/.exec(instant)?.[1] ?? '';
  const seconds = new Date(Math.floor(milliseconds / 1000) * 1000).toISOString().slice(0, 19);
  return `${seconds.replace('T', ' ')}.${fraction.padEnd(6, '0').slice(0, 6)}`;
}
