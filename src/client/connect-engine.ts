import { Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';

/** Attempts of one request; the facade repeats a command on top of them. */
const ATTEMPTS_MAX = 4;
const CONNECT_TIMEOUT = '3s';

/**
 * Prepares a connection to the workflow engine that is made at its first use and gives up after a few
 * seconds, so that whoever can answer without the engine does so soon.
 *
 * @param address - host and port.
 */
export function connectEngine(address: string): Connection {
  return Connection.lazy({
    address,
    connectTimeout: CONNECT_TIMEOUT,
    interceptors: [
      makeGrpcRetryInterceptor(defaultGrpcRetryOptions({ maxAttempts: ATTEMPTS_MAX })),
    ],
  });
}
