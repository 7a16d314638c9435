import { MongoClient } from 'mongodb';
import { LetheError } from '../domain/errors';

/** Longest a call may be silent unless told, in milliseconds; the only time-out of the driver that fires. */
const SOCKET_TIMEOUT_MS = 30_000;
/** Longest a call may wait for a server and a connection, in milliseconds. */
const SELECTION_TIMEOUT_MS = 5_000;
const POOL_MAX = 10;

/**
 * Opens a client with the driver's dangerous conveniences off: undefined fields are not dropped from
 * filters, writes wait for a majority and the journal, nothing waits for ever.
 *
 * @throws LetheError STORE_UNAVAILABLE when the server does not answer.
 */
export async function connectMongo(
  url: string,
  { silenceTimeoutMs = SOCKET_TIMEOUT_MS }: { readonly silenceTimeoutMs?: number } = {},
): Promise<MongoClient> {
  const waitMs = Math.min(SELECTION_TIMEOUT_MS, silenceTimeoutMs);
  const client = new MongoClient(url, {
    ignoreUndefined: false,
    retryWrites: false,
    socketTimeoutMS: silenceTimeoutMs,
    serverSelectionTimeoutMS: waitMs,
    waitQueueTimeoutMS: waitMs,
    connectTimeoutMS: waitMs,
    maxPoolSize: POOL_MAX,
    writeConcern: { w: 'majority', journal: true },
  });
  try {
    await client.connect();
    await client.db('admin').command({ ping: 1 });
    return client;
  } catch (error) {
    await client.close();
    throw new LetheError('STORE_UNAVAILABLE', 'the document store cannot be reached', {
      store: 'documents',
      cause: error,
    });
  }
}
