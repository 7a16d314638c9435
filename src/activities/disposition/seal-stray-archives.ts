import { createHash } from 'node:crypto';
import type { Progress } from '../../contracts/activities';
import { isLetheError } from '../../domain/errors';
import { required, textRows, toInstant } from '../control/sql-text';
import { databaseNow, readTenantFacts } from '../control/tenant-facts';
import { bindDrafts, type CohortDraft } from './drafts';
import type { ArchivePorts } from './ports';
import type { RunRow } from './run-rows';
import { insertCohort, insertManifest, unlessTakenOver } from './seal-rows';
import type { StrayArchive } from '../control/strays';

/** What ends on one day. */
interface StrayCohort {
  readonly draft: CohortDraft;
  readonly archives: readonly StrayArchive[];
}

/**
 * Seals what was found in the archive or among the keys: a cohort for each due day that names its keys.
 * Nothing is copied and nothing live changes. A name in the archive without a key gets one, so that its
 * objects go by the same rule as all others: after the tombstone of their key, under its permits.
 *
 * Effect: keys that were missing, then one transaction in control.
 * @idempotency the run's manifest exists once; a repetition finds it.
 * @throws LetheError TAKEN_OVER when another worker seals it first.
 * @source ST-1
 */
export async function sealStrayArchives(
  ports: ArchivePorts,
  run: RunRow,
): Promise<Progress['counts']> {
  const facts = await readTenantFacts(ports.control, run.tenantId);
  if (facts === null) throw new Error('a run without a tenant');
  const draftOf = bindDrafts(ports, facts, run);
  const byDay = new Map<string, StrayCohort>();
  for (const archive of await readDiscovered(ports, run)) {
    const draft = draftOf(archive.newestObservedAt);
    const known = byDay.get(draft.dueOn)?.archives ?? [];
    byDay.set(draft.dueOn, { draft, archives: [...known, archive] });
    await ensureKey(ports, run, { keyRef: archive.keyRef, notBefore: draft.minimumAt });
  }
  await unlessTakenOver(() => insertCohorts(ports, run, [...byDay.values()]));
  return { records: 0, cohorts: byDay.size };
}

async function insertCohorts(
  ports: ArchivePorts,
  run: RunRow,
  cohorts: readonly StrayCohort[],
): Promise<void> {
  await ports.manifests.transaction(async (sql) => {
    const now = await databaseNow(sql);
    for (const { draft, archives } of cohorts) {
      const newestObservedAt =
        archives
          .map((one) => one.newestObservedAt)
          .sort()
          .at(-1) ?? null;
      const keyRefs = archives.map(({ keyRef }) => keyRef);
      const cohort = { ...draft, newestObservedAt, keyRefs, records: 0, objects: [] };
      await insertCohort(sql, run, { cohort: { ...cohort, counts: new Map() }, now });
    }
    const digest = createHash('sha256').update(JSON.stringify(cohorts), 'utf8').digest('hex');
    await insertManifest(sql, run, { attemptId: `at_${ports.newToken()}`, digest, now });
  });
}

async function readDiscovered(ports: ArchivePorts, run: RunRow): Promise<readonly StrayArchive[]> {
  const rows = await textRows(
    ports.control,
    `SELECT key_ref, newest_observed_at, objects FROM stray_archives
      WHERE tenant_id = ? AND event_id = ? ORDER BY key_ref`,
    [run.tenantId, run.eventId],
  );
  return rows.map((row) => ({
    keyRef: required(row, 'key_ref'),
    newestObservedAt: toInstant(required(row, 'newest_observed_at')),
    objects: Number(required(row, 'objects')),
  }));
}

/** A key that has its tombstone stays destroyed: its objects are condemned already. */
async function ensureKey(
  ports: ArchivePorts,
  { tenantId }: RunRow,
  key: { readonly keyRef: string; readonly notBefore: string },
): Promise<void> {
  try {
    await ports.keys.ensure({ ...key, tenantId });
  } catch (error) {
    if (!isLetheError(error) || error.code !== 'KEY_DESTROYED') throw error;
  }
}
