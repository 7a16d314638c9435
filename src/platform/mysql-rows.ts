import type { Readable } from 'node:stream';
import type { Socket } from 'node:net';
import type { PoolConnection } from 'mysql2/promise';
import type { SqlValue } from '../contracts/sql';
import { silence } from './mysql-failures';

/** What the driver has and its types do not say. */
interface RawConnection {
  readonly stream: Socket;
  execute(options: object): { stream(): Readable };
  on(event: 'error' | 'end', listener: (error?: Error) => void): void;
  off(event: 'error' | 'end', listener: (error?: Error) => void): void;
}

const rawOf = (connection: PoolConnection): RawConnection =>
  connection.connection as unknown as RawConnection;

/** Ends a connection at once, whatever is under way on it; it never goes back to its pool. */
export function cutConnection(connection: PoolConnection): void {
  connection.destroy();
  // The driver only says goodbye, and a server that is gone never answers that.
  rawOf(connection).stream.destroy();
}

/** A query whose rows come one by one. */
export interface RowQuery {
  readonly sql: string;
  readonly values: readonly SqlValue[];
  /** Longest wait for the next row while somebody waits for it, in milliseconds. */
  readonly silenceMs: number;
}

/**
 * Rows of a query as arrays, no faster than they are read.
 *
 * The driver tells a lost connection only to commands that have a callback, and a stream has none: it
 * would wait for ever. So the connection itself is listened to, and silence is measured.
 */
export async function* streamRows(
  connection: PoolConnection,
  { sql, values, silenceMs }: RowQuery,
): AsyncGenerator<readonly unknown[]> {
  const raw = rawOf(connection);
  const rows = raw.execute({ sql, values: [...values], rowsAsArray: true }).stream();
  const lost = (error?: Error): void => {
    rows.destroy(error ?? Object.assign(new Error('lost'), { code: 'PROTOCOL_CONNECTION_LOST' }));
  };
  let isAwaited = true;
  const timer = setTimeout(() => {
    // A reader that is busy with the last row says nothing about the server.
    if (isAwaited) lost(silence());
    else timer.refresh();
  }, silenceMs);
  raw.on('error', lost);
  raw.on('end', lost);
  try {
    for await (const row of rows as AsyncIterable<readonly unknown[]>) {
      isAwaited = false;
      yield row;
      isAwaited = true;
      timer.refresh();
    }
  } finally {
    clearTimeout(timer);
    raw.off('error', lost);
    raw.off('end', lost);
  }
}
