import { LetheError } from '../../domain/errors';
import { asking, isAbsent, isDenied, translateObjectFailure } from './failures';
import { setLegalHold, type ObjectVersion } from './legal-hold';
import { listUploads, type ListingOrder } from './list-everything';
import { retainedUntil } from './object-lock';
import { bucketOf, safeVersion, type ObjectStore, type VersionAddress } from './object-address';

/**
 * The only module that deletes objects: one version at a time, by its id. No batch call (it reports
 * failures as a success), no call without a version (it hides data behind a marker), no prefix.
 */

/** What became of a version. */
export type Destruction =
  | { readonly outcome: 'deleted' | 'absent' }
  /** The provider keeps it until then, whoever asks. */
  | { readonly outcome: 'retained'; readonly retainUntil: string };

/**
 * Clears the legal hold of one version, deletes it and reads that it is gone. The caller has the
 * tombstone of the key first: what is deleted here cannot be decrypted any more.
 *
 * @idempotency a version that is gone already is `absent`; nothing else is touched.
 * @throws LetheError UNSAFE_STATEMENT, ACCESS_DENIED, VERIFICATION_FAILED, STORE_UNAVAILABLE, OUTCOME_UNKNOWN.
 * @source AB-3
 */
export async function clearHoldAndDeleteVersion(
  store: ObjectStore,
  address: VersionAddress,
): Promise<Destruction> {
  const version = safeVersion(store, address);
  if (!(await exists(store, version))) return { outcome: 'absent' };
  try {
    await asking('write', () => setLegalHold(store.client, version, 'OFF'));
  } catch (error) {
    // Another worker may have been faster: what is gone needs no hold cleared.
    if (await exists(store, version)) throw error;
    return { outcome: 'absent' };
  }
  try {
    await remove(store, version);
  } catch (error) {
    if (!isDenied(error)) throw translateObjectFailure(error, 'write');
    const retainUntil = await retainedUntil(store, version);
    if (retainUntil === undefined) throw translateObjectFailure(error, 'write');
    return { outcome: 'retained', retainUntil };
  }
  if (await exists(store, version)) {
    throw new LetheError('VERIFICATION_FAILED', 'the version is still there after its deletion');
  }
  return { outcome: 'deleted' };
}

/**
 * Removes one delete marker, which carries a name and a date though no data. A marker cannot be locked;
 * an id that names a version with data is refused.
 *
 * @idempotency a marker that is gone already counts as removed.
 * @throws LetheError UNSAFE_STATEMENT when the id is a version with data.
 */
export async function removeDeleteMarker(
  store: ObjectStore,
  address: VersionAddress,
): Promise<void> {
  const version = safeVersion(store, address);
  if (await exists(store, version)) {
    throw new LetheError('UNSAFE_STATEMENT', 'versionId names data, not a delete marker', {
      field: 'versionId',
    });
  }
  await asking('write', () => remove(store, version));
}

/** Two listings see what began during the first; more means that somebody keeps writing. */
const ROUNDS_MAX = 5;

/**
 * Aborts every unfinished upload under a prefix until a listing shows none, and returns how many.
 *
 * @idempotency an upload that is gone already counts as aborted by somebody else.
 * @throws LetheError VERIFICATION_FAILED when new ones keep appearing: a writer is still at work.
 */
export async function abortUploads(store: ObjectStore, order: ListingOrder): Promise<number> {
  const bucket = bucketOf(store, order.bucket);
  let aborted = 0;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const uploads = await listUploads(store, order);
    if (uploads.length === 0) return aborted;
    for (const { name, uploadId } of uploads) {
      try {
        await store.client.abortMultipartUpload(bucket, name, uploadId);
        aborted += 1;
      } catch (error) {
        if (!isAbsent(error)) throw translateObjectFailure(error, 'write');
      }
    }
  }
  throw new LetheError('VERIFICATION_FAILED', 'unfinished uploads keep appearing under the prefix');
}

const remove = (store: ObjectStore, { bucket, name, versionId }: ObjectVersion): Promise<void> =>
  store.client.removeObject(bucket, name, { versionId });

/** True when the version holds data; a delete marker answers that there is nothing to read. */
async function exists(store: ObjectStore, version: ObjectVersion): Promise<boolean> {
  const { bucket, name, versionId } = version;
  try {
    await store.client.statObject(bucket, name, { versionId });
    return true;
  } catch (error) {
    if (isAbsent(error) || isMarker(error)) return false;
    throw translateObjectFailure(error, 'read');
  }
}

/** Reading a delete marker by its id is a method that is not allowed. */
const isMarker = (error: unknown): boolean =>
  (error as { code?: unknown } | null)?.code === 'MethodNotAllowed';
