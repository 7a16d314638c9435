import type { ControlReader } from '../../contracts/control-reader';
import type { SqlPool } from '../../contracts/sql';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import { readCohorts } from './cohort-rows';
import { readPlan } from './order-plan';
import { readOrders, readRequests } from './read-requests';
import { required, textRow, toInstant } from './sql-text';
import { readTenantFacts, type TenantFacts } from './tenant-facts';

/** What people read about deletion orders; the login can insert nothing. */
export function createOrderReading(
  control: SqlPool,
): Pick<ControlReader, 'deletionPlan' | 'orders' | 'signedOrder'> {
  return {
    deletionPlan: async (tenantId, requestIds) =>
      readPlan(control, await factsOf(control, tenantId), requestIds),
    orders: async (tenantId) => {
      const facts = await factsOf(control, tenantId);
      const cohorts = await readCohorts(control, facts.tenantId);
      return {
        tenantId: facts.tenantId,
        asOf: facts.now,
        requests: await readRequests(control, facts, cohorts),
        orders: await readOrders(control, facts.tenantId),
      };
    },
    signedOrder: async (tenantId, orderId) => {
      const row = await textRow(
        control,
        `SELECT document, digest, lethe_now() AS now FROM deletion_orders
          WHERE tenant_id = ? AND order_id = ?`,
        [parseId('TenantId', tenantId, 'tenantId'), orderId],
      );
      if (row === null) return null;
      return {
        document: required(row, 'document'),
        digest: required(row, 'digest'),
        asOf: toInstant(required(row, 'now')),
      };
    },
  };
}

async function factsOf(control: SqlPool, tenantId: string): Promise<TenantFacts> {
  const facts = await readTenantFacts(control, parseId('TenantId', tenantId, 'tenantId'));
  if (facts !== null) return facts;
  throw new LetheError('UNKNOWN_TENANT', 'tenantId names no tenant; check the id', {
    field: 'tenantId',
  });
}
