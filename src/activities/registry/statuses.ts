import { accessDenied, refusedAnswer, unavailable } from './failures';
import type { WireAnswer } from './transport';

/**
 * Returns when an answer carries what was asked for.
 *
 * @throws LetheError ACCESS_DENIED, STORE_UNAVAILABLE or STORE_REFUSED by status.
 */
export function assertRead({ status }: WireAnswer): void {
  if (status === 200) return;
  if (status === 401 || status === 403) throw accessDenied(`does not allow reading (${status})`);
  if (status >= 500) throw unavailable(`failed (${status})`);
  throw refusedAnswer('answer', `answered with status ${status}`);
}
