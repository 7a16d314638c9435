/** What may be bound to a statement; everything else is refused before it leaves the process. */
export type SqlValue = string | number | bigint | Buffer | null;

/** One row as the driver yields it: numbers beyond 2^53 and instants are strings, binary is a Buffer. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** Statements on one connection. */
export interface Sql {
  query(sql: string, params?: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  execute(sql: string, params?: readonly SqlValue[]): Promise<{ readonly affectedRows: number }>;
}

/** A pool of connections that log in as one account. */
export interface SqlPool extends Sql {
  /** READ COMMITTED; rolls back when `work` throws. */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  /** Rows as arrays of column values, read as they arrive. */
  stream(sql: string, params?: readonly SqlValue[]): AsyncIterable<readonly unknown[]>;
  /** The same rows, as many at a time as arrived together: for readers of very many. */
  chunks(sql: string, params?: readonly SqlValue[]): AsyncIterable<readonly (readonly unknown[])[]>;
  close(): Promise<void>;
}
