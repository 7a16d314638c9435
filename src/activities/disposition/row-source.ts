import { RowLines, type ColumnManner } from '../../archive-format';
import type { RecordColumn, RecordTable } from '../../contracts/record-tables';

/**
 * The columns of a table as they are asked for: text as the bytes that it is stored as, instants as text
 * that the server writes. Without names of their own, so that an order by a column is one by the column.
 */
export const selectionOf = ({ columns }: RecordTable): string =>
  columns.map(({ name, type }) => SELECTED[type](name)).join(', ');

const asItIs = (name: string): string => name;
const SELECTED: Readonly<Record<RecordColumn['type'], (name: string) => string>> = {
  ascii: asItIs,
  binary: asItIs,
  integer: asItIs,
  text: (name) => `CAST(${name} AS BINARY)`,
  instant: (name) => `CAST(${name} AS CHAR)`,
};

/** A writer of the table's rows as they come by `selectionOf`. */
export const linesOf = ({ columns }: RecordTable): RowLines =>
  new RowLines(columns.map(({ type }) => MANNERS[type]));

const MANNERS: Readonly<Record<RecordColumn['type'], ColumnManner>> = {
  ascii: 'ascii',
  text: 'text',
  binary: 'binary',
  integer: 'ascii',
  instant: 'instant',
};

/** An id or an instant of a row as text; ids are stored as bytes and are ASCII by construction. */
export const plainText = (value: unknown): string =>
  Buffer.isBuffer(value) ? value.toString('latin1') : String(value);
