import { LetheError } from '../../domain/errors';
import { isId } from '../../domain/identifiers';
import { matching, objectOf, refuse } from '../../contracts/field-checks';
import type { Sql } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import { insertRow } from './command-context';
import { settleInterlock, type InterlockPorts } from './interlock';
import { LIFTS_NEEDED } from './read-interlocks';
import { required, textRow, textRows, toInstant, toSqlTime } from './sql-text';
import { databaseNow } from './tenant-facts';

/** Stores that a freeze is recorded in and takes effect in. */
export interface FreezePorts extends InterlockPorts {
  readonly ledger: EvidenceLedger;
}

/** Order to stop every destruction, of one tenant or of all. */
export interface PlaceFreeze {
  /** `fz_` and 16 to 40 lower-case letters or digits. */
  readonly freezeId: string;
  /** `global`, or a tenant id. */
  readonly scope: string;
  readonly placedBy: string;
}

/** A freeze that is in force. */
export interface PlacedFreeze {
  readonly freezeId: string;
  readonly scope: string;
  readonly placedAt: string;
}

/** What has become of a freeze after somebody lifted it. */
export interface LiftedFreeze {
  readonly freezeId: string;
  readonly scope: string;
  readonly liftedBy: readonly string[];
  /** True until a second person has lifted it too. */
  readonly inForce: boolean;
}

const freezeId = matching(
  /^fz_[0-9a-z]{16,40}$/,
  'must be fz_ followed by 16 to 40 lower-case letters or digits',
);
const actor = matching(
  /^[0-9A-Za-z][0-9A-Za-z_.:-]{0,63}$/,
  'must be an opaque id of 1 to 64 characters',
);
const scope = (value: unknown, field: string): void => {
  if (value !== 'global' && !isId('TenantId', value)) {
    refuse('INVALID_INPUT', field, 'must be global or a tenant id');
  }
};

/**
 * Freezes destruction: recorded with its interlock in one transaction, acknowledged when no older permit
 * lives in control or in the key store. It needs no process and no workflow engine, and it does not move
 * a deadline: what falls due under it is missed and shown.
 *
 * @idempotency a freeze that exists is settled and acknowledged again with its first instant.
 * @throws LetheError UNKNOWN_TENANT, or IDEMPOTENCY_CONFLICT when the id stands for another scope.
 */
export async function placeFreeze(ports: FreezePorts, order: PlaceFreeze): Promise<PlacedFreeze> {
  objectOf({ freezeId, scope, placedBy: actor })(order, '');
  const placedAt = await ports.control.transaction(async (sql) => {
    await assertKnown(sql, order.scope);
    await sql.execute('CALL lock_tenant(?)', [order.scope]);
    const known = await readFreeze(sql, order.freezeId);
    if (known !== null && known.scope !== order.scope) {
      throw new LetheError(
        'IDEMPOTENCY_CONFLICT',
        'freezeId stands for a freeze of another scope',
        {
          field: 'freezeId',
        },
      );
    }
    if (known !== null) return known.placedAt;
    const now = await databaseNow(sql);
    await insertRow(sql, 'freezes', {
      freeze_id: order.freezeId,
      scope: order.scope,
      placed_at: toSqlTime(now),
      placed_by: order.placedBy,
    });
    await sql.execute('CALL bump_interlock(?)', [order.scope]);
    return now;
  });
  await settle(ports, order.scope);
  await ports.ledger.append({
    tenantId: tenantOf(order.scope),
    kind: 'freeze-placed',
    subject: order.freezeId,
    details: { freezeId: order.freezeId, scope: order.scope, placedAt, placedBy: order.placedBy },
  });
  return { freezeId: order.freezeId, scope: order.scope, placedAt };
}

/**
 * One person's part in lifting a freeze; it stays in force until a second one has done theirs. Each acts
 * for themselves, so nobody can write down another's name. Stored windows are stale afterwards and are
 * computed again before anything is destroyed.
 *
 * @idempotency whoever has lifted it already changes nothing by lifting it again.
 * @throws LetheError UNKNOWN_FREEZE
 */
export async function liftFreeze(
  ports: FreezePorts,
  order: { readonly freezeId: string; readonly liftedBy: string },
): Promise<LiftedFreeze> {
  objectOf({ freezeId, liftedBy: actor })(order, '');
  const freeze = await readFreeze(ports.control, order.freezeId);
  if (freeze === null) {
    throw new LetheError('UNKNOWN_FREEZE', 'freezeId names no freeze', { field: 'freezeId' });
  }
  const lift = await ports.control.transaction(async (sql) => {
    await sql.execute('CALL lock_tenant(?)', [freeze.scope]);
    return recordLift(sql, freeze.scope, order);
  });
  const inForce = lift.liftedBy.length < LIFTS_NEEDED;
  if (!inForce) await settle(ports, freeze.scope);
  await ports.ledger.append({
    tenantId: tenantOf(freeze.scope),
    kind: 'freeze-lifted',
    subject: `${order.freezeId}/${order.liftedBy}`,
    details: { ...order, scope: freeze.scope, liftedAt: lift.liftedAt },
  });
  return { freezeId: order.freezeId, scope: freeze.scope, liftedBy: lift.liftedBy, inForce };
}

async function recordLift(
  sql: Sql,
  frozen: string,
  order: { readonly freezeId: string; readonly liftedBy: string },
): Promise<{ readonly liftedBy: readonly string[]; readonly liftedAt: string }> {
  const lifts = await textRows(
    sql,
    'SELECT lifted_by, lifted_at FROM freeze_lifts WHERE freeze_id = ? ORDER BY lifted_at',
    [order.freezeId],
  );
  const people = lifts.map((row) => required(row, 'lifted_by'));
  const own = lifts.find((row) => required(row, 'lifted_by') === order.liftedBy);
  if (own !== undefined) {
    return { liftedBy: people, liftedAt: toInstant(required(own, 'lifted_at')) };
  }
  const now = await databaseNow(sql);
  await insertRow(sql, 'freeze_lifts', {
    freeze_id: order.freezeId,
    lifted_by: order.liftedBy,
    lifted_at: toSqlTime(now),
  });
  const liftedBy = [...people, order.liftedBy];
  if (liftedBy.length === LIFTS_NEEDED) await sql.execute('CALL bump_interlock(?)', [frozen]);
  return { liftedBy, liftedAt: now };
}

/** A freeze of a tenant that nobody knows would freeze nothing and look as if it did. */
async function assertKnown(sql: Sql, frozen: string): Promise<void> {
  if (frozen === 'global') return;
  const tenant = await textRow(sql, 'SELECT tenant_id FROM tenants WHERE tenant_id = ?', [frozen]);
  if (tenant === null) {
    throw new LetheError('UNKNOWN_TENANT', 'scope names no tenant', { field: 'scope' });
  }
}

async function readFreeze(
  sql: Sql,
  id: string,
): Promise<{ readonly scope: string; readonly placedAt: string } | null> {
  const row = await textRow(sql, 'SELECT scope, placed_at FROM freezes WHERE freeze_id = ?', [id]);
  if (row === null) return null;
  return { scope: required(row, 'scope'), placedAt: toInstant(required(row, 'placed_at')) };
}

const tenantOf = (frozen: string): string | null => (frozen === 'global' ? null : frozen);

/** Effective in the key store too, and waited for in stores that have no transactions. */
async function settle(ports: FreezePorts, frozen: string): Promise<void> {
  if (frozen !== 'global') return settleInterlock(ports, frozen);
  await ports.keys.execute('CALL bump_key_epoch(?)', ['global']);
  const rows = await textRows(
    ports.control,
    `SELECT DISTINCT a.tenant_id FROM attempts a JOIN permits p ON p.permit_id = a.permit_id
      WHERE a.purpose = 'purge' AND p.used_at IS NULL`,
  );
  for (const row of rows) await settleInterlock(ports, required(row, 'tenant_id'));
}
