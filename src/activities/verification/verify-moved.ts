import { recordLocationsOf } from '../../domain/inventory';
import { LetheError } from '../../domain/errors';
import type { RunRow } from '../disposition/run-rows';
import { liveIdsOfAssets } from './live-ids';
import type { VerifierPorts } from './ports';
import { readSealedIds } from './sealed-ids';
import { insertVerdicts, readManifest, verifiedCohorts } from './verdicts';

/** What is left of a run's assets after its move. */
export interface AfterMove {
  /** Records that no batch of the run lists: they came after the seal and become a cohort of their own. */
  readonly strays: number;
}

/**
 * Reads that nothing of the run's cohorts is live any more, location by location, and records for each
 * due day the newest observation that the verifier itself had found: the floor rests on it.
 *
 * Effect: verdicts, all or none.
 * @idempotency repeating reads again and adds a further verdict.
 * @throws LetheError VERIFICATION_FAILED when a sealed record is still live.
 * @source AB-2, AB-3
 */
export async function verifyMoved(ports: VerifierPorts, run: RunRow): Promise<AfterMove> {
  const manifest = await readManifest(ports.control, run.runId);
  const newest = await verifiedCohorts(ports.control, run.runId, 'live');
  const records = manifest.cohorts.reduce((sum, cohort) => sum + cohort.records, 0);
  const sealed = await readSealedIds(ports, run, { expected: records });
  const assetIds = [...sealed.assets];
  let strays = 0;
  for (const location of recordLocationsOf('asset-basic-data')) {
    for await (const ids of liveIdsOfAssets(ports, {
      location,
      tenantId: run.tenantId,
      assetIds,
    })) {
      ports.pulse.beat({ step: 'verify moved', location, strays });
      if (ids.some((id) => sealed.ids.has({ location, ...id }))) {
        throw new LetheError('VERIFICATION_FAILED', `a moved record is still live in ${location}`);
      }
      strays += ids.length;
    }
  }
  await ports.control.transaction((sql) =>
    insertVerdicts(
      sql,
      manifest.cohorts.map(({ dueOn }) => ({
        runId: run.runId,
        dueOn,
        subject: 'moved',
        manifestDigest: manifest.digest,
        outcome: 'ok' as const,
        records: 0,
        newestObservedAt: newest.get(dueOn) ?? null,
      })),
    ),
  );
  return { strays };
}
