import type { AcceptedCommand } from '../../contracts/activities';
import type { SqlPool } from '../../contracts/sql';
import type { DeriveWindow } from '../../contracts/windows';
import { readCohorts } from './cohort-rows';
import { readSnapshot } from './read-snapshot';
import { refreshWindows } from './refresh-windows';
import { reviveContinued } from './revive';
import { readTenantFacts } from './tenant-facts';

/** Computes windows again under the tenant's lock and reads the state. @idempotency see {@link refreshWindows}. */
export async function refreshTenant(
  ports: { readonly control: SqlPool; readonly derive: DeriveWindow },
  tenantId: string,
): Promise<AcceptedCommand['snapshot']> {
  return ports.control.transaction(async (sql) => {
    await sql.execute('CALL lock_tenant(?)', [tenantId]);
    const facts = await readTenantFacts(sql, tenantId);
    if (facts !== null) {
      await reviveContinued({ sql, tenantId, now: facts.now, facts });
      const cohorts = await readCohorts(sql, tenantId);
      await refreshWindows(sql, facts, { cohorts, derive: ports.derive });
    }
    return readSnapshot(sql, tenantId, facts);
  });
}
