import { LetheError } from '../domain/errors';

/** Signed evidence that is malformed, altered or not signed by a key that counts. */
export const invalid = (what: string, field?: string): LetheError =>
  new LetheError('EVIDENCE_INVALID', what, field === undefined ? {} : { field });
