import type { Sql } from '../../contracts/sql';
import { required, textRows, toInstant, toInstantOrNull } from '../control/sql-text';

/** A use of a Hosting Service that has begun; `endedAt` null while it goes on. */
export interface ServiceUse {
  readonly subscriptionId: string;
  readonly service: string;
  readonly endedAt: string | null;
  /** When the end became known; dispositions planned later know it. */
  readonly endRecordedAt: string | null;
}

/** A deletion request for asset data, withdrawn or not. */
export interface AssetRequest {
  readonly requestId: string;
  readonly receivedAt: string;
  readonly withdrawn: boolean;
}

/** An event whose disposition was planned, or closed because nothing was there. */
export interface PlannedEvent {
  readonly kind: string;
  readonly ref: string;
  readonly plannedAt: string;
}

/** What decides whether an observation still belongs among the live data. */
export interface IngestFacts {
  readonly uses: readonly ServiceUse[];
  readonly requests: readonly AssetRequest[];
  readonly planned: readonly PlannedEvent[];
}

/**
 * Reads the facts. After the attempt has started: its start waits for every command that is being
 * accepted, so a request or an end with an earlier instant is always among them.
 */
export async function readIngestFacts(control: Sql, tenantId: string): Promise<IngestFacts> {
  return {
    uses: await readUses(control, tenantId),
    requests: await readRequests(control, tenantId),
    planned: await readPlanned(control, tenantId),
  };
}

/** Hosting Services in use now. */
export async function readServicesInUse(
  control: Sql,
  tenantId: string,
): Promise<readonly string[]> {
  return servicesInUse(await readUses(control, tenantId));
}

/** Of these uses, the services that go on. */
export const servicesInUse = (uses: readonly ServiceUse[]): readonly string[] => [
  ...new Set(uses.filter((use) => use.endedAt === null).map((use) => use.service)),
];

async function readUses(control: Sql, tenantId: string): Promise<readonly ServiceUse[]> {
  const rows = await textRows(
    control,
    `SELECT s.subscription_id, s.subject, e.ended_at, e.recorded_at FROM subscriptions s
       LEFT JOIN subscription_ends e
         ON e.tenant_id = s.tenant_id AND e.subscription_id = s.subscription_id
      WHERE s.tenant_id = ? AND s.subject <> 'Feature'`,
    [tenantId],
  );
  return rows.map((row) => ({
    subscriptionId: required(row, 'subscription_id'),
    service: required(row, 'subject'),
    endedAt: toInstantOrNull(row['ended_at']),
    endRecordedAt: toInstantOrNull(row['recorded_at']),
  }));
}

async function readRequests(control: Sql, tenantId: string): Promise<readonly AssetRequest[]> {
  const rows = await textRows(
    control,
    `SELECT r.request_id, r.received_at, w.withdrawn_at FROM deletion_requests r
       LEFT JOIN deletion_withdrawals w
         ON w.tenant_id = r.tenant_id AND w.request_id = r.request_id
      WHERE r.tenant_id = ? AND r.record_class = 'asset-basic-data'`,
    [tenantId],
  );
  return rows.map((row) => ({
    requestId: required(row, 'request_id'),
    receivedAt: toInstant(required(row, 'received_at')),
    withdrawn: row['withdrawn_at'] !== null,
  }));
}

async function readPlanned(control: Sql, tenantId: string): Promise<readonly PlannedEvent[]> {
  const rows = await textRows(
    control,
    `SELECT e.event_kind, e.event_ref, r.created_at AS planned_at FROM events e
       JOIN runs r ON r.tenant_id = e.tenant_id AND r.event_id = e.event_id
      WHERE e.tenant_id = ? AND e.record_class = 'asset-basic-data'
      UNION ALL
     SELECT e.event_kind, e.event_ref, c.closed_at FROM events e
       JOIN event_closings c ON c.tenant_id = e.tenant_id AND c.event_id = e.event_id
      WHERE e.tenant_id = ? AND e.record_class = 'asset-basic-data'`,
    [tenantId, tenantId],
  );
  return rows.map((row) => ({
    kind: required(row, 'event_kind'),
    ref: required(row, 'event_ref'),
    plannedAt: toInstant(required(row, 'planned_at')),
  }));
}
