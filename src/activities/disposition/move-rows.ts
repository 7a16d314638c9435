import type { Progress } from '../../contracts/activities';
import { isLetheError } from '../../domain/errors';
import type { WaitReason } from '../../domain/pacing';
import { refreshTenant } from '../control/refresh-tenant';
import type { BreakerPorts } from '../control/breaker';
import { stopOf, tripping } from '../control/stops';
import { elapsedMs, Pacer, type PacerPorts } from './pacer';
import type { ArchivePorts } from './ports';
import { issueMovePermit, PERMIT_SECONDS, type PermitPorts } from './permits';
import { openBatches, purgeBatch, type OpenBatch, type PurgePorts } from './purge-batch';
import type { RunRow } from './run-rows';

/** What moving needs beside the archive's side. */
export interface MovePorts extends PermitPorts {
  readonly archive: ArchivePorts;
  readonly purge: PurgePorts;
  readonly breaker: BreakerPorts;
  readonly pacing: PacerPorts;
}

/** What was moved, and why the rest waits, if it does. */
export interface Moved {
  readonly counts: Progress['counts'];
  readonly waitsFor: WaitReason | null;
}

/** A contended batch is tried this often in a row, each time under a new permit and after a longer rest. */
const TRIES_MAX = 5;
const FIRST_REST_MS = 200;
/** After a longer rest a permit that was asked for in advance may be over before it is used: a third of its life. */
const PERMIT_KEEPS_MS = (PERMIT_SECONDS * 1000) / 3;

/**
 * Takes rows away whose two copies were read back, batch by batch, each under its own permit. Under a
 * hold it goes on, because nothing is lost by it. The permit of the next batch is asked for while one is
 * removed. Between batches it rests as the throttle, the server's own slowness and failed tries ask for.
 *
 * @idempotency batches whose permit was used are skipped.
 * @throws LetheError with the code of the cap or breaker that stops it; COUNT_MISMATCH, which trips it.
 * Bounds: one batch at a time; a cancelled attempt begins no further one.
 * @source AB-2
 */
export async function moveBatches(ports: MovePorts, run: RunRow): Promise<Moved> {
  // Permits need windows of the current epoch.
  await refreshTenant(ports.archive, run.tenantId);
  const batches = await openBatches(ports.purge.purger, run, '');
  const pacer = await Pacer.of(ports.pacing, run);
  let left = batches.reduce((sum, { idCount }) => sum + idCount, 0);
  let rows = 0;
  let next: Promise<string> | undefined;
  try {
    for (const [index, batch] of batches.entries()) {
      ports.archive.pulse.beat({ step: 'move', location: batch.location, rows, left });
      const waitsFor = await pacer.reasonToStop(left);
      if (waitsFor !== null) return { counts: { batches: index, rows }, waitsFor };
      const firstPermit = await tripping(
        ports.breaker,
        siteOf(batch),
        () => next ?? issueMovePermit(ports, batch),
      );
      // Not before this batch has its own: what stands behind a refused batch gets no permit.
      const following = batches[index + 1];
      next = following === undefined ? undefined : inAdvance(ports, following);
      const started = elapsedMs();
      const moved = await tripping(ports.breaker, siteOf(batch), () =>
        purgePatiently(ports, batch, { firstPermit, pacer }),
      );
      rows += moved;
      left -= moved;
      const restedMs = await pacer.rest({ rows: moved, tookMs: elapsedMs() - started });
      if (restedMs > PERMIT_KEEPS_MS) next = undefined;
    }
  } catch (error) {
    // A stop is on record before it ends the run, so that everybody sees what it waits for; and after
    // every permit of the run, because a later permit says that the stop is over.
    await Promise.allSettled([next]);
    await stopOf(ports.breaker, { tenantId: run.tenantId, runId: run.runId, dueOn: '' }, error);
    throw error;
  } finally {
    // A permit that was asked for and is not used runs out by itself; only its answer is waited for.
    await Promise.allSettled([next]);
  }
  return { counts: { batches: batches.length, rows }, waitsFor: null };
}

const siteOf = ({ tenantId, runId, location }: OpenBatch) => ({
  ...{ tenantId, runId, dueOn: '' },
  location,
});

function inAdvance(ports: MovePorts, batch: OpenBatch): Promise<string> {
  const permit = issueMovePermit(ports, batch);
  // A refusal is told when the batch's turn comes.
  permit.catch(() => undefined);
  return permit;
}

/** A batch that was rolled back because others held its rows is tried again, later and under a new permit. */
async function purgePatiently(
  ports: MovePorts,
  batch: OpenBatch,
  { firstPermit, pacer }: { readonly firstPermit: string; readonly pacer: Pacer },
): Promise<number> {
  let permit = firstPermit;
  for (let tries = 1; ; tries += 1) {
    try {
      return await purgeBatch(ports.purge, batch, permit);
    } catch (error) {
      const isContended = isLetheError(error) && error.code === 'STORE_UNAVAILABLE';
      if (!isContended || tries === TRIES_MAX) throw error;
      pacer.failed();
      await ports.pacing.pause(FIRST_REST_MS * 2 ** tries);
      permit = await issueMovePermit(ports, batch);
    }
  }
}
