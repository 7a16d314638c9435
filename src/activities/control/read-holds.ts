import type { HostingService, RecordClass } from '../../domain/record-class';
import { isDueForReview } from '../../domain/hold-scope';
import type { HoldFilter, HoldList, HoldRecord } from '../../contracts/control-reader';
import type { GroundKind, ReleaseState } from '../../contracts/holds';
import type { Sql, SqlValue } from '../../contracts/sql';
import { places, required, textRows, toInstant, toInstantOrNull, type TextRow } from './sql-text';

/** The day on which somebody must look at a hold `h`: the last one that was set. */
export const REVIEW_ON = `COALESCE((SELECT v.next_review_on FROM hold_reviews v
   WHERE v.hold_id = h.hold_id ORDER BY v.review_number DESC LIMIT 1), h.review_on)`;

const HOLDS = `
  SELECT h.hold_id, h.placed_at, h.placed_by, ${REVIEW_ON} AS review_on, h.ground_digest,
         h.matter, h.ground_kind, h.owner, lethe_now() AS now,
         s.tenant_id, s.record_class, s.hosting_service, s.asset_id, s.collected_from, s.collected_to
    FROM holds h
    JOIN hold_scopes s ON s.hold_id = h.hold_id`;

/** Holds that cover the tenant, released ones too, in the order of placement. */
export async function readHoldsOf(sql: Sql, tenantId: string): Promise<readonly HoldRecord[]> {
  return readHolds(
    sql,
    'h.hold_id IN (SELECT c.hold_id FROM hold_scopes c WHERE c.tenant_id = ?)',
    [tenantId],
  );
}

/** One hold, or null. */
export async function readHold(sql: Sql, holdId: string): Promise<HoldRecord | null> {
  return (await readHolds(sql, 'h.hold_id = ?', [holdId]))[0] ?? null;
}

/** How many holds one list has at most; the rest comes behind `next`. */
const LIST_MAX = 500;

/** Holds over all tenants in the order of their ids. */
export async function listHolds(sql: Sql, filter: HoldFilter): Promise<HoldList> {
  const wanted = ['h.hold_id > ?'];
  const params: SqlValue[] = [filter.after ?? ''];
  if (filter.tenantId !== undefined) {
    wanted.push('h.hold_id IN (SELECT c.hold_id FROM hold_scopes c WHERE c.tenant_id = ?)');
    params.push(filter.tenantId);
  }
  if (filter.inForce === true || filter.dueForReview === true) wanted.push(IN_FORCE);
  if (filter.dueForReview === true) wanted.push(DUE_FOR_REVIEW);
  const rows = await textRows(
    sql,
    `SELECT h.hold_id FROM holds h WHERE ${wanted.join(' AND ')}
      ORDER BY h.hold_id LIMIT ${LIST_MAX + 1}`,
    params,
  );
  const ids = rows.slice(0, LIST_MAX).map((row) => required(row, 'hold_id'));
  if (ids.length === 0) return { holds: [], next: null };
  const holds = await readHolds(sql, `h.hold_id IN (${places(ids)})`, ids);
  return { holds, next: rows.length > LIST_MAX ? (ids.at(-1) ?? null) : null };
}

/** A hold `h` that no two people have released, or whose release has not taken effect. */
export const IN_FORCE = `NOT EXISTS (SELECT 1 FROM released_holds e WHERE e.hold_id = h.hold_id)`;
/** A hold `h` whose day of review has come, in UTC. */
export const DUE_FOR_REVIEW = `${REVIEW_ON} <= DATE_FORMAT(lethe_now(), '%Y-%m-%d')`;

async function readHolds(
  sql: Sql,
  where: string,
  params: readonly SqlValue[],
): Promise<readonly HoldRecord[]> {
  const rows = await textRows(
    sql,
    `${HOLDS} WHERE ${where} ORDER BY h.placed_at, h.hold_id, s.scope_number`,
    params,
  );
  const holds = groupedBy(rows);
  if (holds.size === 0) return [];
  const ids = [...holds.keys()];
  const approvals = groupedBy(await textRows(sql, APPROVALS(ids), ids));
  const requests = groupedBy(await textRows(sql, REQUESTS(ids), ids));
  return [...holds].map(([holdId, scopes]) =>
    toHold(scopes, approvals.get(holdId)?.[0], requests.get(holdId)?.[0]),
  );
}

const NOT_WITHDRAWN = (alias: string): string =>
  `NOT EXISTS (SELECT 1 FROM hold_release_withdrawals w
     WHERE w.hold_id = ${alias}.hold_id AND w.request_number = ${alias}.request_number)`;

const APPROVALS = (ids: readonly string[]): string =>
  `SELECT r.hold_id, r.released_at, r.released_by, r.approved_by,
          COALESCE(r.approved_at, r.released_at) AS approved_at, r.released_at <= lethe_now() AS is_over
     FROM hold_releases r WHERE r.hold_id IN (${places(ids)}) AND ${NOT_WITHDRAWN('r')}
    ORDER BY r.hold_id, r.released_at, r.request_number`;

const REQUESTS = (ids: readonly string[]): string =>
  `SELECT q.hold_id, q.requested_by, q.requested_at, q.expires_at FROM hold_release_requests q
    WHERE q.hold_id IN (${places(ids)}) AND q.expires_at > lethe_now() AND ${NOT_WITHDRAWN('q')}
    ORDER BY q.hold_id, q.request_number DESC`;

function groupedBy(rows: readonly TextRow[]): Map<string, TextRow[]> {
  const groups = new Map<string, TextRow[]>();
  for (const row of rows) {
    const holdId = required(row, 'hold_id');
    const group = groups.get(holdId) ?? [];
    group.push(row);
    groups.set(holdId, group);
  }
  return groups;
}

function toHold(
  rows: readonly TextRow[],
  approval: TextRow | undefined,
  request: TextRow | undefined,
): HoldRecord {
  const [first] = rows;
  if (first === undefined) throw new Error('a group of rows is never empty');
  const isOver = approval?.['is_over'] === '1';
  const reviewOn = required(first, 'review_on');
  return {
    holdId: required(first, 'hold_id'),
    placedAt: toInstant(required(first, 'placed_at')),
    placedBy: required(first, 'placed_by'),
    reviewOn,
    needsReview: !isOver && isDueForReview(reviewOn, toInstant(required(first, 'now'))),
    matter: first['matter'] ?? null,
    groundKind: (first['ground_kind'] ?? null) as GroundKind | null,
    owner: first['owner'] ?? null,
    groundDigest: required(first, 'ground_digest'),
    scopes: rows.map(toScope),
    ...endOf(approval, request),
  };
}

/** What people decided about its end: at most one of request, approval and release is there. */
function endOf(
  approval: TextRow | undefined,
  request: TextRow | undefined,
): Pick<HoldRecord, 'request' | 'approved' | 'release'> {
  if (approval === undefined) {
    return {
      request: request === undefined ? null : toRequest(request),
      ...{ approved: null, release: null },
    };
  }
  const release = toRelease(approval);
  if (approval['is_over'] === '1') return { request: null, approved: null, release };
  const approvedAt = toInstant(required(approval, 'approved_at'));
  return { request: null, approved: { ...release, approvedAt }, release: null };
}

/** One scope of a hold as a row has it. */
export function toScope(row: TextRow): HoldRecord['scopes'][number] {
  return {
    tenantId: required(row, 'tenant_id'),
    recordClass: (row['record_class'] ?? null) as RecordClass | null,
    hostingService: (row['hosting_service'] ?? null) as HostingService | null,
    assetId: row['asset_id'] ?? null,
    collectedFrom: toInstantOrNull(row['collected_from']),
    collectedTo: toInstantOrNull(row['collected_to']),
  };
}

const toRequest = (row: TextRow): NonNullable<HoldRecord['request']> => ({
  requestedBy: required(row, 'requested_by'),
  requestedAt: toInstant(required(row, 'requested_at')),
  expiresAt: toInstant(required(row, 'expires_at')),
});

const toRelease = (row: TextRow): NonNullable<HoldRecord['release']> => ({
  releasedAt: toInstant(required(row, 'released_at')),
  releasedBy: required(row, 'released_by'),
  approvedBy: required(row, 'approved_by'),
});

/** How far the release of a hold is. */
export function releaseStateOf(hold: HoldRecord): ReleaseState {
  const { holdId, request, approved, release } = hold;
  const decided = release ?? approved;
  return {
    holdId,
    state: stageOf(hold),
    request,
    requestedBy: request?.requestedBy ?? decided?.releasedBy ?? null,
    approvedBy: decided?.approvedBy ?? null,
    releasedAt: decided?.releasedAt ?? null,
  };
}

function stageOf({ request, approved, release }: HoldRecord): ReleaseState['state'] {
  if (release !== null) return 'released';
  if (approved !== null) return 'release-approved';
  return request === null ? 'in-force' : 'release-requested';
}
