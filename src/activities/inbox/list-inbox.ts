import { asking, isAbsent, translateObjectFailure } from '../objects/failures';
import { bucketOf, type ObjectStore } from '../objects/object-address';

/** Something that was delivered: one version of an object, or the mark that one was deleted. */
export interface Delivered {
  readonly name: string;
  readonly versionId: string;
  readonly bytes: number;
  readonly isMarker: boolean;
}

/** Entries of one page of a listing. */
const PAGE = 1_000;
/** Pages of one round: enough to find every tenant that delivers, without reading a flood to its end. */
const PAGES_MAX = 10;
/** An upload that nobody completed for so long never will be. */
const UPLOAD_MS_MAX = 86_400_000;

interface RawEntry {
  readonly name?: unknown;
  readonly versionId?: unknown;
  readonly size?: unknown;
  readonly isDeleteMarker?: unknown;
}

interface RawPage {
  readonly objects: readonly RawEntry[];
  readonly isTruncated: unknown;
  readonly keyMarker?: string;
  readonly versionIdMarker?: string;
}

/**
 * Lists what lies in the inbox, all versions of it, at most ten thousand entries. It is no verdict: what was
 * not listed is found in a later round, and the verifier looks by tenant and completely.
 *
 * @throws LetheError STORE_UNAVAILABLE or ACCESS_DENIED.
 */
export async function listInbox(store: ObjectStore): Promise<{
  readonly delivered: readonly Delivered[];
  readonly more: boolean;
}> {
  const bucket = bucketOf(store, 'inbox');
  const delivered: Delivered[] = [];
  let [keyMarker, versionIdMarker] = ['', ''];
  for (let read = 0; read < PAGES_MAX; read += 1) {
    const options = {
      ...{ Delimiter: '', MaxKeys: PAGE, IncludeVersion: true },
      // The client signs the markers escaped and sends them as they are.
      keyMarker: encodeURIComponent(keyMarker),
      versionIdMarker: encodeURIComponent(versionIdMarker),
    };
    const page = (await asking('read', () =>
      store.client.listObjectsQuery(bucket, '', '', options),
    )) as unknown as RawPage;
    delivered.push(...page.objects.flatMap(deliveredOf));
    if (page.isTruncated !== true && page.isTruncated !== 'true') return { delivered, more: false };
    keyMarker = page.keyMarker ?? '';
    versionIdMarker = page.versionIdMarker ?? '';
    if (keyMarker === '') break;
  }
  return { delivered, more: true };
}

function deliveredOf({ name, versionId, size, isDeleteMarker }: RawEntry): readonly Delivered[] {
  if (typeof name !== 'string' || typeof versionId !== 'string' || versionId === '') return [];
  const bytes = typeof size === 'number' ? size : 0;
  return [{ name, versionId, bytes, isMarker: isDeleteMarker === true }];
}

/**
 * Removes exactly one version, or one mark.
 *
 * @idempotency gone already counts as removed.
 * @throws LetheError OUTCOME_UNKNOWN when the answer was lost; the next round lists what is left.
 */
export async function removeDelivered(store: ObjectStore, delivered: Delivered): Promise<void> {
  const { name, versionId } = delivered;
  try {
    await store.client.removeObject(bucketOf(store, 'inbox'), name, { versionId });
  } catch (error) {
    if (!isAbsent(error)) throw translateObjectFailure(error, 'write');
  }
}

interface RawUpload {
  readonly key?: unknown;
  readonly uploadId?: unknown;
  readonly initiated?: unknown;
}

/**
 * Ends uploads that were begun a day ago and never completed: their parts are data like any other.
 *
 * @idempotency what has ended is not listed again.
 * @returns how many it ended.
 */
export async function abortOldUploads(store: ObjectStore, now: string): Promise<number> {
  const bucket = bucketOf(store, 'inbox');
  const page = (await asking('read', () =>
    store.client.listIncompleteUploadsQuery(bucket, '', '', '', ''),
  )) as unknown as { readonly uploads: readonly RawUpload[] };
  let aborted = 0;
  for (const { key, uploadId, initiated } of page.uploads) {
    const begun = initiated instanceof Date ? initiated.getTime() : Date.parse(String(initiated));
    const isOld = Date.parse(now) - begun > UPLOAD_MS_MAX;
    if (typeof key !== 'string' || typeof uploadId !== 'string' || !isOld) continue;
    await asking('write', () => store.client.abortMultipartUpload(bucket, key, uploadId));
    aborted += 1;
  }
  return aborted;
}
