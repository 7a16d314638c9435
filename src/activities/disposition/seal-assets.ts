import type { Progress } from '../../contracts/activities';
import type { Sql } from '../../contracts/sql';
import { databaseNow, readTenantFacts } from '../control/tenant-facts';
import { textRow } from '../control/sql-text';
import { ArchiveLease } from './archive-lease';
import { Batcher } from './batches';
import { CohortArchive, spill, type SealedCohort } from './cohort-archive';
import { bindDrafts } from './drafts';
import { assetsOfAll, listAssetsOf, readLiveAsset, type LiveRecord } from './live-assets';
import type { ArchivePorts } from './ports';
import type { RunRow } from './run-rows';
import { insertBatch, insertCohort, insertManifest, insertRunAssets } from './seal-rows';

/**
 * Reads every affected asset once, writes each version into the archive of its due day, in two copies,
 * and commits the manifest: batches of explicit ids, cohorts, objects with their version ids.
 *
 * Effect: objects under this attempt's names, then one transaction in control. Nothing live changes.
 * @idempotency the run's manifest exists once; a repetition finds it. What an attempt that died left in
 * the buckets lies under its cohort's prefix and ends with the cohort.
 * Bounds: parts in the making hold at most 48 MiB; of an asset only its scans are in memory.
 * Evidence: `run-sealed` with counts and digest.
 * @source AB-2, AB-3
 */
export async function sealAssets(ports: ArchivePorts, run: RunRow): Promise<Progress['counts']> {
  const attempt = ports.newToken();
  const lease = await ArchiveLease.start(ports, run);
  try {
    return await ports.manifests.transaction((sql) =>
      sealInto(sql, ports, { run, attempt, lease }),
    );
  } finally {
    await lease.end();
  }
}

/** True when the run was sealed by this or an earlier attempt. */
export async function isSealed(sql: Sql, runId: string): Promise<boolean> {
  return (await textRow(sql, 'SELECT digest FROM manifests WHERE run_id = ?', [runId])) !== null;
}

async function sealInto(
  sql: Sql,
  ports: ArchivePorts,
  {
    run,
    attempt,
    lease,
  }: { readonly run: RunRow; readonly attempt: string; readonly lease: ArchiveLease },
): Promise<Progress['counts']> {
  const facts = await readTenantFacts(ports.control, run.tenantId);
  if (facts === null) throw new Error('a run without a tenant');
  const draftOf = bindDrafts(ports, facts, run);
  const cohorts = new Map<string, CohortArchive>();
  const batcher = new Batcher();
  const assetIds = new Set<string>();
  let records = 0;
  for await (const record of readAffected(ports, run)) {
    const draft = draftOf(record.observedUntil);
    const cohort =
      cohorts.get(draft.dueOn) ?? (await CohortArchive.begin(ports, run, { draft, attempt }));
    cohorts.set(draft.dueOn, cohort);
    assetIds.add(record.assetId);
    await lease.keep();
    await cohort.append(record);
    await spill(cohorts.values());
    const ended = batcher.add({ ...record, dueOn: '' });
    if (ended !== null) await insertBatch(sql, run.runId, ended);
    records += 1;
    if (records % 256 === 0) ports.pulse.beat({ step: 'seal', records });
  }
  for (const batch of batcher.rest()) await insertBatch(sql, run.runId, batch);
  const now = await databaseNow(sql);
  const sealed = await sealCohorts(ports, { cohorts, now, lease });
  for (const cohort of sealed) {
    await insertCohort(sql, run, { cohort: { ...cohort, keyRefs: [cohort.keyRef] }, now });
  }
  await insertRunAssets(sql, run, {
    assetIds: [...assetIds],
    belongingToAll: await assetsOfAll(ports.assets, run.tenantId),
  });
  const digest = batcher.digestWith(
    sealed.map(({ dueOn, manifestDigest }) => `${dueOn} ${manifestDigest}\n`).join(''),
  );
  await insertManifest(sql, run, { attemptId: `at_${attempt}`, digest, now });
  return { records, cohorts: sealed.length };
}

async function sealCohorts(
  ports: ArchivePorts,
  {
    cohorts,
    now,
    lease,
  }: {
    readonly cohorts: ReadonlyMap<string, CohortArchive>;
    readonly now: string;
    readonly lease: ArchiveLease;
  },
): Promise<readonly SealedCohort[]> {
  const sealed: SealedCohort[] = [];
  for (const [dueOn, cohort] of [...cohorts].sort(([a], [b]) => a.localeCompare(b))) {
    await lease.keep();
    sealed.push(await cohort.seal(now));
    ports.pulse.beat({ step: 'manifest', dueOn });
  }
  return sealed;
}

/**
 * The records the run covers: all of its assets; under a request only what was last seen at or before
 * its receipt, and never the links, because the asset itself may live on. @source DR-1
 */
async function* readAffected(ports: ArchivePorts, run: RunRow): AsyncGenerator<LiveRecord> {
  const assetIds = await listAssetsOf(ports, run);
  for (const assetId of assetIds) {
    for await (const record of readLiveAsset(ports, { tenantId: run.tenantId, assetId })) {
      if (isCovered(run, record)) yield record;
    }
  }
}

/** Whether a run covers a record. */
export function isCovered(
  run: Pick<RunRow, 'cutoffAt'>,
  record: Pick<LiveRecord, 'location' | 'observedUntil'>,
): boolean {
  if (run.cutoffAt === null) return true;
  return record.location !== 'mysql:assets.asset_links' && record.observedUntil <= run.cutoffAt;
}
