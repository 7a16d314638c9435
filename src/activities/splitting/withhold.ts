import { cohortKeyRef } from '../../contracts/keys';
import { LetheError } from '../../domain/errors';
import type { CohortRow } from '../control/cohort-rows';
import { required, textRow, toInstant } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import { ArchiveLease } from '../disposition/archive-lease';
import { Batcher, type SealedBatch } from '../disposition/batches';
import { CohortArchive, type SealedCohort } from '../disposition/cohort-archive';
import { readRun, type RunRow } from '../disposition/run-rows';
import {
  insertBatch,
  insertCohort,
  insertManifest,
  insertRunAssets,
} from '../disposition/seal-rows';
import { UploadQueue } from '../disposition/upload-queue';
import { readDivided } from '../verification/covered-records';
import { openCohortCopy } from '../verification/read-copy';
import { recordSplit } from './record-split';
import type { SplitPorts } from './ports';

/** A due day and a hold that covers something of it. */
export interface Withholding {
  readonly tenantId: string;
  readonly cohort: CohortRow;
  readonly holdId: string;
}

/** Parts in the making hold at most about this much memory: 16 MiB. */
const BUFFERED_BYTES_MAX = 16 * 1024 * 1024;
/** Records between two looks at lease, memory and cancellation. */
const LOOK_EVERY = 500;

/** How many records of a due day a hold covers that no earlier split withholds, and how many it leaves. */
export interface Shares {
  readonly covered: number;
  readonly rest: number;
}

/**
 * Counts what a split would withhold. Reading, so safe to repeat.
 *
 * @throws LetheError as `openCohortCopy`; KEY_DESTROYED when there is nothing left to split.
 */
export async function countShares(ports: SplitPorts, order: Withholding): Promise<Shares> {
  const { verifier } = ports;
  const { tenantId, cohort } = order;
  const run = await readRun(verifier.control, tenantId, cohort.runId);
  const { dueOn } = cohort;
  const copy = await openCohortCopy(verifier, { run, dueOn, copy: 'archive' });
  const shares = { covered: 0, rest: 0, elsewhere: 0 };
  let seen = 0;
  for await (const { share } of readDivided(verifier, copy, order)) {
    seen += 1;
    if (seen % LOOK_EVERY === 0) verifier.pulse.beat({ step: 'split', dueOn, seen });
    shares[share] += 1;
  }
  return shares;
}

/**
 * Writes what a hold covers of a due day anew, under a run and a key of its own, in both copies under locks, and
 * puts the split on record. Nothing follows from that before the verifier has judged it.
 *
 * Effect: objects of a run that nobody knows yet; its rows with its manifest; then, in one transaction under the
 * tenant's lock, the run and the split.
 * @idempotency every attempt has a run and a key of its own: what one leaves that died is a stray, locked and
 * unreadable without its key. One split is on record for each due day and hold.
 * Bounds: parts in the making hold about 16 MiB, four sealed parts are on their way; the ids that are withheld.
 * @throws LetheError TAKEN_OVER when another worker was faster, or the hold, the due day or the key is no longer
 * what it was; STORE_UNAVAILABLE, ARCHIVE_INVALID.
 * @source CC-4
 */
export async function withhold(ports: SplitPorts, order: Withholding): Promise<void> {
  const { archive } = ports;
  const parent = await readRun(archive.control, order.tenantId, order.cohort.runId);
  const run: RunRow = { ...parent, runId: `rn_${archive.newToken()}` };
  const lease = await ArchiveLease.start(archive, run);
  try {
    const attempt = archive.newToken();
    const written = await writeCovered(ports, order, { parent, run, attempt, lease });
    await lease.keep();
    await insertWithheld(ports, { parent, run, attempt, ...written });
    await recordSplit(archive, { ...order, withheldRunId: run.runId });
  } finally {
    await lease.end();
  }
}

interface Attempt {
  readonly parent: RunRow;
  readonly run: RunRow;
  readonly attempt: string;
}

interface Written {
  readonly sealed: SealedCohort;
  readonly batches: readonly SealedBatch[];
  readonly digest: string;
  readonly assetIds: readonly string[];
}

async function writeCovered(
  ports: SplitPorts,
  order: Withholding,
  { parent, run, attempt, lease }: Attempt & { readonly lease: ArchiveLease },
): Promise<Written> {
  const { archive, verifier } = ports;
  const { cohort, holdId } = order;
  const { dueOn, newestObservedAt } = cohort;
  const copy = await openCohortCopy(verifier, { run: parent, dueOn, copy: 'archive' });
  const uploads = new UploadQueue();
  const draft = await boundsOf(ports, cohort);
  const splitFrom = { runId: parent.runId, dueOn, manifestDigest: copy.manifestDigest, holdId };
  const withheld = await CohortArchive.begin(archive, run, {
    ...{ draft, attempt, uploads, splitFrom },
    ...{ isResumed: false, finished: [], record: () => Promise.resolve() },
  });
  const batcher = new Batcher();
  const batches: SealedBatch[] = [];
  const assetIds = new Set<string>();
  let seen = 0;
  try {
    for await (const { record, share } of readDivided(verifier, copy, order)) {
      seen += 1;
      if (seen % LOOK_EVERY === 0) {
        await lease.keep();
        archive.pulse.beat({ step: 'withhold', dueOn, seen });
        if (withheld.bufferedBytes > BUFFERED_BYTES_MAX) await withheld.flush();
      }
      if (share !== 'covered') continue;
      const { location, assetId, versionId, content } = record;
      // Until when it was seen is known of live records only: as long as anything of its due day.
      const observedUntil = newestObservedAt ?? '';
      const write = withheld.append({ location, assetId, versionId, content, observedUntil });
      if (write !== null) await write();
      assetIds.add(assetId);
      const ended = batcher.add({ location, assetId, versionId, dueOn });
      if (ended !== null) batches.push(ended);
    }
    batches.push(...batcher.rest());
    await withheld.flush();
    await uploads.drain();
    await lease.keep();
    const sealed = await withheld.seal(await databaseNow(archive.control));
    const digest = batcher.digestWith(`${dueOn} ${sealed.manifestDigest}\n`);
    return { sealed, batches, digest, assetIds: [...assetIds] };
  } finally {
    await uploads.settle();
  }
}

/** The bounds of the due day that is split: its lock, and the instant before which no permit ends its key. */
export async function boundsOf(
  { verifier }: SplitPorts,
  { runId, dueOn, baseEarliestAt }: CohortRow,
): Promise<{
  readonly dueOn: string;
  readonly earliestAt: string;
  readonly baseEarliestAt: string | null;
  readonly minimumAt: string;
}> {
  const key = await textRow(
    verifier.keysTable,
    'SELECT not_before FROM data_keys WHERE key_ref = ?',
    [cohortKeyRef(runId, dueOn)],
  );
  const row = await textRow(
    verifier.control,
    'SELECT rule_earliest_at FROM cohorts WHERE run_id = ? AND due_on = ?',
    [runId, dueOn],
  );
  return {
    dueOn,
    baseEarliestAt,
    earliestAt: toInstant(required(row ?? {}, 'rule_earliest_at')),
    minimumAt: toInstant(required(key ?? {}, 'not_before')),
  };
}

/**
 * Writes the seal of a run that withholds: rows that nobody sees before the run itself is on record.
 *
 * @idempotency every attempt writes under a run of its own; what one leaves that died names no run on record.
 */
export async function insertWithheld(
  { archive }: SplitPorts,
  { parent, run, attempt, sealed, batches, digest, assetIds }: Attempt & Written,
): Promise<void> {
  const belonging = await archive.control.query(
    'SELECT asset_id FROM run_assets WHERE run_id = ? AND belongs_to_all = 1',
    [parent.runId],
  );
  const belongingToAll = new Set(belonging.map((row) => String(row['asset_id'])));
  await archive.manifests.transaction(async (sql) => {
    const now = await databaseNow(sql);
    for (const batch of batches) await insertBatch(sql, run.runId, batch);
    const cohort = { ...sealed, keyRefs: [sealed.keyRef] };
    await insertCohort(sql, run, { cohort, now });
    await insertRunAssets(sql, run, { assetIds, belongingToAll });
    await insertManifest(sql, run, { attemptId: `at_${attempt}`, digest, now });
  });
}

/** True when somebody else changed what the split rests on; it is looked at anew. */
export const isTakenOver = (error: unknown): boolean =>
  error instanceof LetheError && error.code === 'TAKEN_OVER';
