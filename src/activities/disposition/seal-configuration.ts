import type { Progress } from '../../contracts/activities';
import { configurationKeyRef } from '../../contracts/keys';
import { recordLocationsOf, type RecordLocation } from '../../domain/inventory';
import type { CollectionLocation } from '../../contracts/documents';
import { databaseNow, readTenantFacts } from '../control/tenant-facts';
import { required, textRows } from '../control/sql-text';
import { listIds } from '../mongo/document-ids';
import { Batcher, type SealedBatch } from './batches';
import { draftOfRun } from './drafts';
import type { ArchivePorts } from './ports';
import type { RunRow } from './run-rows';

import { insertBatch, insertCohort, insertManifest, unlessTakenOver } from './seal-rows';

/** Name under which one generation's rows are addressed. */
export const generationName = (generation: number): string => `generation-${generation}`;

/** Generations that a configuration run covers. */
export function generationsOf(run: RunRow): readonly number[] {
  const { generationFrom: from, generationTo: to } = run;
  if (from === null || to === null || from > to) throw new Error('a run without generations');
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** Names of the generations that a run of configuration covers; none for a run of asset data. */
export const generationNamesOf = (run: RunRow): readonly string[] =>
  run.recordClass === 'console-configuration-data' ? generationsOf(run).map(generationName) : [];

/**
 * Seals the configuration that a run covers: explicit ids per location, the keys of its generations, one
 * cohort. Configuration is never archived; nothing live changes. @source ST-2, CC-2, CC-3
 *
 * Effect: one transaction in control.
 * @idempotency the run's manifest exists once; a repetition finds it.
 * @throws LetheError TAKEN_OVER when another worker seals it first.
 */
export async function sealConfiguration(
  ports: ArchivePorts,
  run: RunRow,
): Promise<Progress['counts']> {
  const facts = await readTenantFacts(ports.control, run.tenantId);
  if (facts === null) throw new Error('a run without a tenant');
  const draft = draftOfRun(ports, facts, run);
  const { batches, counts, digest } = await collect(ports, run, draft.dueOn);
  const records = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const keyRefs = generationsOf(run).map((generation) =>
    configurationKeyRef(run.tenantId, generation),
  );
  const unsealed = { ...draft, records, counts, keyRefs, objects: [], newestObservedAt: null };
  await unlessTakenOver(() =>
    ports.manifests.transaction(async (sql) => {
      const now = await databaseNow(sql);
      for (const batch of batches) await insertBatch(sql, run.runId, batch);
      await insertCohort(sql, run, { cohort: unsealed, now });
      await insertManifest(sql, run, { attemptId: `at_${ports.newToken()}`, digest, now });
    }),
  );
  return { records, cohorts: 1 };
}

async function collect(
  ports: ArchivePorts,
  run: RunRow,
  dueOn: string,
): Promise<{
  readonly batches: readonly SealedBatch[];
  readonly counts: ReadonlyMap<RecordLocation, number>;
  readonly digest: string;
}> {
  const batcher = new Batcher();
  const batches: SealedBatch[] = [];
  const counts = new Map<RecordLocation, number>();
  for (const location of recordLocationsOf(run.recordClass)) {
    for (const generation of generationsOf(run)) {
      const assetId = generationName(generation);
      const ids = await idsOf(ports, { location, tenantId: run.tenantId, assetId });
      for (const versionId of ids) {
        const ended = batcher.add({ location, dueOn, assetId, versionId });
        if (ended !== null) batches.push(ended);
      }
      counts.set(location, (counts.get(location) ?? 0) + ids.length);
    }
  }
  batches.push(...batcher.rest());
  return { batches, counts, digest: batcher.digestWith(`${dueOn}\n`) };
}

async function idsOf(
  ports: Pick<ArchivePorts, 'configuration' | 'documents'>,
  group: {
    readonly location: RecordLocation;
    readonly tenantId: string;
    readonly assetId: string;
  },
): Promise<readonly string[]> {
  if (group.location.startsWith('mongodb:')) {
    return listIds(ports.documents, { ...group, location: group.location as CollectionLocation });
  }
  const table = group.location.slice(group.location.indexOf('.') + 1);
  const rows = await textRows(
    ports.configuration,
    `SELECT version_id FROM ${table} WHERE tenant_id = ? AND asset_id = ? ORDER BY version_id`,
    [group.tenantId, group.assetId],
  );
  return rows.map((row) => required(row, 'version_id'));
}
