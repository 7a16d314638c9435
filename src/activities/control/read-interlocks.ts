import type { RecordClass } from '../../domain/record-class';
import type { FreezeRecord, HoldRecord } from '../../contracts/control-reader';
import type { Sql, SqlValue } from '../../contracts/sql';
import { required, textRows, toInstant, toInstantOrNull, type TextRow } from './sql-text';

/** How many different people lift a freeze; the permit procedures count the same. */
const LIFTS_NEEDED = 2;

const HOLDS = `
  SELECT h.hold_id, h.placed_at, h.placed_by, h.review_on, h.ground_digest,
         s.tenant_id, s.record_class, r.released_at, r.released_by, r.approved_by
    FROM holds h
    JOIN hold_scopes s ON s.hold_id = h.hold_id
    LEFT JOIN hold_releases r ON r.hold_id = h.hold_id`;

/** Holds that cover the tenant, released ones too, in the order of placement. */
export async function readHoldsOf(sql: Sql, tenantId: string): Promise<readonly HoldRecord[]> {
  return readHolds(
    sql,
    'WHERE h.hold_id IN (SELECT c.hold_id FROM hold_scopes c WHERE c.tenant_id = ?)',
    tenantId,
  );
}

/** One hold, or null. */
export async function readHold(sql: Sql, holdId: string): Promise<HoldRecord | null> {
  return (await readHolds(sql, 'WHERE h.hold_id = ?', holdId))[0] ?? null;
}

async function readHolds(sql: Sql, where: string, id: string): Promise<readonly HoldRecord[]> {
  const rows = await textRows(
    sql,
    `${HOLDS} ${where} ORDER BY h.placed_at, h.hold_id, s.scope_number`,
    [id],
  );
  const holds = new Map<string, TextRow[]>();
  for (const row of rows) {
    const holdId = required(row, 'hold_id');
    holds.set(holdId, [...(holds.get(holdId) ?? []), row]);
  }
  return [...holds.values()].map(toHold);
}

function toHold(rows: readonly TextRow[]): HoldRecord {
  const [first] = rows;
  if (first === undefined) throw new Error('a group of rows is never empty');
  const releasedAt = toInstantOrNull(first['released_at']);
  return {
    holdId: required(first, 'hold_id'),
    placedAt: toInstant(required(first, 'placed_at')),
    placedBy: required(first, 'placed_by'),
    reviewOn: required(first, 'review_on'),
    groundDigest: required(first, 'ground_digest'),
    scopes: rows.map((row) => ({
      tenantId: required(row, 'tenant_id'),
      recordClass: (row['record_class'] ?? null) as RecordClass | null,
    })),
    release:
      releasedAt === null
        ? null
        : {
            releasedAt,
            releasedBy: required(first, 'released_by'),
            approvedBy: required(first, 'approved_by'),
          },
  };
}

/** Freezes over everything and, when a tenant is named, over that tenant; lifted ones too. */
export async function readFreezes(sql: Sql, tenantId?: string): Promise<readonly FreezeRecord[]> {
  const scopes: readonly SqlValue[] = tenantId === undefined ? ['global'] : ['global', tenantId];
  return selectFreezes(sql, `WHERE f.scope IN (${scopes.map(() => '?').join(', ')})`, scopes);
}

/** One freeze, or null. */
export async function readFreeze(sql: Sql, freezeId: string): Promise<FreezeRecord | null> {
  return (await selectFreezes(sql, 'WHERE f.freeze_id = ?', [freezeId]))[0] ?? null;
}

async function selectFreezes(
  sql: Sql,
  where: string,
  params: readonly SqlValue[],
): Promise<readonly FreezeRecord[]> {
  const rows = await textRows(
    sql,
    `SELECT f.freeze_id, f.scope, f.placed_at, f.placed_by, l.lifted_by,
            r.requested_by, r.reason, r.requested_at, r.expires_at, r.expires_at > lethe_now() AS lives
       FROM freezes f
       LEFT JOIN freeze_lift_requests r ON r.freeze_id = f.freeze_id AND r.request_number = (
         SELECT MAX(n.request_number) FROM freeze_lift_requests n WHERE n.freeze_id = f.freeze_id)
       LEFT JOIN freeze_lifts l ON l.freeze_id = f.freeze_id
      ${where} ORDER BY f.placed_at, f.freeze_id, l.lifted_at, l.lifted_by <> r.requested_by, l.lifted_by`,
    params,
  );
  const freezes = new Map<string, FreezeRecord>();
  for (const row of rows) {
    const freezeId = required(row, 'freeze_id');
    const lifter = row['lifted_by'] ?? null;
    const liftedBy = [
      ...(freezes.get(freezeId)?.liftedBy ?? []),
      ...(lifter === null ? [] : [lifter]),
    ];
    freezes.set(freezeId, {
      freezeId,
      scope: required(row, 'scope'),
      placedAt: toInstant(required(row, 'placed_at')),
      placedBy: required(row, 'placed_by'),
      liftedBy,
      inForce: liftedBy.length < LIFTS_NEEDED,
      request: toRequest(row),
    });
  }
  return [...freezes.values()];
}

function toRequest(row: TextRow): FreezeRecord['request'] {
  if ((row['requested_by'] ?? null) === null) return null;
  return {
    requestedBy: required(row, 'requested_by'),
    reason: required(row, 'reason'),
    requestedAt: toInstant(required(row, 'requested_at')),
    expiresAt: toInstant(required(row, 'expires_at')),
    expired: row['lives'] !== '1',
  };
}
