import { isLetheError, LetheError } from '../../domain/errors';
import { required, textRow, textRows, toInstant, toSqlTime } from '../control/sql-text';
import { insertRow } from '../control/command-context';
import { PERMIT_SECONDS } from '../disposition/permits';
import type { DestructionPorts } from './ports';

/** Which key, and why it may go. */
export interface KeyOrder {
  readonly tenantId: string;
  readonly runId: string;
  readonly dueOn: string;
  readonly generation: number;
  readonly keyRef: string;
  /** `destroy` at the end of a promise, `retire` after everything was restored. */
  readonly kind: 'destroy' | 'retire';
  /** The process's own clock; either clock saying "too early" stops the act. */
  readonly workflowNow: string;
}

/** The end of a key as its own store recorded it. */
export interface KeyTombstone {
  readonly keyRef: string;
  readonly kind: string;
  readonly permitId: string;
  readonly destroyedAt: string;
}

/**
 * Destroys one key under two permits, one in control and one in the key's own database, whose epochs were
 * read before the first was asked for: an interlock in between makes the second one stale. The second ends
 * no later than the first.
 *
 * Effect: the wrapped key is replaced by its tombstone; the point of no return of a cohort.
 * @idempotency a key that has its tombstone is done, whoever ended it; control's copy of it is written if
 * it is missing.
 * @throws LetheError VERIFICATION_FAILED when the key ended for another reason than this one.
 * @throws LetheError PERMIT_REFUSED (nothing happened) or OUTCOME_UNKNOWN (read again next time).
 * @source AB-3, CC-2, CC-3, CC-4
 */
export async function destroyKey(ports: DestructionPorts, order: KeyOrder): Promise<KeyTombstone> {
  const known = await readTombstone(ports, order.keyRef);
  const tombstone = known ?? (await destroyUnderPermits(ports, order));
  if (tombstone.kind !== order.kind) {
    throw new LetheError('VERIFICATION_FAILED', 'the key ended for another reason than this one');
  }
  await ports.control.execute('CALL close_key_permit(?)', [tombstone.permitId]);
  await copyTombstone(ports, order, tombstone);
  return tombstone;
}

async function destroyUnderPermits(
  ports: DestructionPorts,
  order: KeyOrder,
): Promise<KeyTombstone> {
  const { tenantId, runId, dueOn, keyRef, kind } = order;
  const epochs = await readEpochs(ports, tenantId);
  const permitId = `pm_${ports.newToken()}`;
  if (kind === 'destroy') {
    await ports.issuer.execute('CALL issue_destroy_permit(?, ?, ?, ?, ?, ?, ?, ?)', [
      permitId,
      ...[tenantId, runId, dueOn, keyRef, 0],
      ...[toSqlTime(order.workflowNow), PERMIT_SECONDS],
    ]);
  } else {
    await ports.issuer.execute('CALL issue_retire_permit(?, ?, ?, ?, ?, ?)', [
      permitId,
      ...[tenantId, runId, dueOn, keyRef, PERMIT_SECONDS],
    ]);
  }
  // Whoever stood still between the two permits gains no time: the second ends with the first.
  const notAfter = await readExpiry(ports, permitId);
  await ports.keyIssuer.execute('CALL issue_key_permit(?, ?, ?, ?, ?, ?, ?, ?)', [
    permitId,
    ...[kind, tenantId, keyRef, epochs.global, epochs.tenant, PERMIT_SECONDS, notAfter],
  ]);
  let failure: unknown = null;
  try {
    await ports.destroyer.execute('CALL destroy_key(?, ?, ?)', [permitId, tenantId, keyRef]);
  } catch (error) {
    failure = error;
  }
  // Whatever was answered: the answer may be lost, or another worker may have been faster.
  const tombstone = await readTombstone(ports, keyRef);
  if (tombstone !== null) return tombstone;
  const isKnown = isLetheError(failure) ? failure.code !== 'OUTCOME_UNKNOWN' : failure !== null;
  if (isKnown) throw failure as Error;
  throw new LetheError('OUTCOME_UNKNOWN', 'the key store has no tombstone yet; it is read again');
}

/** Reads a key's tombstone from its own store. */
export async function readTombstone(
  ports: Pick<DestructionPorts, 'destroyer'>,
  keyRef: string,
): Promise<KeyTombstone | null> {
  const row = await textRow(
    ports.destroyer,
    'SELECT kind, permit_id, destroyed_at FROM key_tombstones WHERE key_ref = ?',
    [keyRef],
  );
  if (row === null) return null;
  return {
    keyRef,
    kind: required(row, 'kind'),
    permitId: required(row, 'permit_id'),
    destroyedAt: toInstant(required(row, 'destroyed_at')),
  };
}

/** When control's permit runs out, as control recorded it. */
async function readExpiry(ports: DestructionPorts, permitId: string): Promise<string> {
  const row = await textRow(ports.issuer, 'SELECT expires_at FROM permits WHERE permit_id = ?', [
    permitId,
  ]);
  return required(row ?? {}, 'expires_at');
}

async function readEpochs(
  ports: DestructionPorts,
  tenantId: string,
): Promise<{ readonly global: string; readonly tenant: string }> {
  const rows = await textRows(
    ports.keyIssuer,
    `SELECT scope, epoch FROM key_epochs WHERE scope = 'global' OR scope = ?`,
    [tenantId],
  );
  const of = (scope: string): string => {
    const row = rows.find((candidate) => candidate['scope'] === scope);
    if (row === undefined)
      throw new LetheError('PERMIT_REFUSED', 'the key store has no such epoch');
    return required(row, 'epoch');
  };
  return { global: of('global'), tenant: of(tenantId) };
}

/** Control keeps a copy, so that a restore of control replays it; the retired are never replayed. */
async function copyTombstone(
  ports: DestructionPorts,
  order: KeyOrder,
  tombstone: KeyTombstone,
): Promise<void> {
  if (order.kind === 'destroy') {
    await ports.control.transaction(async (sql) => {
      const known = await textRow(
        sql,
        'SELECT key_ref FROM tombstones WHERE run_id = ? AND due_on = ? AND key_ref = ?',
        [order.runId, order.dueOn, order.keyRef],
      );
      if (known !== null) return;
      const manifest = await textRow(sql, 'SELECT digest FROM manifests WHERE run_id = ?', [
        order.runId,
      ]);
      await insertRow(sql, 'tombstones', {
        run_id: order.runId,
        due_on: order.dueOn,
        tenant_id: order.tenantId,
        generation: order.generation,
        key_ref: order.keyRef,
        manifest_digest: required(manifest ?? {}, 'digest'),
        permit_id: tombstone.permitId,
        destroyed_at: toSqlTime(tombstone.destroyedAt),
      });
    });
  }
  await ports.ledger.append({
    tenantId: order.tenantId,
    kind: order.kind === 'destroy' ? 'key-destroyed' : 'key-retired',
    subject: order.keyRef,
    details: {
      runId: order.runId,
      dueOn: order.dueOn,
      keyRef: order.keyRef,
      permitId: tombstone.permitId,
      destroyedAt: tombstone.destroyedAt,
    },
  });
}
