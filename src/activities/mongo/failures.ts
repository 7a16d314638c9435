import { types } from 'node:util';
import { LetheError } from '../../domain/errors';

const AWAY =
  /ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|Server selection|timed out|pool|not connected|closed/i;

/**
 * Gives a driver's error a stable code; its text embeds filters and values and goes no further. The
 * server answers plain errors while its own database is away: those count as unavailable too.
 */
export function translateMongo(error: unknown, phase: 'read' | 'write'): unknown {
  if (error instanceof LetheError || !types.isNativeError(error)) return error;
  const network =
    error.name.startsWith('MongoNetwork') || error.name.startsWith('MongoServerSelection');
  const away =
    network || AWAY.test(error.message) || /failed to connect|server error/i.test(error.message);
  if (!away) {
    const failure = new Error(`the document store refused a call: ${error.name}`);
    failure.name = 'DocumentStoreError';
    return failure;
  }
  return phase === 'write'
    ? new LetheError('OUTCOME_UNKNOWN', 'the document store lost the connection during a write', {
        store: 'documents',
      })
    : new LetheError('STORE_UNAVAILABLE', 'the document store cannot be reached', {
        store: 'documents',
      });
}

/** Runs a call and translates its failure. */
export async function speaking<T>(phase: 'read' | 'write', call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw translateMongo(error, phase);
  }
}
