import { LetheError } from '../../domain/errors';
import type { BucketRole } from '../../domain/environment-names';
import { asking } from './failures';
import { bucketOf, safePrefix, type ObjectStore } from './object-address';

/** A stored version or a delete marker. */
export interface ListedVersion {
  readonly name: string;
  readonly versionId: string;
  readonly bytes: number;
}

/** An upload that was begun and neither completed nor aborted; its parts are data like any other. */
export interface ListedUpload {
  readonly name: string;
  readonly uploadId: string;
}

/** Everything that exists under a prefix, including what an ordinary listing does not show. */
export interface ObjectListing {
  readonly versions: readonly ListedVersion[];
  readonly deleteMarkers: readonly ListedVersion[];
  readonly uploads: readonly ListedUpload[];
}

/** Where to look. */
export interface ListingOrder {
  readonly bucket: BucketRole;
  /** Ends with a slash. */
  readonly prefix: string;
  /** Entries per request; smaller in tests of the paging. */
  readonly pageSize?: number;
}

const PAGE_SIZE = 1000;
/** A prefix is a tenant or less; beyond this a listing must be divided by longer prefixes. */
const ENTRIES_MAX = 1_000_000;

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
 * Lists all versions, delete markers and unfinished uploads under a prefix, over all pages.
 *
 * A page that is cut off without saying where to go on, or an entry without a name or version, fails the
 * listing: a verdict of "nothing left" must not rest on half an answer. Reading, so safe to repeat.
 *
 * @throws LetheError UNSAFE_STATEMENT, VERIFICATION_FAILED, STORE_UNAVAILABLE or ACCESS_DENIED.
 */
export async function listEverything(
  store: ObjectStore,
  order: ListingOrder,
): Promise<ObjectListing> {
  const bucket = bucketOf(store, order.bucket);
  const prefix = safePrefix(order.prefix);
  const versions: ListedVersion[] = [];
  const deleteMarkers: ListedVersion[] = [];
  for await (const entry of versionPages(store, { bucket, prefix, pageSize: order.pageSize })) {
    (entry.isDeleteMarker === true ? deleteMarkers : versions).push(listed(entry, prefix));
    if (versions.length + deleteMarkers.length > ENTRIES_MAX) throw incomplete('it is too long');
  }
  return { versions, deleteMarkers, uploads: await listUploads(store, order) };
}

/**
 * Names of all versions and delete markers of a bucket, over all pages; a name comes once for each of them.
 * The client's own listing cannot go past its first page. Reading, so safe to repeat.
 *
 * @throws LetheError as {@link listEverything}.
 */
export async function* namesIn(
  store: ObjectStore,
  order: Omit<ListingOrder, 'prefix'>,
): AsyncGenerator<string> {
  const bucket = bucketOf(store, order.bucket);
  const pages = versionPages(store, { bucket, prefix: '', pageSize: order.pageSize });
  for await (const entry of pages) yield listed(entry, '').name;
}

interface Place {
  readonly bucket: string;
  readonly prefix: string;
  readonly pageSize: number | undefined;
}

async function* versionPages(store: ObjectStore, place: Place): AsyncGenerator<RawEntry> {
  const MaxKeys = place.pageSize ?? PAGE_SIZE;
  let keyMarker = '';
  let versionIdMarker = '';
  for (;;) {
    const options = {
      ...{ Delimiter: '', MaxKeys, IncludeVersion: true },
      // The client signs the markers escaped and sends them as they are.
      keyMarker: encodeURIComponent(keyMarker),
      versionIdMarker: encodeURIComponent(versionIdMarker),
    };
    const page = (await asking('read', () =>
      store.client.listObjectsQuery(place.bucket, place.prefix, '', options),
    )) as unknown as RawPage;
    yield* page.objects;
    if (page.isTruncated !== true && page.isTruncated !== 'true') return;
    const nextKey = page.keyMarker ?? '';
    const nextVersion = page.versionIdMarker ?? '';
    if (nextKey === '' || (nextKey === keyMarker && nextVersion === versionIdMarker)) {
      throw incomplete('a page does not say where the next one begins');
    }
    keyMarker = nextKey;
    versionIdMarker = nextVersion;
  }
}

function listed(entry: RawEntry, prefix: string): ListedVersion {
  const { name, versionId, size } = entry;
  if (typeof name !== 'string' || typeof versionId !== 'string' || versionId === '') {
    throw incomplete('an entry has no name or no version');
  }
  if (!name.startsWith(prefix)) throw incomplete('an entry lies outside of the prefix');
  return { name, versionId, bytes: typeof size === 'number' ? size : 0 };
}

/**
 * Lists the unfinished uploads under a prefix.
 *
 * The client reads no marker inside one name, so the page after a cut may skip further uploads of the last
 * name: that name is asked for again by itself. Reading, so safe to repeat.
 *
 * @throws LetheError as {@link listEverything}.
 */
export async function listUploads(
  store: ObjectStore,
  order: ListingOrder,
): Promise<readonly ListedUpload[]> {
  const bucket = bucketOf(store, order.bucket);
  const prefix = safePrefix(order.prefix);
  const found = new Map<string, ListedUpload>();
  const ask = async (under: string, after: string): Promise<UploadPage> => {
    const page = (await asking('read', () =>
      store.client.listIncompleteUploadsQuery(bucket, under, after, '', ''),
    )) as unknown as UploadPage;
    for (const { key, uploadId } of page.uploads) {
      if (typeof key !== 'string' || typeof uploadId !== 'string') {
        throw incomplete('an upload has no name or no id');
      }
      if (key.startsWith(prefix)) found.set(uploadId, { name: key, uploadId });
    }
    return page;
  };
  let marker = '';
  for (;;) {
    const page = await ask(prefix, marker);
    if (page.isTruncated !== true && page.isTruncated !== 'true') return [...found.values()];
    const last = page.nextKeyMarker;
    if (typeof last !== 'string' || last === '' || last === marker) {
      throw incomplete('a page of uploads does not say where the next one begins');
    }
    await ask(last, '');
    marker = last;
  }
}

interface UploadPage {
  readonly uploads: readonly { readonly key: unknown; readonly uploadId: unknown }[];
  readonly isTruncated: unknown;
  readonly nextKeyMarker: unknown;
}

const incomplete = (why: string): LetheError =>
  new LetheError('VERIFICATION_FAILED', `the listing of the object store is incomplete: ${why}`);
