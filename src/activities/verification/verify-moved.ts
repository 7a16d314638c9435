import type { CollectionLocation } from '../../contracts/documents';
import { recordLocationsOf, type RecordLocation } from '../../domain/inventory';
import { LetheError } from '../../domain/errors';
import { required, textRows } from '../control/sql-text';
import { listIds } from '../mongo/document-ids';
import type { RunRow } from '../disposition/run-rows';
import type { VerifierPorts } from './ports';
import { insertVerdicts, readManifest, verifiedCohorts } from './verdicts';
import { idOf, readSealedIds } from './verify-copies';

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
  const sealed = await readSealedIds(ports, run);
  const assetIds = new Set([...sealed].map((id) => id.split(' ')[1] ?? ''));
  let strays = 0;
  for (const assetId of assetIds) {
    ports.pulse.beat({ step: 'verify moved', assetId });
    for (const location of recordLocationsOf('asset-basic-data')) {
      const ids = await liveIds(ports, { location, tenantId: run.tenantId, assetId });
      for (const versionId of ids) {
        if (sealed.has(idOf({ location, assetId, versionId }))) {
          throw new LetheError(
            'VERIFICATION_FAILED',
            `a moved record is still live in ${location}`,
          );
        }
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

/** Ids that are live in one location for one asset, or for one generation of the configuration. */
export async function liveIds(
  ports: Pick<VerifierPorts, 'assets' | 'configuration' | 'documents'>,
  group: {
    readonly location: RecordLocation;
    readonly tenantId: string;
    readonly assetId: string;
  },
): Promise<readonly string[]> {
  const { location, tenantId, assetId } = group;
  if (location.startsWith('mongodb:')) {
    return listIds(ports.documents, {
      location: location as CollectionLocation,
      tenantId,
      assetId,
    });
  }
  const [database, table] = location.slice('mysql:'.length).split('.');
  const rows = await textRows(
    database === 'assets' ? ports.assets : ports.configuration,
    `SELECT version_id FROM ${table ?? ''} WHERE tenant_id = ? AND asset_id = ?`,
    [tenantId, assetId],
  );
  return rows.map((row) => required(row, 'version_id'));
}
