import type { SqlPool } from '../../contracts/sql';
import type { DeriveWindow } from '../../contracts/windows';
import { refreshTenant } from './refresh-tenant';
import { listTenantsWithCohorts } from './plan-windows';

/** How many tenants' windows were computed again. */
export interface RefreshedTenants {
  readonly tenants: number;
  /** Processes that were told; one that was not reads the facts before it acts. */
  readonly told: number;
}

/**
 * Computes the windows of every tenant again and tells its process, so that timers stand right. What a
 * tenant's process would do by itself before it acts is done at once, and shown at once.
 *
 * @idempotency an unchanged window writes no row; telling a process twice changes nothing.
 */
export async function refreshTenants(
  ports: { readonly control: SqlPool; readonly derive: DeriveWindow },
  tell: (tenantId: string) => Promise<boolean>,
): Promise<RefreshedTenants> {
  const tenantIds = await listTenantsWithCohorts(ports.control);
  let told = 0;
  for (const tenantId of tenantIds) {
    await refreshTenant(ports, tenantId);
    if (await tell(tenantId)) told += 1;
  }
  return { tenants: tenantIds.length, told };
}
