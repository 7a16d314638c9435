import type { Progress } from '../../contracts/activities';
import { configurationKeyRef } from '../../contracts/keys';
import { LetheError } from '../../domain/errors';
import { recordLocationsOf } from '../../domain/inventory';
import { textRow } from '../control/sql-text';
import { generationName, generationsOf } from '../disposition/seal-configuration';
import type { RunRow } from '../disposition/run-rows';
import type { VerifierPorts } from './ports';
import { readSealedIds } from './sealed-ids';
import { insertVerdicts, readManifest, verifiedCohorts } from './verdicts';
import { liveIdsOfAssets } from './live-ids';

/**
 * Reads the configuration again with the verifier's accounts: the sealed batches list exactly what is
 * stored under the run's generations, and each generation that holds anything has its key, strays apart.
 *
 * Effect: one verdict.
 * @idempotency a verified run is not read again.
 * @throws LetheError VERIFICATION_FAILED; nothing is destroyed then.
 * @source ST-2, CC-2, CC-3
 */
export async function verifyConfiguration(
  ports: VerifierPorts,
  run: RunRow,
): Promise<Progress['counts']> {
  const manifest = await readManifest(ports.control, run.runId);
  const verified = await verifiedCohorts(ports.control, run.runId, 'sealed');
  if (manifest.cohorts.every(({ dueOn }) => verified.has(dueOn))) return { records: 0 };
  const sealed = await readSealedIds(ports, run);
  let live = 0;
  for (const generation of generationsOf(run)) {
    const assetId = generationName(generation);
    for (const location of recordLocationsOf(run.recordClass)) {
      const group = { location, tenantId: run.tenantId, assetIds: [assetId] };
      for await (const ids of liveIdsOfAssets(ports, group)) {
        live += ids.length;
        if (ids.every((id) => sealed.ids.has({ location, ...id }))) continue;
        throw new LetheError('VERIFICATION_FAILED', `${location} holds more than was sealed`);
      }
    }
    // What came after the end of its key is a stray, and its key is expected to be gone.
    if (live > 0 && run.eventKind !== 'stray') await assertNotDestroyed(ports, run, generation);
  }
  if (live !== sealed.ids.size) {
    throw new LetheError('VERIFICATION_FAILED', 'the batches list more than is stored');
  }
  await ports.control.transaction((sql) =>
    insertVerdicts(
      sql,
      manifest.cohorts.map(({ dueOn, records }) => ({
        runId: run.runId,
        dueOn,
        subject: 'sealed',
        manifestDigest: manifest.digest,
        outcome: 'ok' as const,
        records,
        newestObservedAt: null,
      })),
    ),
  );
  return { records: live };
}

async function assertNotDestroyed(
  ports: VerifierPorts,
  run: RunRow,
  generation: number,
): Promise<void> {
  const tombstone = await textRow(
    ports.keysTable,
    'SELECT kind FROM key_tombstones WHERE key_ref = ?',
    [configurationKeyRef(run.tenantId, generation)],
  );
  if (tombstone === null) return;
  throw new LetheError('VERIFICATION_FAILED', 'configuration is sealed whose key is gone already');
}
