import { cohortKeyRef } from '../../contracts/keys';
import { LetheError } from '../../domain/errors';
import type { CohortRow } from '../control/cohort-rows';
import { tripping } from '../control/stops';
import { textRow, toSqlTime } from '../control/sql-text';
import { PERMIT_SECONDS } from '../disposition/permits';
import { openBatches, purgeBatch, type BatchReference } from '../disposition/purge-batch';
import { markCohort } from '../disposition/run-rows';
import { keysOfCohort } from './cohort-keys';
import { destroyKey, readTombstone, type KeyOrder } from './destroy-key';
import { destroyObjects } from './destroy-objects';
import type { DestructionPorts } from './ports';

/** One cohort that is ready. */
export interface CohortOrder {
  readonly tenantId: string;
  readonly workflowNow: string;
  readonly cohort: CohortRow;
}

/**
 * Destroys an archived cohort: its key, then every object of both copies.
 *
 * @returns null when done, or what it still waits for.
 * @idempotency see {@link destroyKey} and {@link destroyObjects}.
 * @source AB-3
 */
export async function destroyAssetCohort(
  ports: DestructionPorts,
  order: CohortOrder,
): Promise<string | null> {
  await destroyKeys(ports, order, 'destroy');
  // From here on nothing can come back: only finishing is left.
  await markCohort(ports.control, order.cohort, 'destroying');
  const { retainedUntil } = await destroyObjects(ports, {
    ...order.cohort,
    tenantId: order.tenantId,
  });
  await ports.ledger.append({
    tenantId: order.tenantId,
    kind: retainedUntil === null ? 'objects-destroyed' : 'objects-retained',
    subject: `${order.cohort.runId}/${order.cohort.dueOn}/${retainedUntil ?? 'gone'}`,
    details: { runId: order.cohort.runId, dueOn: order.cohort.dueOn, retainedUntil },
  });
  if (retainedUntil !== null) return lockedUntil(retainedUntil);
  await markCohort(ports.control, order.cohort, 'destroyed');
  return null;
}

/** Word for copies that the provider keeps, with the day: nobody can open them, and nobody can end them earlier. */
const lockedUntil = (retainedUntil: string): string =>
  `object-lock:${new Date(Date.parse(retainedUntil)).toISOString().slice(0, 10)}`;

/**
 * Destroys a cohort of configuration: the keys of its generations, then the rows that can no longer be
 * read, batch by batch.
 *
 * @idempotency a key with its tombstone is done, and a batch whose permit was used is not opened again.
 * @returns null when done, or what it still waits for.
 * @source CC-2, CC-3
 */
export async function destroyConfigurationCohort(
  ports: DestructionPorts,
  order: CohortOrder,
): Promise<string | null> {
  const { cohort, tenantId } = order;
  await destroyKeys(ports, order, 'destroy');
  await markCohort(ports.control, cohort, 'destroying');
  const run = { tenantId, runId: cohort.runId };
  for (const batch of await openBatches(ports.purge.purger, run, cohort.dueOn)) {
    ports.pulse.beat({ step: 'destroy rows', location: batch.location });
    const at = { ...run, dueOn: cohort.dueOn, location: batch.location };
    await tripping(ports.breaker, at, async () =>
      purgeBatch(ports.purge, batch, await issueRowPermit(ports, { order, batch })),
    );
  }
  await markCohort(ports.control, cohort, 'destroyed');
  return null;
}

/**
 * Ends the archive of a cohort whose records were read back live with equal digests. Its tombstone says
 * so and is never replayed.
 *
 * @idempotency see {@link destroyKey} and {@link destroyObjects}.
 * @returns null when done, or the lock that keeps the copies.
 * @source AB-2
 */
export async function retireCohort(
  ports: DestructionPorts,
  order: CohortOrder,
): Promise<string | null> {
  await destroyKeys(ports, order, 'retire');
  const { retainedUntil } = await destroyObjects(ports, {
    ...order.cohort,
    tenantId: order.tenantId,
  });
  if (retainedUntil !== null) return lockedUntil(retainedUntil);
  await markCohort(ports.control, order.cohort, 'restored');
  return null;
}

async function destroyKeys(
  ports: DestructionPorts,
  { tenantId, workflowNow, cohort }: CohortOrder,
  kind: KeyOrder['kind'],
): Promise<void> {
  const keyRefs = await keysOfCohort(ports.control, cohort);
  if (keyRefs.length === 0)
    throw new LetheError('PERMIT_REFUSED', 'the cohort has no key on record');
  assertOwnKey(cohort, keyRefs);
  for (const keyRef of keyRefs) {
    const { runId, dueOn, generation } = cohort;
    if (isConfiguration(cohort) && (await neverExisted(ports, keyRef))) continue;
    // A stray of a key that ended before, for whatever reason, is condemned already.
    if (cohort.eventKind === 'stray' && (await endedByAnother(ports, cohort, keyRef))) continue;
    await destroyKey(ports, { tenantId, runId, dueOn, generation, keyRef, kind, workflowNow });
  }
}

const isConfiguration = ({ recordClass }: CohortRow): boolean =>
  recordClass === 'console-configuration-data';

/** What was sealed lists the key that it was encrypted under, and no other one; strays list what was found. */
function assertOwnKey(cohort: CohortRow, keyRefs: readonly string[]): void {
  if (isConfiguration(cohort) || cohort.eventKind === 'stray') return;
  const own = cohortKeyRef(cohort.runId, cohort.dueOn);
  if (keyRefs.length === 1 && keyRefs[0] === own) return;
  throw new LetheError('PERMIT_REFUSED', 'the cohort lists another key than its own');
}

/** A generation in which nothing was ever written has no key; there is nothing to end. */
async function neverExisted(ports: DestructionPorts, keyRef: string): Promise<boolean> {
  const rows = await ports.destroyer.query(
    'SELECT 1 FROM data_keys WHERE key_ref = ? UNION ALL SELECT 1 FROM key_tombstones WHERE key_ref = ?',
    [keyRef, keyRef],
  );
  return rows.length === 0;
}

/** A key that ended under this cohort's own permit is not yet done: its end still goes on record. */
async function endedByAnother(
  ports: DestructionPorts,
  { runId, dueOn }: CohortRow,
  keyRef: string,
): Promise<boolean> {
  const tombstone = await readTombstone(ports, keyRef);
  if (tombstone === null) return false;
  const own = await textRow(
    ports.control,
    'SELECT permit_id FROM permits WHERE permit_id = ? AND run_id = ? AND due_on = ?',
    [tombstone.permitId, runId, dueOn],
  );
  return own === null;
}

async function issueRowPermit(
  ports: DestructionPorts,
  { order, batch }: { readonly order: CohortOrder; readonly batch: BatchReference },
): Promise<string> {
  const permitId = `pm_${ports.newToken()}`;
  await ports.issuer.execute('CALL issue_destroy_permit(?, ?, ?, ?, ?, ?, ?, ?)', [
    permitId,
    ...[batch.tenantId, batch.runId, order.cohort.dueOn, batch.location, batch.batchNumber],
    ...[toSqlTime(order.workflowNow), PERMIT_SECONDS],
  ]);
  return permitId;
}
