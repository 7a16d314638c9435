import { LetheError } from '../../domain/errors';
import { isId } from '../../domain/identifiers';
import { actor, matching, objectOf, refuse } from '../../contracts/field-checks';
import type { Sql } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import { insertRow } from './command-context';
import { settleInterlock, type InterlockPorts } from './interlock';
import { required, textRow, textRows, toInstant, toSqlTime } from './sql-text';
import { databaseNow } from './tenant-facts';
import { againIfTaken } from '../taken';

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

/** Checks the id of a freeze. */
export const freezeId = matching(
  /^fz_[0-9a-z]{16,40}$/,
  'must be fz_ followed by 16 to 40 lower-case letters or digits',
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
  const placedAt = await againIfTaken(() =>
    ports.control.transaction(async (sql) => {
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
    }),
  );
  await settleFreeze(ports, order.scope);
  await ports.ledger.append({
    tenantId: tenantOf(order.scope),
    kind: 'freeze-placed',
    subject: order.freezeId,
    details: { freezeId: order.freezeId, scope: order.scope, placedAt, placedBy: order.placedBy },
  });
  return { freezeId: order.freezeId, scope: order.scope, placedAt };
}

/** A freeze of a tenant that nobody knows would freeze nothing and look as if it did. */
async function assertKnown(sql: Sql, frozen: string): Promise<void> {
  if (frozen === 'global') return;
  const tenant = await textRow(sql, 'SELECT tenant_id FROM tenants WHERE tenant_id = ?', [frozen]);
  if (tenant === null) {
    throw new LetheError('UNKNOWN_TENANT', 'scope names no tenant; check the id, or freeze all', {
      field: 'scope',
    });
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

/** The tenant that evidence of a freeze belongs to; none when it covers all. */
export const tenantOf = (frozen: string): string | null => (frozen === 'global' ? null : frozen);

/**
 * Makes a change of a freeze effective in the key store too, and waits for stores without transactions.
 *
 * @idempotency epochs only grow: settling again makes older permits staler, as with settleInterlock.
 * @throws LetheError as `settleInterlock`; the freeze is in force and not acknowledged.
 */
export async function settleFreeze(ports: FreezePorts, frozen: string): Promise<void> {
  if (frozen !== 'global') return settleInterlock(ports, frozen);
  await ports.keys.execute('CALL bump_key_epoch(?)', ['global']);
  const rows = await textRows(
    ports.control,
    `SELECT DISTINCT a.tenant_id FROM attempts a JOIN permits p ON p.permit_id = a.permit_id
      WHERE a.purpose = 'purge' AND p.used_at IS NULL`,
  );
  for (const row of rows) await settleInterlock(ports, required(row, 'tenant_id'));
}
