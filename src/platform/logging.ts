import pino, { type Logger } from 'pino';

/** What may be in an error of a driver and must not be in a log: statements, values, addresses. */
const REDACTED = ['err.sql', 'err.sqlMessage', 'err.parameters', 'err.config', 'err.result'];

/**
 * A log on standard error, one JSON object per line; control characters are escaped by it. Messages name
 * ids and codes and no content.
 */
export function createLog(): Logger {
  return pino(
    { base: { process: 'worker' }, redact: { paths: REDACTED, remove: true } },
    pino.destination({ dest: 2, sync: true }),
  );
}
