import { LetheError } from '../../domain/errors';
import type { HoldAcknowledgement, HoldRelease, PlaceHold } from '../../contracts/holds';
import type { Sql } from '../../contracts/sql';
import { assertPlaceHold, assertRelease } from '../../contracts/validate-hold';
import { refreshTenant, type AcceptPorts } from './accept-command';
import { insertRow } from './command-context';
import { destroyedKeys, settleInterlock } from './interlock';
import { required, textRow, textRows, toInstant, toSqlTime } from './sql-text';
import { databaseNow } from './tenant-facts';

type HoldPorts = Pick<AcceptPorts, 'control' | 'keys' | 'unstamp' | 'pause' | 'ledger' | 'derive'>;

/**
 * Places a legal hold: recorded with its interlocks in one transaction, acknowledged when no older
 * permit lives in control or in the key store. The answer names what was already gone. A ground is taken
 * only when one of the tenants in scope staged it as a ground.
 *
 * @idempotency a hold that exists is settled and acknowledged again with its first instant.
 * @throws LetheError INVALID_INPUT when the review lies in the past or the ground is not there, is
 * somebody else's or is no ground; nothing is held then and nothing is erased.
 * @source CC-4
 */
export async function placeHold(ports: HoldPorts, order: PlaceHold): Promise<HoldAcknowledgement> {
  assertPlaceHold(order);
  const tenants = [...new Set(order.scopes.map((scope) => scope.tenantId))].sort();
  const { placedAt, placedBy } = await ports.control.transaction(async (sql) => {
    // Locks are taken in one order, so that two holds over the same tenants cannot wait for each other.
    for (const tenantId of tenants) await sql.execute('CALL lock_tenant(?)', [tenantId]);
    const known = await findHold(sql, order);
    if (known !== null) return known;
    return { placedAt: await insertHold(sql, order, tenants), placedBy: order.requestedBy };
  });
  for (const tenantId of tenants) await settleInterlock(ports, tenantId);
  await eraseGround(ports.control, order, tenants);
  const alreadyDestroyed: string[] = [];
  for (const tenantId of tenants) {
    alreadyDestroyed.push(...(await destroyedKeys(ports.keys, tenantId)));
    await ports.ledger.append({
      tenantId,
      kind: 'hold-placed',
      subject: `${order.holdId}/${tenantId}`,
      details: { holdId: order.holdId, placedAt, placedBy },
    });
    // Whoever looks next sees the windows under the hold, whether or not the tenant's process runs.
    await refreshTenant(ports, tenantId);
  }
  return { holdId: order.holdId, placedAt, alreadyDestroyed };
}

/**
 * Releases a hold: two different people. What it deferred becomes due again by the new window.
 *
 * @idempotency a released hold answers with its first release.
 * @throws LetheError UNKNOWN_HOLD, or INVALID_INPUT when one person tries it alone.
 */
export async function releaseHold(
  ports: HoldPorts,
  order: { readonly holdId: string; readonly requestedBy: string; readonly approvedBy: string },
): Promise<HoldRelease> {
  assertRelease({ requestedBy: order.requestedBy, approvedBy: order.approvedBy });
  const rows = await textRows(
    ports.control,
    'SELECT tenant_id FROM hold_scopes WHERE hold_id = ? ORDER BY tenant_id',
    [order.holdId],
  );
  const tenants = [...new Set(rows.map((row) => required(row, 'tenant_id')))];
  if (tenants.length === 0) {
    throw new LetheError('UNKNOWN_HOLD', 'holdId names no hold', { field: 'holdId' });
  }
  const release = await ports.control.transaction(async (sql) => {
    for (const tenantId of tenants) await sql.execute('CALL lock_tenant(?)', [tenantId]);
    return insertRelease(sql, order, tenants);
  });
  for (const tenantId of tenants) {
    await settleInterlock(ports, tenantId);
    await ports.ledger.append({
      tenantId,
      kind: 'hold-released',
      subject: `${order.holdId}/${tenantId}`,
      details: { holdId: order.holdId, ...release },
    });
    await refreshTenant(ports, tenantId);
  }
  return { holdId: order.holdId, releasedAt: release.releasedAt };
}

/** The hold of that id as it was placed first; with other scopes it is another hold. */
async function findHold(
  sql: Sql,
  order: PlaceHold,
): Promise<{ readonly placedAt: string; readonly placedBy: string } | null> {
  const known = await textRow(sql, 'SELECT placed_at, placed_by FROM holds WHERE hold_id = ?', [
    order.holdId,
  ]);
  if (known === null) return null;
  const scopes = await textRows(
    sql,
    'SELECT tenant_id, record_class FROM hold_scopes WHERE hold_id = ?',
    [order.holdId],
  );
  const placed = scopes.map((row) => `${required(row, 'tenant_id')} ${row['record_class'] ?? ''}`);
  const asked = order.scopes.map((scope) => `${scope.tenantId} ${scope.recordClass ?? ''}`);
  if (JSON.stringify(placed.sort()) !== JSON.stringify(asked.sort())) {
    throw new LetheError('IDEMPOTENCY_CONFLICT', 'holdId is taken by a hold with other scopes', {
      field: 'holdId',
    });
  }
  return {
    placedAt: toInstant(required(known, 'placed_at')),
    placedBy: required(known, 'placed_by'),
  };
}

/** Length of the date at the beginning of an instant. */
const DATE_LENGTH = '2026-12-31'.length;

/** The ground, if a tenant in scope staged it as one; null for every other body. */
async function stagedGround(
  sql: Sql,
  { ground }: PlaceHold,
  tenants: readonly string[],
): Promise<string | null> {
  const row = await textRow(
    sql,
    `SELECT tenant_id, body FROM staging
      WHERE staging_id = ? AND digest = ? AND purpose = 'hold-ground'`,
    [ground.stagingId, ground.digest],
  );
  return row !== null && tenants.includes(required(row, 'tenant_id'))
    ? required(row, 'body')
    : null;
}

/** Erases the ground once the hold has it; a repetition that names another body erases nothing. */
async function eraseGround(sql: Sql, order: PlaceHold, tenants: readonly string[]): Promise<void> {
  if ((await stagedGround(sql, order, tenants)) === null) return;
  await sql.execute('CALL erase_staging(?)', [order.ground.stagingId]);
}

async function insertHold(sql: Sql, order: PlaceHold, tenants: readonly string[]): Promise<string> {
  const ground = await stagedGround(sql, order, tenants);
  if (ground === null) {
    throw new LetheError(
      'INVALID_INPUT',
      'ground.stagingId names no ground of a tenant in scope with that digest; stage it again',
      { field: 'ground.stagingId' },
    );
  }
  const now = await databaseNow(sql);
  if (order.reviewOn < now.slice(0, DATE_LENGTH)) {
    throw new LetheError('INVALID_INPUT', 'reviewOn must not lie in the past', {
      field: 'reviewOn',
    });
  }
  await insertRow(sql, 'holds', {
    hold_id: order.holdId,
    placed_at: toSqlTime(now),
    placed_by: order.requestedBy,
    review_on: order.reviewOn,
    ground_digest: order.ground.digest,
  });
  await insertRow(sql, 'hold_grounds', { hold_id: order.holdId, ground });
  for (const [index, scope] of order.scopes.entries()) {
    await insertRow(sql, 'hold_scopes', {
      hold_id: order.holdId,
      scope_number: index + 1,
      tenant_id: scope.tenantId,
      record_class: scope.recordClass ?? null,
    });
  }
  for (const tenantId of tenants) await sql.execute('CALL bump_interlock(?)', [tenantId]);
  return now;
}

/** A release as it was made first. */
interface Release {
  readonly releasedAt: string;
  readonly releasedBy: string;
  readonly approvedBy: string;
}

async function insertRelease(
  sql: Sql,
  order: { readonly holdId: string; readonly requestedBy: string; readonly approvedBy: string },
  tenants: readonly string[],
): Promise<Release> {
  const known = await textRow(
    sql,
    'SELECT released_at, released_by, approved_by FROM hold_releases WHERE hold_id = ?',
    [order.holdId],
  );
  if (known !== null) {
    return {
      releasedAt: toInstant(required(known, 'released_at')),
      releasedBy: required(known, 'released_by'),
      approvedBy: required(known, 'approved_by'),
    };
  }
  const now = await databaseNow(sql);
  await insertRow(sql, 'hold_releases', {
    hold_id: order.holdId,
    released_at: toSqlTime(now),
    released_by: order.requestedBy,
    approved_by: order.approvedBy,
  });
  for (const tenantId of tenants) await sql.execute('CALL bump_interlock(?)', [tenantId]);
  return { releasedAt: now, releasedBy: order.requestedBy, approvedBy: order.approvedBy };
}
