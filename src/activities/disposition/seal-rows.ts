import type { Sql } from '../../contracts/sql';
import { LetheError } from '../../domain/errors';
import { insertRow, insertRows } from '../control/command-context';
import { toSqlTime } from '../control/sql-text';
import { isTaken } from '../taken';
import type { SealedBatch } from './batches';
import type { SealedCohort } from './cohort-archive';
import type { RunRow } from './run-rows';

/**
 * Runs what seals a run. Two workers may be at it after a timeout: the rows of one are taken then, and its
 * next try finds what the other one did.
 *
 * @throws LetheError TAKEN_OVER instead of the store's own words.
 */
export async function unlessTakenOver<T>(seal: () => Promise<T>): Promise<T> {
  try {
    return await seal();
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new LetheError('TAKEN_OVER', 'another worker seals the same run; it is read again', {
      cause: error,
    });
  }
}

/** Inserts a batch of the manifest; the transaction that seals the run commits it. */
export async function insertBatch(sql: Sql, runId: string, batch: SealedBatch): Promise<void> {
  await insertRow(sql, 'manifest_batches', {
    run_id: runId,
    location: batch.location,
    batch_number: batch.batchNumber,
    due_on: batch.dueOn,
    asset_id: batch.assetId,
    ids: batch.ids,
    id_count: batch.idCount,
    id_digest: batch.idDigest,
  });
}

/** What is recorded of a cohort, with or without an archive. */
export type CohortRecord = Pick<
  SealedCohort,
  'dueOn' | 'records' | 'earliestAt' | 'baseEarliestAt' | 'counts'
> & {
  readonly newestObservedAt: string | null;
  readonly keyRefs: readonly string[];
  readonly objects: SealedCohort['objects'];
};

/** Inserts a cohort with its keys, counts and objects. */
export async function insertCohort(
  sql: Sql,
  run: RunRow,
  { cohort, now }: { readonly cohort: CohortRecord; readonly now: string },
): Promise<void> {
  const key = { run_id: run.runId, due_on: cohort.dueOn };
  const timeOrNull = (instant: string | null): string | null =>
    instant === null ? null : toSqlTime(instant);
  await insertRow(sql, 'cohorts', {
    ...key,
    tenant_id: run.tenantId,
    newest_observed_at: timeOrNull(cohort.newestObservedAt),
    base_earliest_at: timeOrNull(cohort.baseEarliestAt),
    rule_earliest_at: toSqlTime(cohort.earliestAt),
    records: cohort.records,
    created_at: toSqlTime(now),
  });
  await insertRows(
    sql,
    'cohort_keys',
    cohort.keyRefs.map((keyRef) => ({ ...key, key_ref: keyRef })),
  );
  await insertRows(
    sql,
    'cohort_counts',
    [...cohort.counts].map(([location, records]) => ({ ...key, location, records })),
  );
  await insertRows(
    sql,
    'manifest_objects',
    cohort.objects.map((object) => ({
      ...key,
      copy: object.copy,
      part: object.part === 'manifest' ? 0 : object.part,
      object_name: object.name,
      version_id: object.versionId,
      bytes: object.bytes,
      digest: object.sha256,
    })),
  );
}

/** Inserts the assets of which the run sealed anything, so that a later link finds them. @source AB-2 */
export async function insertRunAssets(
  sql: Sql,
  run: RunRow,
  assets: {
    readonly assetIds: readonly string[];
    readonly belongingToAll: ReadonlySet<string>;
  },
): Promise<void> {
  await insertRows(
    sql,
    'run_assets',
    assets.assetIds.map((assetId) => ({
      run_id: run.runId,
      asset_id: assetId,
      belongs_to_all: assets.belongingToAll.has(assetId) ? 1 : 0,
    })),
  );
}

/** Inserts the row that makes everything before it count: whoever is first seals the run. */
export async function insertManifest(
  sql: Sql,
  run: RunRow,
  manifest: { readonly attemptId: string; readonly digest: string; readonly now: string },
): Promise<void> {
  await insertRow(sql, 'manifests', {
    run_id: run.runId,
    attempt_id: manifest.attemptId,
    digest: manifest.digest,
    sealed_at: toSqlTime(manifest.now),
  });
}
