import type { Progress } from '../../contracts/activities';
import { refreshTenant } from '../control/accept-command';
import type { BreakerPorts } from '../control/breaker';
import { stopOf, tripping } from '../control/stops';
import type { ArchivePorts } from './ports';
import { issueMovePermit, type PermitPorts } from './permits';
import { openBatches, purgeBatch, type BatchReference, type PurgePorts } from './purge-batch';
import type { RunRow } from './run-rows';

/** What moving needs beside the archive's side. */
export interface MovePorts extends PermitPorts {
  readonly archive: ArchivePorts;
  readonly purge: PurgePorts;
  readonly breaker: BreakerPorts;
}

/**
 * Takes rows away whose two copies were read back, batch by batch, each under its own permit. Under a
 * hold it goes on, because nothing is lost by it.
 *
 * @idempotency batches whose permit was used are skipped.
 * @throws LetheError with the code of the cap or breaker that stops it; COUNT_MISMATCH, which trips it.
 * Bounds: one batch at a time; a cancelled attempt begins no further one.
 * @source AB-2
 */
export async function moveBatches(ports: MovePorts, run: RunRow): Promise<Progress['counts']> {
  // Permits need windows of the current epoch.
  await refreshTenant(ports.archive, run.tenantId);
  const batches = await openBatches(ports.purge.purger, run, '');
  let rows = 0;
  for (const batch of batches) {
    ports.archive.pulse.beat({ step: 'move', location: batch.location, rows });
    rows += await moveBatch(ports, batch);
  }
  return { batches: batches.length, rows };
}

/** A stop is on record before it ends the run, so that everybody sees what it waits for. */
async function moveBatch(ports: MovePorts, batch: BatchReference): Promise<number> {
  const at = { tenantId: batch.tenantId, runId: batch.runId, dueOn: '' };
  try {
    return await tripping(ports.breaker, { ...at, location: batch.location }, async () =>
      purgeBatch(ports.purge, batch, await issueMovePermit(ports, batch)),
    );
  } catch (error) {
    await stopOf(ports.breaker, at, error);
    throw error;
  }
}
