import type { RecordClass } from '../../domain/record-class';
import type { DueDay, LifecycleSnapshot, WorkItem } from '../../contracts/snapshot';
import type { Sql } from '../../contracts/sql';
import { isWaiting, readCohorts, readCohortsOf } from './cohort-rows';
import { CARRIED_MAX, composeSnapshot, unknownTenant, type OpenEvent } from './compose-snapshot';
import { dueDaysOf } from './next-due';
import { readRequests } from './read-requests';
import { required, textRow, textRows } from './sql-text';
import { readStop } from './stops';
import {
  databaseNow,
  readHoldFacts,
  readHolds,
  readTenantFacts,
  type TenantFacts,
} from './tenant-facts';

/**
 * The state of a tenant as control knows it; of one that never subscribed, stage `unknown`.
 *
 * @param known - facts that windows were just computed from. A hold whose end takes effect between two readings
 * would otherwise be over in the snapshot and keep every window in it, and nothing would be waited for.
 */
export async function readSnapshot(
  sql: Sql,
  tenantId: string,
  known: TenantFacts | null = null,
): Promise<LifecycleSnapshot> {
  const facts = known ?? (await readTenantFacts(sql, tenantId));
  if (facts === null) return unknownTenant(await databaseNow(sql));
  const cohorts = await readCohorts(sql, tenantId);
  const counters = await readCounters(sql, tenantId);
  const events = await readOpenEvents(sql, tenantId);
  const scans = await readPendingScans(sql, tenantId);
  const due = cohorts.filter(
    ({ state, deleteNotBefore }) =>
      isWaiting(state) && deleteNotBefore !== null && deleteNotBefore <= facts.now,
  );
  const stop = await readStop(sql, tenantId, due);
  const requests = await readRequests(sql, facts, cohorts);
  return composeSnapshot({ facts, cohorts, counters, events, scans, stop, requests });
}

/** All due days of a tenant that are not over, by the instant from which they may be destroyed. */
export async function readDueDays(sql: Sql, tenantId: string): Promise<readonly DueDay[]> {
  return dueDaysOf(await readCohorts(sql, tenantId), { holds: await readHolds(sql, tenantId) });
}

/** Tenants that one statement asks about; more go in turns, so that the amount in memory stays bounded. */
const TENANTS_AT_ONCE = 250;

/** The same over some tenants, in a few statements for every 250 of them; tenant by tenant in the given order. */
export async function* readDueDaysOf(
  sql: Sql,
  tenantIds: readonly string[],
): AsyncGenerator<{ readonly tenantId: string; readonly dueDays: readonly DueDay[] }> {
  for (let at = 0; at < tenantIds.length; at += TENANTS_AT_ONCE) {
    const some = tenantIds.slice(at, at + TENANTS_AT_ONCE);
    const cohorts = await readCohortsOf(sql, some);
    const holds = await readHoldFacts(sql, some);
    for (const tenantId of some) {
      const facts = { holds: holds.get(tenantId) ?? [] };
      yield { tenantId, dueDays: dueDaysOf(cohorts.get(tenantId) ?? [], facts) };
    }
  }
}

/** What comes back comes first: what is archived anew is read from it. */
async function readOpenEvents(sql: Sql, tenantId: string): Promise<readonly OpenEvent[]> {
  const rows = await textRows(
    sql,
    `SELECT e.event_id, e.record_class, e.event_kind FROM events e
       LEFT JOIN event_closings c ON c.tenant_id = e.tenant_id AND c.event_id = e.event_id
      WHERE e.tenant_id = ? AND c.event_id IS NULL
      ORDER BY e.event_kind <> 'restore', e.recorded_at, e.event_id`,
    [tenantId],
  );
  return rows.map((row) => ({
    eventId: required(row, 'event_id'),
    recordClass: required(row, 'record_class') as RecordClass,
    kind: required(row, 'event_kind'),
  }));
}

async function readPendingScans(sql: Sql, tenantId: string): Promise<readonly WorkItem[]> {
  const rows = await textRows(
    sql,
    `SELECT o.scan_id, o.source FROM scan_orders o
       LEFT JOIN scan_results r ON r.tenant_id = o.tenant_id AND r.scan_id = o.scan_id
      WHERE o.tenant_id = ? AND r.scan_id IS NULL ORDER BY o.ordered_at, o.scan_id LIMIT ${CARRIED_MAX}`,
    [tenantId],
  );
  return rows.map((row) => ({
    kind: 'scan',
    scanId: required(row, 'scan_id'),
    summary: `scan of a ${required(row, 'source')}`,
  }));
}

async function readCounters(sql: Sql, tenantId: string): Promise<LifecycleSnapshot['counters']> {
  const row = await textRow(
    sql,
    `SELECT (SELECT COUNT(*) FROM commands WHERE tenant_id = ?) AS commands,
            (SELECT COUNT(*) FROM scan_results WHERE tenant_id = ? AND outcome = 'complete') AS scans,
            (SELECT COALESCE(SUM(redacted), 0) FROM scan_results WHERE tenant_id = ?) AS redacted,
            (SELECT COUNT(*) FROM refused_observations WHERE tenant_id = ?) AS refused,
            (SELECT COUNT(*) FROM cohort_states s JOIN cohorts c
               ON c.run_id = s.run_id AND c.due_on = s.due_on
              WHERE c.tenant_id = ? AND s.state = 'certified') AS certificates,
            (SELECT COUNT(*) FROM breaches WHERE tenant_id = ?) AS breaches`,
    [tenantId, tenantId, tenantId, tenantId, tenantId, tenantId],
  );
  const count = (column: string): number => Number(row?.[column] ?? 0);
  return {
    commands: count('commands'),
    scans: count('scans'),
    redactedValues: count('redacted'),
    refusedObservations: count('refused'),
    certificates: count('certificates'),
    breaches: count('breaches'),
  };
}
