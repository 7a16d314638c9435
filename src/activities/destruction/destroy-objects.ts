import { LetheError } from '../../domain/errors';
import { COPIES } from '../disposition/cohort-archive';
import {
  abortUploads,
  clearHoldAndDeleteVersion,
  removeDeleteMarker,
} from '../objects/destroy-version';
import { listEverything } from '../objects/list-everything';
import { keysOfCohort, prefixOfKey } from './cohort-keys';
import { readTombstone } from './destroy-key';
import type { DestructionPorts } from './ports';

/** What became of a cohort's objects. */
export interface ObjectsOutcome {
  readonly deleted: number;
  /** The provider keeps some until then, unreadable; null when everything is gone. */
  readonly retainedUntil: string | null;
}

/**
 * Deletes everything under the prefix of each of a cohort's keys in both copies, version by version: what was
 * sealed, what a dead attempt left, delete markers, unfinished uploads. All of it was written under that key,
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
  const outcome = { deleted: 0, retained: [] as string[] };
  for (const keyRef of await keysOfCohort(ports.control, cohort)) {
    if ((await readTombstone(ports, keyRef)) === null) {
      throw new LetheError('PERMIT_REFUSED', 'objects go only after the tombstone of their key');
    }
    await destroyUnder(ports, prefixOfKey(cohort.tenantId, keyRef), outcome);
  }
  return { deleted: outcome.deleted, retainedUntil: outcome.retained.sort().at(-1) ?? null };
}

async function destroyUnder(
  ports: DestructionPorts,
  prefix: string,
  outcome: { deleted: number; readonly retained: string[] },
): Promise<void> {
  for (const bucket of COPIES) {
    await abortUploads(ports.objects, { bucket, prefix });
    const listing = await listEverything(ports.objects, { bucket, prefix });
    for (const { name, versionId } of listing.versions) {
      ports.pulse.beat({ step: 'destroy objects', deleted: outcome.deleted });
      const result = await clearHoldAndDeleteVersion(ports.objects, { bucket, name, versionId });
      if (result.outcome === 'retained') outcome.retained.push(result.retainUntil);
      else outcome.deleted += 1;
    }
    for (const { name, versionId } of listing.deleteMarkers) {
      await removeDeleteMarker(ports.objects, { bucket, name, versionId });
    }
  }
}
