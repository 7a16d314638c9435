import type { RecordLocation } from '../domain/inventory';
import { invalid } from './failures';
import type { CohortIdentity, PartIdentity, RecordSchema } from './identity';
import type { ManifestContent, ManifestLocation, ManifestPart } from './manifest-content';
import { readPart } from './part-reader';
import { recordKeyOf, type RecordKey } from './record-key';
import { createSetDigest, type SetDigest } from './set-digest';

/** Gives the stored bytes of an object by its name. */
export type OpenObject = (
  objectName: string,
) => AsyncIterable<Buffer> | Buffer | Promise<AsyncIterable<Buffer> | Buffer>;

/** A record as it comes back from the archive. */
export interface ArchivedRecord extends RecordKey {
  readonly location: RecordLocation;
  readonly schema: RecordSchema;
  /** The line of a row (`decodeSqlRow`) or the bytes of a document. */
  readonly content: Buffer;
}

/**
 * Reads a whole cohort by its opened manifest and proves it: every part is the listed one byte for byte,
 * and every location has exactly the sealed records. Only the end without a failure is the proof; what
 * was given out before it counts only then.
 *
 * Reading only, so safe to repeat. Memory is one frame and one record.
 *
 * @throws LetheError as `readPart`; ARCHIVE_INVALID also when a location's digest differs.
 */
export async function* readCohort(
  open: OpenObject,
  { dataKey, manifest }: { readonly dataKey: Buffer; readonly manifest: ManifestContent },
): AsyncGenerator<ArchivedRecord> {
  const totals = new Map<RecordLocation, Total>();
  for (const listing of manifest.locations) {
    totals.set(listing.location, { listing, digest: createSetDigest(dataKey) });
  }
  for (const part of manifest.parts) {
    const total = totals.get(part.location);
    if (total === undefined) throw invalid('the manifest lists a part of a location it lacks');
    const { schema } = total.listing;
    const { location } = part;
    const expectation = {
      dataKey,
      expect: identityOf(manifest, part),
      schema,
      listed: part,
    };
    for await (const content of readPart(await open(part.objectName), expectation)) {
      const record = { location, content, ...recordKeyOf(content, schema) };
      total.digest.add(record);
      yield { ...record, schema };
    }
  }
  for (const { listing, digest } of totals.values()) {
    if (digest.count !== listing.records || digest.value() !== listing.setDigest) {
      throw invalid(`the records of ${listing.location} are not the sealed ones`);
    }
  }
}

interface Total {
  readonly listing: ManifestLocation;
  readonly digest: SetDigest;
}

/** Which part of a cohort a manifest lists. */
export function identityOf(cohort: CohortIdentity, { location, part }: ManifestPart): PartIdentity {
  const { tenantId, recordClass, runId, dueOn, attempt } = cohort;
  return { tenantId, recordClass, runId, dueOn, attempt, location, part };
}
