import type { Client } from 'minio';
import { setLegalHold } from '../../src/activities/objects/legal-hold';

/** A version or a delete marker as the object store lists it. */
export interface ListedVersion {
  readonly name: string;
  readonly versionId: string;
  readonly etag: string;
  readonly size: number;
  readonly isDeleteMarker: boolean;
}

interface Page {
  readonly objects: readonly Partial<ListedVersion>[];
  readonly isTruncated: unknown;
  readonly keyMarker?: string;
  readonly versionIdMarker?: string;
}

const PAGE_SIZE = 1000;

/**
 * All versions and delete markers under a prefix, over all pages; it shares no code with the engine. The
 * client's own listing does not escape where the next page begins, so that a name with a slash in it makes
 * that page's request fail.
 */
export async function* versionsIn(
  client: Client,
  bucket: string,
  prefix = '',
): AsyncGenerator<ListedVersion> {
  for (let after: Marker | null = START; after !== null;) {
    const page = (await client.listObjectsQuery(bucket, prefix, '', {
      Delimiter: '',
      MaxKeys: PAGE_SIZE,
      IncludeVersion: true,
      keyMarker: encodeURIComponent(after.keyMarker),
      versionIdMarker: encodeURIComponent(after.versionIdMarker),
    })) as unknown as Page;
    yield* page.objects.map(toVersion);
    after = nextOf(page, after);
  }
}

interface Marker {
  readonly keyMarker: string;
  readonly versionIdMarker: string;
}
const START: Marker = { keyMarker: '', versionIdMarker: '' };

/** Where the next page begins; null after the last one. */
function nextOf(
  { isTruncated, keyMarker = '', versionIdMarker = '' }: Page,
  after: Marker,
): Marker | null {
  if (String(isTruncated) !== 'true') return null;
  const stays = keyMarker === after.keyMarker && versionIdMarker === after.versionIdMarker;
  if (keyMarker === '' || stays) throw new Error('the listing does not say where it goes on');
  return { keyMarker, versionIdMarker };
}

function toVersion(entry: Page['objects'][number]): ListedVersion {
  const { name, versionId, etag = '', size = 0, isDeleteMarker } = entry;
  if (name === undefined || versionId === undefined) throw new Error('an entry has no version');
  return { name, versionId, etag, size, isDeleteMarker: String(isDeleteMarker) === 'true' };
}

/** Removes every version of a bucket, legal holds or not. */
export async function emptyBucket(client: Client, bucket: string): Promise<void> {
  for await (const { name, versionId } of versionsIn(client, bucket)) {
    await setLegalHold(client, { bucket, name, versionId }, 'OFF').catch(() => undefined);
    await client.removeObject(bucket, name, { versionId });
  }
}
