import { actor, objectOf } from '../../contracts/field-checks';
import type { SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import type { DeriveWindow } from '../../contracts/windows';
import type { CalendarSet } from '../../domain/windows/working-calendar';
import { refreshTenants, type RefreshedTenants } from './refresh-tenants';
import { databaseNow } from './tenant-facts';

/** Stores and rules that new calendars are applied with. */
export interface CalendarPorts {
  readonly control: SqlPool;
  readonly ledger: EvidenceLedger;
  readonly calendars: CalendarSet;
  /** Counts in these calendars. */
  readonly derive: DeriveWindow;
}

/**
 * Computes the windows of every tenant again with the calendars at hand. What was promised stands: an end
 * moves earlier by itself and never later, and a count that has become final says so.
 *
 * Effect: windows that differ, one ledger entry with the versions of the calendars.
 * @idempotency the same calendars again write no window and no second entry on the same day.
 * @source CC-2
 */
export async function applyCalendars(
  ports: CalendarPorts,
  order: { readonly appliedBy: string },
  tell: (tenantId: string) => Promise<boolean>,
): Promise<RefreshedTenants> {
  objectOf({ appliedBy: actor })(order, '');
  const refreshed = await refreshTenants(ports, tell);
  const versions = Object.fromEntries(
    [...ports.calendars.values()].map(({ id, version }) => [id, version.slice(id.length + 1)]),
  );
  const now = await databaseNow(ports.control);
  await ports.ledger.append({
    tenantId: null,
    kind: 'calendars-applied',
    subject: `${Object.values(versions).join('/')}/${now.slice(0, 10)}/${order.appliedBy}`,
    details: { versions, appliedBy: order.appliedBy },
  });
  return refreshed;
}
