import type { Progress } from '../../contracts/activities';
import { refreshTenant } from '../control/accept-command';
import type { ArchivePorts } from './ports';
import { issueMovePermit, type PermitPorts } from './permits';
import { openBatches, purgeBatch, type PurgePorts } from './purge-batch';
import type { RunRow } from './run-rows';

/** What moving needs beside the archive's side. */
export interface MovePorts extends PermitPorts {
  readonly archive: ArchivePorts;
  readonly purge: PurgePorts;
}

/**
 * Removes the live rows whose two copies are verified, batch by batch, each under a permit of its own. A
 * hold does not stop it: the data is preserved.
 *
 * @idempotency batches whose permit was used are skipped.
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
    const permit = await issueMovePermit(ports, batch);
    rows += await purgeBatch(ports.purge, batch, permit);
  }
  return { batches: batches.length, rows };
}
