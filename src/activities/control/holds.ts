import { LetheError } from '../../domain/errors';
import {
  orderedScope,
  type HoldAcknowledgement,
  type HoldScope,
  type PlaceHold,
} from '../../contracts/holds';
import type { Sql } from '../../contracts/sql';
import { assertPlaceHold } from '../../contracts/validate-hold';
import type { AcceptPorts } from './accept-command';
import { refreshTenant } from './refresh-tenant';
import { insertRow } from './command-context';
import { readGoneBefore } from './gone-before';
import { destroyedKeys, settleInterlock } from './interlock';
import { readHold, releaseStateOf, toScope } from './read-holds';
import { required, textRow, textRows, toInstant, toSqlTime } from './sql-text';
import { databaseNow } from './tenant-facts';

/** What placing and releasing holds needs. */
export type HoldPorts = Pick<
  AcceptPorts,
  'control' | 'keys' | 'unstamp' | 'pause' | 'ledger' | 'derive'
>;

/**
 * Places a legal hold: recorded with its interlocks in one transaction, acknowledged when no older
 * permit lives in control or in the key store. The answer names what was already gone, key by key and
 * batch by batch. A ground is taken only when one of the tenants in scope staged it as a ground.
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
      details: { ...evidenceOf(order, tenantId), placedAt, placedBy },
    });
    // Whoever looks next sees the windows under the hold, whether or not the tenant's process runs.
    await refreshTenant(ports, tenantId);
  }
  const gone = await readGoneBefore(ports, { holdId: order.holdId, tenants });
  const record = await readHold(ports.control, order.holdId);
  const releasesAt = record === null ? null : releaseStateOf(record).releasedAt;
  return { holdId: order.holdId, placedAt, alreadyDestroyed, ...gone, releasesAt };
}

/** What the evidence says of a hold over one tenant: ids and instants, so that a restore can put it back. */
function evidenceOf(order: PlaceHold, tenantId: string): Readonly<Record<string, unknown>> {
  const { holdId, matter, groundKind, owner, reviewOn } = order;
  const scopes = order.scopes.filter((scope) => scope.tenantId === tenantId);
  // Ids that somebody else chose stand in fields whose names say so; the ledger takes no free text.
  return { holdId, matterKey: matter, groundKind, ownedBy: owner, reviewOn, scopes };
}

/** A scope as its row has it, without the tenant. */
export const scopeColumns = (scope: HoldScope): Readonly<Record<string, string | null>> => ({
  record_class: scope.recordClass ?? null,
  hosting_service: scope.hostingService ?? null,
  asset_id: scope.assetId ?? null,
  collected_from: scope.collectedFrom === undefined ? null : toSqlTime(scope.collectedFrom),
  collected_to: scope.collectedTo === undefined ? null : toSqlTime(scope.collectedTo),
});

/** Text of a scope that is the same for equal scopes, however their instants are written. */
const scopeText = (scope: HoldScope): string =>
  JSON.stringify([scope.tenantId, ...Object.values(scopeColumns(scope))]);

/** The hold of that id as it was placed first; with other scopes it is another hold. */
async function findHold(
  sql: Sql,
  order: PlaceHold,
): Promise<{ readonly placedAt: string; readonly placedBy: string } | null> {
  const known = await textRow(sql, 'SELECT placed_at, placed_by FROM holds WHERE hold_id = ?', [
    order.holdId,
  ]);
  if (known === null) return null;
  const rows = await textRows(
    sql,
    `SELECT tenant_id, record_class, hosting_service, asset_id, collected_from, collected_to
       FROM hold_scopes WHERE hold_id = ?`,
    [order.holdId],
  );
  const placed = rows.map((row) => scopeText(orderedScope(toScope(row))));
  const asked = order.scopes.map(scopeText);
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
    matter: order.matter,
    ground_kind: order.groundKind,
    owner: order.owner,
  });
  await insertRow(sql, 'hold_grounds', { hold_id: order.holdId, ground });
  for (const [index, scope] of order.scopes.entries()) {
    await insertRow(sql, 'hold_scopes', {
      hold_id: order.holdId,
      scope_number: index + 1,
      tenant_id: scope.tenantId,
      ...scopeColumns(scope),
    });
  }
  for (const tenantId of tenants) await sql.execute('CALL bump_interlock(?)', [tenantId]);
  return now;
}
