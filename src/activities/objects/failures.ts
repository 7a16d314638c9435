import { LetheError, isLetheError } from '../../domain/errors';

/** Answers that say that nothing was done because of who asks. */
const DENIED = new Set([
  'AccessDenied',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'Forbidden',
]);
const ABSENT = new Set(['NotFound', 'NoSuchKey', 'NoSuchVersion', 'NoSuchUpload']);
const TAKEN = new Set(['PreconditionFailed', 'ObjectAlreadyExists']);
/** The request never reached a server. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
]);
/** The server says itself that it did nothing. */
const TURNED_AWAY = new Set(['SlowDown', 'ServiceUnavailable']);

const AWAY = { store: 'objects' } as const;

const codeOf = (error: unknown): string => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
};

/** True when the server answered that the object, the version or the upload is not there. */
export const isAbsent = (error: unknown): boolean => ABSENT.has(codeOf(error));

/** True when the server refused the account, which is also how it protects a locked version. */
export const isDenied = (error: unknown): boolean => DENIED.has(codeOf(error));

/**
 * Gives the client's error a stable code; names and addresses in its text go no further. A write without
 * a clear answer is OUTCOME_UNKNOWN: the server may have done it.
 */
export function translateObjectFailure(error: unknown, phase: 'read' | 'write'): LetheError {
  if (isLetheError(error)) return error;
  const code = codeOf(error);
  if (DENIED.has(code)) {
    return new LetheError(
      'ACCESS_DENIED',
      `the account may not do this in the object store: ${code}`,
    );
  }
  if (TAKEN.has(code)) {
    return new LetheError('DUPLICATE_KEY', 'the object name is taken; write under a new attempt');
  }
  if (ABSENT.has(code)) {
    return new LetheError('STORE_REFUSED', `the object store has no such thing: ${code}`);
  }
  if (NEVER_SENT.has(code) || TURNED_AWAY.has(code) || phase === 'read') {
    return new LetheError('STORE_UNAVAILABLE', 'the object store cannot be reached', AWAY);
  }
  return new LetheError(
    'OUTCOME_UNKNOWN',
    'the object store gave no clear answer to a write',
    AWAY,
  );
}

/** Runs a call and translates its failure. */
export async function asking<T>(phase: 'read' | 'write', call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw translateObjectFailure(error, phase);
  }
}
