import type { Socket } from 'node:net';
import type { PoolConnection } from 'mysql2/promise';
import type { RowSource } from './arriving-rows';

/** What the driver has and its types do not say. */
interface RawConnection extends RowSource {
  readonly stream: Socket;
}

/** The driver's connection under its promises. */
export const rawOf = (connection: PoolConnection): RawConnection =>
  connection.connection as unknown as RawConnection;

/** Ends a connection at once, whatever is under way on it; it never goes back to its pool. */
export function cutConnection(connection: PoolConnection): void {
  connection.destroy();
  // The driver only says goodbye, and a server that is gone never answers that.
  rawOf(connection).stream.destroy();
}
