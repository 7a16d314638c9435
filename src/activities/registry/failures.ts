import { isLetheError, LetheError } from '../../domain/errors';

/**
 * What a registry can do wrong, with stable codes. Nothing that the registry said enters a message:
 * addresses, names and tokens would end up in histories and logs.
 */

/** Part of a conversation that went wrong; the observation turns it into a reason. */
export type RefusedPart = 'answer' | 'mediaType' | 'size' | 'redirect' | 'realm' | 'paging';

/** The registry cannot be reached or says itself that it is busy; trying again later can help. */
export const unavailable = (what: string): LetheError =>
  new LetheError('STORE_UNAVAILABLE', `the registry ${what}; try again later`, {
    field: 'registry',
  });

/** The time of a request is over; who lets a client wait once does so again. */
export const outOfTime = (): LetheError =>
  new LetheError('STORE_UNAVAILABLE', 'the registry did not answer in time; try again later', {
    field: 'requestMs',
  });

/** True for a failure of the connection that may be tried again at once. */
export const isBrokenConnection = (error: unknown): boolean =>
  isLetheError(error) && error.code === 'STORE_UNAVAILABLE' && error.field === 'registry';

/** The registry answered something that the engine does not take. */
export const refusedAnswer = (part: RefusedPart, what: string): LetheError =>
  new LetheError('STORE_REFUSED', `the registry ${what}`, { field: part });

/** The registry wants another login, or one at all. */
export const accessDenied = (what: string): LetheError =>
  new LetheError('ACCESS_DENIED', `the registry ${what}; check the login kept for this tenant`, {
    field: 'registry',
  });

/** Bytes are not what their digest says. */
export const digestMismatch = (what: string): LetheError =>
  new LetheError('DIGEST_MISMATCH', `${what} differs from its digest`, { field: 'digest' });

/** The address or name that was given cannot be used. */
export const invalid = (field: string, remedy: string): LetheError =>
  new LetheError('INVALID_INPUT', `${field} ${remedy}`, { field });

/** Errors of the connection before or while it was used; the request can be sent again. */
const CONNECTION = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'ENODATA',
]);

const codeOf = (error: unknown): string => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : 'unknown';
};

/** Gives an error of the connection a stable code; its text names addresses and goes no further. */
export function translateConnection(error: unknown): LetheError {
  const code = codeOf(error);
  if (CONNECTION.has(code)) return unavailable(`cannot be reached (${code})`);
  if (code.startsWith('HPE_')) return refusedAnswer('answer', `does not speak HTTP (${code})`);
  if (/CERT|TLS|SSL|EPROTO|ISSUER/.test(code)) {
    return refusedAnswer('answer', `has no trusted certificate for its name (${code})`);
  }
  return unavailable(`broke off (${code})`);
}
