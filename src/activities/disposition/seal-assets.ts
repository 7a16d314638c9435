import type { Progress } from '../../contracts/activities';
import type { Sql } from '../../contracts/sql';
import { atOnce } from '../at-once';
import { databaseNow, readTenantFacts } from '../control/tenant-facts';
import { textRow } from '../control/sql-text';
import { ArchiveLease } from './archive-lease';
import { Batcher } from './batches';
import { CohortArchive, type SealedCohort } from './cohort-archive';
import type { CohortDraft } from './drafts';
import { bindDueDays } from './due-days';
import { assetsOfAll, listAssetsOf } from './live-assets';
import { readLiveAssets, type LiveRecord } from './live-records';
import { OtherRecords } from './location-parts';
import type { ArchivePorts } from './ports';
import type { RunRow } from './run-rows';
import { readUnfinishedSeal, recordPart, type UnfinishedSeal } from './seal-parts';
import {
  insertBatch,
  insertCohort,
  insertManifest,
  insertRunAssets,
  unlessTakenOver,
} from './seal-rows';
import { UploadQueue } from './upload-queue';

/** All parts in the making together hold at most about this much memory: 16 MiB. */
const BUFFERED_BYTES_MAX = 16 * 1024 * 1024;
/** Manifests that are written at the same time. */
const MANIFESTS_AT_ONCE = 8;
/** Cohorts that are begun at the same time: each waits for its key. */
const COHORTS_AT_ONCE = 8;

/**
 * Reads every affected asset once, writes each version into the archive of its due day, in two copies,
 * and commits the manifest: batches of explicit ids, cohorts, objects with their version ids.
 *
 * Effect: objects under the attempt's names and their parts on record, then one transaction in control.
 * Nothing live changes.
 * @idempotency the run's manifest exists once; a repetition finds it. An attempt that died is resumed
 * behind the parts that it finished, once their records were found again with the same digest; otherwise
 * a new attempt begins, and what the old one left lies under its cohort's prefix and ends with the cohort.
 * Bounds: parts in the making hold about 16 MiB, four sealed parts are on their way; of 32 assets the scans.
 * Evidence: `run-sealed` with counts and digest.
 * @throws LetheError TAKEN_OVER when another worker records the same part or seals the run first.
 * @source AB-2, AB-3
 */
export async function sealAssets(ports: ArchivePorts, run: RunRow): Promise<Progress['counts']> {
  const lease = await ArchiveLease.start(ports, run);
  try {
    const unfinished = await readUnfinishedSeal(ports.manifests, run.runId);
    if (unfinished !== null) {
      try {
        return await sealUnder(ports, run, { ...unfinished, lease, isResumed: true });
      } catch (error) {
        if (!(error instanceof OtherRecords)) throw error;
      }
    }
    const fresh = { attempt: ports.newToken(), parts: [], isResumed: false };
    return await sealUnder(ports, run, { ...fresh, lease });
  } finally {
    await lease.end();
  }
}

/** True when the run was sealed by this or an earlier attempt. */
export async function isSealed(sql: Sql, runId: string): Promise<boolean> {
  return (await textRow(sql, 'SELECT digest FROM manifests WHERE run_id = ?', [runId])) !== null;
}

/** An attempt to seal a run, with what it has finished already. */
interface Seal extends UnfinishedSeal {
  readonly lease: ArchiveLease;
  readonly isResumed: boolean;
}

async function sealUnder(
  ports: ArchivePorts,
  run: RunRow,
  seal: Seal,
): Promise<Progress['counts']> {
  const uploads = new UploadQueue();
  try {
    return await unlessTakenOver(() =>
      ports.manifests.transaction((sql) => sealInto(sql, ports, { run, seal, uploads })),
    );
  } finally {
    await uploads.settle();
  }
}

async function sealInto(
  sql: Sql,
  ports: ArchivePorts,
  order: { readonly run: RunRow; readonly seal: Seal; readonly uploads: UploadQueue },
): Promise<Progress['counts']> {
  const { run, seal } = order;
  const facts = await readTenantFacts(ports.control, run.tenantId);
  if (facts === null) throw new Error('a run without a tenant');
  const draftOf = bindDueDays(ports, facts, run);
  const cohorts = new Cohorts(ports, order);
  const batcher = new Batcher();
  const assetIds = new Set<string>();
  let records = 0;
  let inserting: Promise<unknown> = Promise.resolve();
  for await (const chunk of readAffected(ports, run)) {
    await seal.lease.keep();
    const drafts = chunk.map((record) => draftOf(record.observedUntil));
    await cohorts.begin(drafts);
    for (const [index, record] of chunk.entries()) {
      assetIds.add(record.assetId);
      const write = cohorts.of(drafts[index]).append(record);
      if (write !== null) await write();
      const { location, assetId, versionId } = record;
      const ended = batcher.add({ location, assetId, versionId, dueOn: '' });
      if (ended === null) continue;
      // One batch is written while the next is read.
      await inserting;
      inserting = insertBatch(sql, run.runId, ended);
      // A failure is told when the next batch is due, or at the end.
      inserting.catch(() => undefined);
    }
    await cohorts.spill();
    records += chunk.length;
    ports.pulse.beat({ step: 'seal', records, bytes: cohorts.writtenBytes });
  }
  await inserting;
  for (const batch of batcher.rest()) await insertBatch(sql, run.runId, batch);
  const now = await databaseNow(sql);
  const sealed = await cohorts.seal(now);
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
  await insertManifest(sql, run, { attemptId: `at_${seal.attempt}`, digest, now });
  return { records, cohorts: sealed.length, resumedParts: seal.parts.length };
}

/** The cohorts of a run in the making, by due day. */
class Cohorts {
  /** Bytes of the parts that were finished in this pass. */
  writtenBytes = 0;
  private readonly byDay = new Map<string, CohortArchive>();

  constructor(
    private readonly ports: ArchivePorts,
    private readonly order: {
      readonly run: RunRow;
      readonly seal: Seal;
      readonly uploads: UploadQueue;
    },
  ) {}

  /** The cohort of a due day that has begun. */
  of(draft: CohortDraft | undefined): CohortArchive {
    const cohort = this.byDay.get(draft?.dueOn ?? '');
    if (cohort === undefined) throw new Error('a due day whose cohort has not begun');
    return cohort;
  }

  /** Begins the cohorts of due days that have none yet. */
  async begin(drafts: readonly CohortDraft[]): Promise<void> {
    const fresh = new Map<string, CohortDraft>();
    for (const draft of drafts) {
      // The first record of a due day defines its cohort.
      if (!this.byDay.has(draft.dueOn) && !fresh.has(draft.dueOn)) fresh.set(draft.dueOn, draft);
    }
    if (fresh.size === 0) return;
    const begun = await atOnce([...fresh.values()], COHORTS_AT_ONCE, (draft) => this.start(draft));
    for (const [index, dueOn] of [...fresh.keys()].entries()) {
      const cohort = begun[index];
      if (cohort !== undefined) this.byDay.set(dueOn, cohort);
    }
  }

  private start(draft: CohortDraft): Promise<CohortArchive> {
    const { run, seal, uploads } = this.order;
    const { attempt, isResumed } = seal;
    return CohortArchive.begin(this.ports, run, {
      ...{ draft, attempt, isResumed, uploads },
      finished: seal.parts.filter((part) => part.dueOn === draft.dueOn),
      record: async (part) => {
        await recordPart(this.ports.manifests, { runId: run.runId, attempt }, part);
        this.writtenBytes += part.bytes;
      },
    });
  }

  /** Keeps the memory of many cohorts in the making below its bound by writing the largest. */
  async spill(): Promise<void> {
    const all = [...this.byDay.values()];
    const sum = all.reduce((bytes, cohort) => bytes + cohort.bufferedBytes, 0);
    if (sum < BUFFERED_BYTES_MAX) return;
    const largest = all.sort((a, b) => b.bufferedBytes - a.bufferedBytes)[0];
    await largest?.flush();
  }

  /** Writes what waits, then the manifests. */
  async seal(now: string): Promise<readonly SealedCohort[]> {
    const { uploads, seal } = this.order;
    const cohorts = [...this.byDay].sort(([a], [b]) => a.localeCompare(b));
    for (const [, cohort] of cohorts) {
      await seal.lease.keep();
      await cohort.flush();
    }
    await uploads.drain();
    for (const [, cohort] of cohorts) await cohort.fillGaps();
    await uploads.drain();
    return atOnce(cohorts, MANIFESTS_AT_ONCE, async ([dueOn, cohort]) => {
      this.ports.pulse.beat({ step: 'manifest', dueOn });
      return cohort.seal(now);
    });
  }
}

/**
 * The records the run covers: all of its assets; under a request only what was last seen at or before
 * its receipt, and never the links, because the asset itself may live on. @source DR-1
 */
async function* readAffected(
  ports: ArchivePorts,
  run: RunRow,
): AsyncGenerator<readonly LiveRecord[]> {
  const assetIds = await listAssetsOf(ports, run);
  for await (const records of readLiveAssets(ports, { tenantId: run.tenantId, assetIds })) {
    yield records.filter((record) => isCovered(run, record));
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
