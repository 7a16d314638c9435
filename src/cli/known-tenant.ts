import { LetheError } from '../domain/errors';
import type { Session } from './session';

/**
 * Lets an empty answer about a tenant pass only when the tenant is known: of an id that was mistyped, "no
 * holds" or "nothing is due" would be the wrong answer, not an empty one.
 *
 * @returns what was found.
 * @throws LetheError UNKNOWN_TENANT.
 */
export async function ofKnownTenant<T>(
  session: Session,
  tenantId: string,
  found: readonly T[],
): Promise<readonly T[]> {
  if (found.length > 0 || (await session.reader.status(tenantId)) !== null) return found;
  throw new LetheError('UNKNOWN_TENANT', 'tenant names no lifecycle; check the id', {
    field: 'tenant',
  });
}
