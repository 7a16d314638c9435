import type { FreezeRecord } from '../../contracts/control-reader';
import type { Sql, SqlValue } from '../../contracts/sql';
import { required, textRows, toInstant, type TextRow } from './sql-text';

/** How many different people lift a freeze; the permit procedures count the same. */
const LIFTS_NEEDED = 2;

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
