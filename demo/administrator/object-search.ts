import { buffer } from 'node:stream/consumers';
import { Client } from 'minio';
import { bucketLocation, type Count, type EnvironmentNames } from './locations';

/** Address of the object store and an administrator's account. */
export interface ObjectServer {
  readonly endpoint: string;
  readonly region: string;
  readonly pathStyle: boolean;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Entries per request of a listing; smaller in tests of the paging. */
  readonly pageSize?: number;
}

/** Where `text` may stand: in the names of objects, or also in their bodies. */
export type ObjectDepth = 'names' | 'bodies';

const PAGE_SIZE = 1000;
/** Bodies of the environment's objects are read up to this size, in bytes; larger ones are an error. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;

interface Listed {
  readonly name?: string;
  readonly versionId?: string;
  readonly size?: number;
  readonly isDeleteMarker?: boolean | string;
}

/**
 * Counts, in every bucket of the server, the versions, delete markers and unfinished uploads whose name
 * contains `text`; with depth `bodies` also the versions of the environment's buckets whose bytes do.
 */
export async function searchObjects(
  server: ObjectServer,
  names: EnvironmentNames,
  search: { readonly text: string; readonly depth: ObjectDepth },
): Promise<readonly Count[]> {
  const client = connect(server);
  const pageSize = server.pageSize ?? PAGE_SIZE;
  const counts: Count[] = [];
  for (const { name: bucket } of await client.listBuckets()) {
    const location = bucketLocation(names, bucket);
    const foreign = location.includes(':/');
    const readBodies = search.depth === 'bodies' && !foreign;
    try {
      const versions = await countVersions(client, {
        bucket,
        pageSize,
        text: search.text,
        readBodies,
      });
      counts.push({
        location,
        things: versions + (await countUploads(client, bucket, search.text)),
      });
    } catch (error) {
      // Removed between the listing and the search, as buckets of other people's tests are.
      if (!foreign || (error as { code?: string }).code !== 'NoSuchBucket') throw error;
    }
  }
  return counts;
}

function connect(server: ObjectServer): Client {
  const url = new URL(server.endpoint);
  const secure = url.protocol === 'https:';
  return new Client({
    endPoint: url.hostname,
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    useSSL: secure,
    region: server.region,
    pathStyle: server.pathStyle,
    accessKey: server.accessKey,
    secretKey: server.secretKey,
  });
}

async function countVersions(
  client: Client,
  search: {
    readonly bucket: string;
    readonly pageSize: number;
    readonly text: string;
    readonly readBodies: boolean;
  },
): Promise<number> {
  let things = 0;
  for await (const entry of listVersions(client, search)) {
    const named = (entry.name ?? '').includes(search.text);
    if (named || (search.readBodies && (await bodyContains(client, search, entry)))) things += 1;
  }
  return things;
}

/**
 * All versions and delete markers of a bucket, page by page. The client's own listing cannot go past its
 * first page when a name has a slash in it: it does not escape where the next page begins.
 */
async function* listVersions(
  client: Client,
  { bucket, pageSize }: { readonly bucket: string; readonly pageSize: number },
): AsyncGenerator<Listed> {
  let after = { keyMarker: '', versionIdMarker: '' };
  for (;;) {
    const page = (await client.listObjectsQuery(bucket, '', '', {
      Delimiter: '',
      MaxKeys: pageSize,
      IncludeVersion: true,
      keyMarker: encodeURIComponent(after.keyMarker),
      versionIdMarker: encodeURIComponent(after.versionIdMarker),
    })) as unknown as Page;
    yield* page.objects;
    if (page.isTruncated !== true && page.isTruncated !== 'true') return;
    const next = { keyMarker: page.keyMarker ?? '', versionIdMarker: page.versionIdMarker ?? '' };
    if (next.keyMarker === '' || JSON.stringify(next) === JSON.stringify(after)) {
      throw new Error(`${bucket}: the listing does not say where it goes on`);
    }
    after = next;
  }
}

interface Page {
  readonly objects: readonly Listed[];
  readonly isTruncated: unknown;
  readonly keyMarker?: string;
  readonly versionIdMarker?: string;
}

async function bodyContains(
  client: Client,
  search: { readonly bucket: string; readonly text: string },
  { name, versionId, size, isDeleteMarker }: Listed,
): Promise<boolean> {
  if (name === undefined || isDeleteMarker === true || isDeleteMarker === 'true') return false;
  if ((size ?? 0) > BODY_BYTES_MAX)
    throw new Error(`${search.bucket}: an object is too large to read`);
  const body = await client.getObject(
    search.bucket,
    name,
    versionId === undefined ? {} : { versionId },
  );
  return (await buffer(body)).includes(search.text);
}

async function countUploads(client: Client, bucket: string, text: string): Promise<number> {
  let things = 0;
  for await (const upload of client.listIncompleteUploads(bucket, '', true) as AsyncIterable<{
    key?: string;
  }>) {
    if ((upload.key ?? '').includes(text)) things += 1;
  }
  return things;
}
