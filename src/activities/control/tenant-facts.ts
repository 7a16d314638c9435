import { cohortName, type HoldReach } from '../../domain/hold-scope';
import type { RecordClass } from '../../domain/record-class';
import type { Sql } from '../../contracts/sql';
import { readPoliciesSince } from './policy-in-force';
import { REVIEW_ON, toScope } from './read-holds';
import { places, required, textRow, textRows, toInstant, toInstantOrNull } from './sql-text';

/** A period of use of a Hosting Service or of the Feature. */
export interface UsePeriod {
  readonly subscriptionId: string;
  readonly subject: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
}

/** A deletion request and what became of it. */
export interface RequestFact {
  readonly requestId: string;
  readonly recordClass: RecordClass;
  readonly receivedAt: string;
  readonly withdrawnAt: string | null;
  /** The approved order in force that covers it; null while there is none. */
  readonly orderId: string | null;
}

/** One scope of a hold over the tenant. */
export interface HoldFact extends HoldReach {
  readonly holdId: string;
  readonly placedAt: string;
  /** When it ended; null while it is in force, also when its release was approved already. */
  readonly releasedAt: string | null;
  /** When an approved release takes effect, or has in this very moment; null without one, and when it is over. */
  readonly releasesAt: string | null;
  readonly reviewOn: string;
}

/** Everything recorded about a tenant that deadlines depend on; instants UTC with microseconds. */
export interface TenantFacts {
  readonly tenantId: string;
  readonly now: string;
  readonly zone: string;
  readonly calendars: readonly string[];
  /** Versions of the policy in force since the tenant subscribed, the oldest first. */
  readonly policyVersions: readonly number[];
  readonly periods: readonly UsePeriod[];
  readonly requests: readonly RequestFact[];
  readonly holds: readonly HoldFact[];
  readonly attestedJurisdictions: readonly string[];
  /** A jurisdiction whose attestation was withdrawn and not given again. */
  readonly attestationWithdrawn: boolean;
  readonly generation: number;
}

/** The database's clock. */
export async function databaseNow(sql: Sql): Promise<string> {
  const row = await textRow(sql, 'SELECT lethe_now() AS now');
  if (row === null) throw new Error('the database told no time');
  return toInstant(required(row, 'now'));
}

/** Reads a tenant's facts; null when it never subscribed. */
export async function readTenantFacts(sql: Sql, tenantId: string): Promise<TenantFacts | null> {
  const tenant = await textRow(
    sql,
    'SELECT zone, calendars, policy_version FROM tenants WHERE tenant_id = ?',
    [tenantId],
  );
  if (tenant === null) return null;
  const generation = await textRow(
    sql,
    'SELECT MAX(generation) AS newest FROM configuration_generations WHERE tenant_id = ?',
    [tenantId],
  );
  return {
    tenantId,
    now: await databaseNow(sql),
    zone: required(tenant, 'zone'),
    calendars: required(tenant, 'calendars').split(','),
    policyVersions: await readPoliciesSince(sql, Number(required(tenant, 'policy_version'))),
    periods: await readPeriods(sql, tenantId),
    requests: await readRequests(sql, tenantId),
    holds: await readHolds(sql, tenantId),
    ...(await readAttestations(sql, tenantId)),
    generation: Number(generation?.['newest'] ?? 0),
  };
}

async function readPeriods(sql: Sql, tenantId: string): Promise<readonly UsePeriod[]> {
  const rows = await textRows(
    sql,
    `SELECT s.subscription_id, s.subject, s.started_at, e.ended_at FROM subscriptions s
       LEFT JOIN subscription_ends e
         ON e.tenant_id = s.tenant_id AND e.subscription_id = s.subscription_id
      WHERE s.tenant_id = ? ORDER BY s.started_at, s.subscription_id`,
    [tenantId],
  );
  return rows.map((row) => ({
    subscriptionId: required(row, 'subscription_id'),
    subject: required(row, 'subject'),
    startedAt: toInstant(required(row, 'started_at')),
    endedAt: toInstantOrNull(row['ended_at']),
  }));
}

async function readRequests(sql: Sql, tenantId: string): Promise<readonly RequestFact[]> {
  const rows = await textRows(
    sql,
    `SELECT r.request_id, r.record_class, r.received_at, w.withdrawn_at,
            order_for_request(r.tenant_id, r.request_id, r.record_class, lethe_now()) AS order_id
       FROM deletion_requests r
       LEFT JOIN deletion_withdrawals w
         ON w.tenant_id = r.tenant_id AND w.request_id = r.request_id
      WHERE r.tenant_id = ? ORDER BY r.received_at, r.request_id`,
    [tenantId],
  );
  return rows.map((row) => ({
    requestId: required(row, 'request_id'),
    recordClass: required(row, 'record_class') as RecordClass,
    receivedAt: toInstant(required(row, 'received_at')),
    withdrawnAt: toInstantOrNull(row['withdrawn_at']),
    orderId: row['order_id'] ?? null,
  }));
}

/** Every scope of a hold over the tenant, in the order of placement. */
export async function readHolds(sql: Sql, tenantId: string): Promise<readonly HoldFact[]> {
  return (await readHoldFacts(sql, [tenantId])).get(tenantId) ?? [];
}

/** Every scope of a hold over some tenants, in the order of placement; tenants without any are left out. */
export async function readHoldFacts(
  sql: Sql,
  tenantIds: readonly string[],
): Promise<ReadonlyMap<string, readonly HoldFact[]>> {
  const rows = await textRows(
    sql,
    `SELECT c.tenant_id, c.hold_id, c.record_class, c.hosting_service, c.asset_id, c.collected_from,
            c.collected_to, h.placed_at, ${REVIEW_ON} AS review_on,
            (SELECT MIN(e.released_at) FROM released_holds e WHERE e.hold_id = c.hold_id) AS released_at,
            (SELECT MIN(a.released_at) FROM hold_releases a
              WHERE a.hold_id = c.hold_id
                AND LOWER(CONVERT(a.released_by USING utf8mb4)) <> LOWER(CONVERT(a.approved_by USING utf8mb4))
                AND NOT EXISTS (SELECT 1 FROM hold_release_withdrawals w
                  WHERE w.hold_id = a.hold_id AND w.request_number = a.request_number)) AS releases_at
       FROM hold_scopes c
       JOIN holds h ON h.hold_id = c.hold_id
      WHERE c.tenant_id IN (${places(tenantIds)}) ORDER BY h.placed_at, h.hold_id, c.scope_number`,
    tenantIds,
  );
  const reliefs = await readReliefs(sql, tenantIds);
  const isNarrow = rows.some((row) => row['asset_id'] !== null);
  const runs = isNarrow ? await runsOfAssets(sql, tenantIds) : null;
  const found = new Map<string, HoldFact[]>();
  for (const row of rows) {
    const tenantId = required(row, 'tenant_id');
    const holdId = required(row, 'hold_id');
    const { recordClass, hostingService, assetId, collectedFrom, collectedTo } = toScope(row);
    const releasedAt = toInstantOrNull(row['released_at']);
    const fact: HoldFact = {
      ...{ holdId, recordClass, hostingService, collectedFrom, collectedTo },
      assetRuns: assetId === null ? null : (runs?.get(`${tenantId} ${assetId}`) ?? []),
      relieved: reliefs.get(`${tenantId} ${holdId}`) ?? [],
      placedAt: toInstant(required(row, 'placed_at')),
      releasedAt,
      releasesAt: releasedAt === null ? toInstantOrNull(row['releases_at']) : null,
      reviewOn: required(row, 'review_on'),
    };
    found.set(tenantId, [...(found.get(tenantId) ?? []), fact]);
  }
  return found;
}

/** Cohorts that no longer fall under a hold, by tenant and hold: what it covers of them is withheld and verified. */
async function readReliefs(
  sql: Sql,
  tenantIds: readonly string[],
): Promise<ReadonlyMap<string, string[]>> {
  const rows = await textRows(
    sql,
    `SELECT tenant_id, hold_id, run_id, due_on FROM cohort_reliefs
      WHERE tenant_id IN (${places(tenantIds)})`,
    tenantIds,
  );
  const reliefs = new Map<string, string[]>();
  for (const row of rows) {
    const name = `${required(row, 'tenant_id')} ${required(row, 'hold_id')}`;
    const known = reliefs.get(name) ?? [];
    known.push(cohortName({ runId: required(row, 'run_id'), dueOn: required(row, 'due_on') }));
    reliefs.set(name, known);
  }
  return reliefs;
}

/**
 * For every asset that a hold names, by tenant and asset: runs that sealed something of it, and those of which nobody
 * knows the assets.
 */
async function runsOfAssets(
  sql: Sql,
  tenantIds: readonly string[],
): Promise<ReadonlyMap<string, string[]>> {
  const rows = await textRows(
    sql,
    `SELECT c.tenant_id, c.asset_id, r.run_id
       FROM (SELECT DISTINCT tenant_id, asset_id FROM hold_scopes
              WHERE tenant_id IN (${places(tenantIds)}) AND asset_id IS NOT NULL) c
       JOIN runs r ON r.tenant_id = c.tenant_id
      WHERE EXISTS (SELECT 1 FROM run_assets a WHERE a.run_id = r.run_id AND a.asset_id = c.asset_id)
         OR NOT EXISTS (SELECT 1 FROM run_assets a WHERE a.run_id = r.run_id)`,
    tenantIds,
  );
  const runs = new Map<string, string[]>();
  for (const row of rows) {
    const name = `${required(row, 'tenant_id')} ${required(row, 'asset_id')}`;
    const known = runs.get(name) ?? [];
    known.push(required(row, 'run_id'));
    runs.set(name, known);
  }
  return runs;
}

async function readAttestations(
  sql: Sql,
  tenantId: string,
): Promise<Pick<TenantFacts, 'attestedJurisdictions' | 'attestationWithdrawn'>> {
  const rows = await textRows(
    sql,
    `SELECT a.jurisdiction, w.withdrawn_at FROM attestations a
       LEFT JOIN attestation_withdrawals w
         ON w.tenant_id = a.tenant_id AND w.attestation_id = a.attestation_id
      WHERE a.tenant_id = ?`,
    [tenantId],
  );
  const standing = new Set(
    rows.filter((row) => row['withdrawn_at'] === null).map((row) => required(row, 'jurisdiction')),
  );
  return {
    attestedJurisdictions: [...standing].sort(),
    attestationWithdrawn: rows.some((row) => !standing.has(required(row, 'jurisdiction'))),
  };
}

/** Hosting Services in use now. */
export const activeServices = (facts: TenantFacts): readonly string[] => [
  ...new Set(
    facts.periods
      .filter((period) => period.subject !== 'Feature' && period.endedAt === null)
      .map((period) => period.subject),
  ),
];

/** The open period of `subject`, if it is in use. */
export const openPeriod = (facts: TenantFacts, subject: string): UsePeriod | undefined =>
  facts.periods.find((period) => period.subject === subject && period.endedAt === null);
