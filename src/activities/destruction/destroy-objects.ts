import { LetheError } from '../../domain/errors';
import { cohortPrefix } from '../../domain/environment-names';
import { parseId } from '../../domain/identifiers';
import { cohortKeyRef } from '../../contracts/keys';
import { COPIES } from '../disposition/cohort-archive';
import {
  abortUploads,
  clearHoldAndDeleteVersion,
  removeDeleteMarker,
} from '../objects/destroy-version';
import { listEverything } from '../objects/list-everything';
import { readTombstone } from './destroy-key';
import type { DestructionPorts } from './ports';

/** What became of a cohort's objects. */
export interface ObjectsOutcome {
  readonly deleted: number;
  /** The provider keeps some until then, unreadable; null when everything is gone. */
  readonly retainedUntil: string | null;
}

/**
 * Deletes everything under a cohort's prefix in both copies, version by version: what was sealed, what a
 * dead attempt left, delete markers, unfinished uploads. All of it was written under the cohort's key,
 * which must have its tombstone first.
 *
 * @idempotency what is gone stays gone; the listing is read again each time.
 * @throws LetheError PERMIT_REFUSED while the key lives; STORE_UNAVAILABLE, OUTCOME_UNKNOWN.
 * @source AB-3
 */
export async function destroyObjects(
  ports: DestructionPorts,
  cohort: { readonly tenantId: string; readonly runId: string; readonly dueOn: string },
): Promise<ObjectsOutcome> {
  const tombstone = await readTombstone(ports, cohortKeyRef(cohort.runId, cohort.dueOn));
  if (tombstone === null) {
    throw new LetheError('PERMIT_REFUSED', 'objects go only after the tombstone of their key');
  }
  const prefix = cohortPrefix(
    parseId('TenantId', cohort.tenantId, 'tenantId'),
    parseId('RunId', cohort.runId, 'runId'),
    cohort.dueOn,
  );
  let deleted = 0;
  const retained: string[] = [];
  for (const bucket of COPIES) {
    await abortUploads(ports.objects, { bucket, prefix });
    const listing = await listEverything(ports.objects, { bucket, prefix });
    for (const { name, versionId } of listing.versions) {
      ports.pulse.beat({ step: 'destroy objects', deleted });
      const result = await clearHoldAndDeleteVersion(ports.objects, { bucket, name, versionId });
      if (result.outcome === 'retained') retained.push(result.retainUntil);
      else deleted += 1;
    }
    for (const { name, versionId } of listing.deleteMarkers) {
      await removeDeleteMarker(ports.objects, { bucket, name, versionId });
    }
  }
  return { deleted, retainedUntil: retained.sort().at(-1) ?? null };
}
