import type { EvidenceLedger } from '../../contracts/stores';
import type { SqlPool } from '../../contracts/sql';
import type { DeriveWindow } from '../../contracts/windows';
import type { BackupStore } from '../../domain/backups';
import { isLetheError, type LetheError } from '../../domain/errors';
import { refreshTenant } from '../control/refresh-tenant';
import { required, textRow } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import { recordTable } from '../../contracts/record-tables';
import { PERMIT_SECONDS, usingPermit } from '../disposition/permits';
import { purgeBatch, type PurgePorts } from '../disposition/purge-batch';
import type { CheckpointReaders } from '../evidence/checkpoints';
import { assertControlStands } from './assert-control-stands';
import { findReappeared, type FinderPorts, type ReappearedBatch } from './find-reappeared';

/** Logins of the gate: one looks, one issues permits, one uses them. */
export interface ReplayPorts {
  /** Control is compared with the evidence first: one that has forgotten a hold would let go what it covers. */
  readonly checkpoints: CheckpointReaders;
  readonly finder: FinderPorts;
  readonly control: SqlPool;
  readonly issuer: SqlPool;
  readonly purge: PurgePorts;
  readonly ledger: EvidenceLedger;
  readonly derive: DeriveWindow;
  readonly newToken: () => string;
}

/** A batch that stays, and why: a hold, a freeze, a cap, the circuit breaker. */
interface KeptBatch extends ReappearedBatch {
  readonly code: string;
  readonly because: string;
}

/** What became of what had come back. */
export interface ReplayedStore {
  readonly store: BackupStore;
  readonly batches: number;
  readonly records: number;
  /** The store must not serve while anything is in here. */
  readonly kept: readonly KeptBatch[];
}

/**
 * Removes what a restored backup brought back, batch by batch, each under a permit of its own that only a
 * batch gets which went under one before. A hold stops it: what came back may be the last copy.
 *
 * Effect: rows and documents of sealed batches; one ledger entry per batch and one for the whole.
 * @idempotency what is gone is not found again; a lost answer is read again.
 * @throws LetheError VERIFICATION_FAILED when control was restored and not replayed, or not wholly: nothing is removed
 *   then; and for a store that cannot be reached.
 * @source AB-3, CC-4, ST-1
 */
export async function replayStore(ports: ReplayPorts, store: BackupStore): Promise<ReplayedStore> {
  await assertControlStands(ports.checkpoints, 'whole');
  const found = await findReappeared(ports.finder, store);
  const kept: KeptBatch[] = [];
  let records = 0;
  let refreshed: string | null = null;
  for (const batch of found) {
    // Permits need windows of the current epoch.
    if (refreshed !== batch.tenantId) await refreshTenant(ports, batch.tenantId);
    refreshed = batch.tenantId;
    const refusal = await tryBatch(ports, batch);
    if (refusal === null) records += batch.records;
    else kept.push({ ...batch, code: refusal.code, because: refusal.message });
  }
  const batches = found.length - kept.length;
  await ports.ledger.append({
    tenantId: null,
    kind: 'store-replayed',
    subject: `${store}/${Date.parse(await databaseNow(ports.control))}/${ports.newToken()}`,
    details: { store, batches, records, kept: kept.length },
  });
  return { store, batches, records, kept };
}

async function tryBatch(ports: ReplayPorts, batch: ReappearedBatch): Promise<LetheError | null> {
  try {
    await removeAgain(ports, batch);
    return null;
  } catch (error) {
    if (isLetheError(error) && /^(PERMIT_REFUSED|CAP_|BREAKER_)/.test(error.code)) return error;
    throw error;
  }
}

async function removeAgain(ports: ReplayPorts, batch: ReappearedBatch): Promise<void> {
  const { tenantId, runId, location, batchNumber, records } = batch;
  const permitId = `pm_${ports.newToken()}`;
  await ports.issuer.execute('CALL issue_replay_permit(?, ?, ?, ?, ?, ?)', [
    permitId,
    ...[tenantId, runId, location, batchNumber, PERMIT_SECONDS],
  ]);
  if (location.startsWith('mongodb:')) await purgeBatch(ports.purge, batch, permitId);
  else await replayRows(ports.purge, batch, permitId);
  await ports.ledger.append({
    tenantId,
    kind: 'records-removed-again',
    subject: permitId,
    details: { runId, location, batch: batchNumber, records, permitId },
  });
}

async function replayRows(
  purge: PurgePorts,
  { tenantId, runId, location, batchNumber }: ReappearedBatch,
  permitId: string,
): Promise<void> {
  const row = await textRow(
    purge.purger,
    `SELECT ids FROM manifest_batches WHERE run_id = ? AND location = ? AND batch_number = ?`,
    [runId, location, batchNumber],
  );
  const ids = required(row ?? {}, 'ids');
  const { database, table } = recordTable(location);
  const pool = database === 'assets' ? purge.assets : purge.configuration;
  await usingPermit(purge.purger, permitId, () =>
    pool.execute(`CALL replay_${table}(?, ?, ?, ?, ?)`, [
      permitId,
      ...[tenantId, runId, batchNumber, ids],
    ]),
  );
}
