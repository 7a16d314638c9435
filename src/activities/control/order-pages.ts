import type { RequestRecord } from '../../contracts/order-records';
import type { SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import { pagesOf, type Page } from '../../domain/deletion-request';
import { readCohorts } from './cohort-rows';
import { readRequests } from './read-requests';
import type { TenantFacts } from './tenant-facts';
import { unlessTaken } from '../taken';

/**
 * Calls somebody about every request that nobody approved when its time has come: an entry in the
 * evidence, and the tenant needs a person until an order is approved. Nothing is approved by it.
 *
 * @idempotency each call has a row and an entry of its own, made once.
 * @source CC-2, DR-1
 */
export async function callAboutOrders(
  ports: { readonly control: SqlPool; readonly ledger: EvidenceLedger },
  facts: TenantFacts,
): Promise<void> {
  if (facts.requests.every(({ withdrawnAt }) => withdrawnAt !== null)) return;
  const cohorts = await readCohorts(ports.control, facts.tenantId);
  for (const request of await readRequests(ports.control, facts, cohorts)) {
    if (!request.waitsForOrder) continue;
    for (const page of pagesOf(request.receivedAt, request.latestAt)) {
      if (request.paged.includes(page.level) || Date.parse(page.at) > Date.parse(facts.now))
        continue;
      await call(ports, facts.tenantId, { request, page });
    }
  }
}

async function call(
  ports: { readonly control: SqlPool; readonly ledger: EvidenceLedger },
  tenantId: string,
  { request, page }: { readonly request: RequestRecord; readonly page: Page },
): Promise<void> {
  const { requestId, receivedAt, latestAt } = request;
  await ports.ledger.append({
    tenantId,
    kind: 'approval-missing',
    subject: `${tenantId}/${requestId}/${page.level}`,
    details: { requestId, level: page.level, receivedAt, dueAt: page.at },
  });
  if (page.level === 'end') {
    await ports.ledger.append({
      tenantId,
      kind: 'deadline-missed',
      subject: `${tenantId}/${requestId}`,
      details: { requestId, receivedAt, latestAt, cause: 'order' },
    });
  }
  await unlessTaken(() =>
    ports.control.execute(
      `INSERT INTO order_pages (tenant_id, request_id, level, paged_at)
     SELECT ?, ?, ?, lethe_now() FROM DUAL WHERE NOT EXISTS (
       SELECT 1 FROM order_pages WHERE tenant_id = ? AND request_id = ? AND level = ?)`,
      [tenantId, requestId, page.level, tenantId, requestId, page.level],
    ),
  );
}
