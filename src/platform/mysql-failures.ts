import { types } from 'node:util';
import { FAILURES, LetheError, type FailureCode } from '../domain/errors';

const CONNECTION_LOST = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR',
  'ER_SERVER_SHUTDOWN',
  'ER_CON_COUNT_ERROR',
  'EHOSTUNREACH',
]);
const AWAY = { store: 'sql' } as const;
const CONTENTION = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT']);

/**
 * Driver errors embed statements and values; what leaves here has a stable code and neither. A write
 * whose answer was lost is `unknown`, never assumed to have failed.
 */
export function translateSqlFailure(error: unknown, phase: 'before' | 'read' | 'write'): unknown {
  if (error instanceof LetheError || !types.isNativeError(error)) return error;
  const { code = '', sqlState, sqlMessage } = error as DriverError;
  if (sqlState === '45000') return ofProcedure(sqlMessage ?? '');
  if (CONTENTION.has(code)) {
    return new LetheError(
      'STORE_UNAVAILABLE',
      'the SQL store is contended; the transaction was rolled back',
      { store: 'sql' },
    );
  }
  if (isLost(error)) {
    return phase === 'write'
      ? new LetheError('OUTCOME_UNKNOWN', 'the SQL store lost the connection during a write', AWAY)
      : new LetheError('STORE_UNAVAILABLE', 'the SQL store cannot be reached', AWAY);
  }
  const failure = new Error(`the SQL store refused a statement: ${code}`);
  failure.name = 'SqlStoreError';
  return Object.assign(failure, { code });
}

interface DriverError extends Error {
  readonly code?: string;
  readonly sqlState?: string;
  readonly sqlMessage?: string;
}

const isLost = (error: DriverError): boolean =>
  CONNECTION_LOST.has(error.code ?? '') ||
  /closed state|connection.*(lost|closed)/i.test(error.message);

/** Guarded procedures refuse with `CODE: what happened`. */
function ofProcedure(message: string): LetheError {
  const [, code = '', text = ''] = /^([A-Z][A-Z0-9_]*): (.*)$/.exec(message) ?? [];
  return code in FAILURES
    ? new LetheError(code as FailureCode, text)
    : new LetheError('NOT_PERMITTED', 'a guarded procedure refused');
}

/** What a statement becomes whose server says nothing any more; it may still be carried out. */
export const silence = (): Error =>
  Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' });
