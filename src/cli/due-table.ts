import type { DueDay } from '../contracts/snapshot';
import { table } from './output';

/** Due days as people read them; a tenant and a band are shown where there are several tenants. */
export function dueTable(
  days: readonly (DueDay & { readonly tenantId?: string; readonly band?: string })[],
): string {
  const overTenants = days.some((day) => day.tenantId !== undefined);
  const own = ['due on', 'record class', 'state', 'not before', 'latest', 'rule', 'records', 'run'];
  return table(
    overTenants ? ['tenant', 'band', ...own] : own,
    days.map((day) => [
      ...(overTenants ? [day.tenantId ?? null, day.band ?? null] : []),
      day.dueOn,
      day.recordClass,
      day.state,
      day.deleteNotBefore ?? 'held',
      day.latestAt === null ? 'open' : `${day.latestAt}${day.provisional ? ' (provisional)' : ''}`,
      day.because,
      day.records,
      day.runId,
    ]),
  );
}
