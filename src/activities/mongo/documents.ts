import type { MongoClient } from 'mongodb';
import { LetheError } from '../../domain/errors';
import type { CollectionLocation, DocumentBatch, StoredDocument } from '../../contracts/documents';
import { collectionOf } from './collections';
import { speaking, translateMongo } from './failures';

/** Documents of one insert call. */
const INSERT_MAX = 1000;
const DUPLICATE_KEY = 11_000;

/** Where documents are read and inserted. */
export interface DocumentStore {
  readonly client: MongoClient;
  readonly prefix: string;
}

/** Which documents: always one tenant and one asset or generation. */
export interface DocumentGroup {
  readonly location: CollectionLocation;
  readonly tenantId: string;
  readonly assetId: string;
}

/**
 * Inserts documents; never changes one. A document whose id is taken is read again: with the same
 * content it is the same document, with another content the call fails.
 *
 * @idempotency ids are deterministic, so a repeated call inserts nothing.
 * @throws LetheError DIGEST_MISMATCH when an id stands for other content.
 */
export async function insertDocuments(
  store: DocumentStore,
  location: CollectionLocation,
  documents: readonly StoredDocument[],
): Promise<number> {
  const collection = collectionOf(store.client, store.prefix, location);
  let inserted = 0;
  for (let from = 0; from < documents.length; from += INSERT_MAX) {
    const chunk = documents.slice(from, from + INSERT_MAX);
    try {
      const result = await collection.insertMany([...chunk], { ordered: false });
      inserted += result.insertedCount;
    } catch (error) {
      if ((error as { code?: unknown }).code !== DUPLICATE_KEY) {
        throw translateMongo(error, 'write');
      }
      inserted += (error as { insertedCount?: number }).insertedCount ?? 0;
      await assertSameContent(store, location, chunk);
    }
  }
  return inserted;
}

/** Streams the documents of a group in the order of their ids. */
export async function* readGroup(
  store: DocumentStore,
  group: DocumentGroup,
): AsyncGenerator<StoredDocument> {
  const collection = collectionOf(store.client, store.prefix, group.location);
  const cursor = collection
    .find({ tenantId: group.tenantId, assetId: group.assetId })
    .sort({ _id: 1 });
  try {
    for (;;) {
      const next = await speaking('read', () => cursor.next());
      if (next === null) return;
      yield next;
    }
  } finally {
    await cursor.close();
  }
}

/** What a version says about its record, without its body. */
export interface DocumentHead {
  readonly _id: string;
  readonly recordId: string;
  readonly kind: string;
  readonly scanId: string;
  readonly observedAt: string;
  readonly vanished: boolean;
  readonly contentDigest: string;
}

/**
 * Streams the versions of a group without their bodies, in no order. Reading, so safe to repeat.
 *
 * @throws LetheError STORE_REFUSED when a document is no version: nothing may be derived from it.
 */
export async function* readHeads(
  store: DocumentStore,
  group: DocumentGroup,
): AsyncGenerator<DocumentHead> {
  const collection = collectionOf(store.client, store.prefix, group.location);
  const cursor = collection.find(
    { tenantId: group.tenantId, assetId: group.assetId },
    {
      projection: {
        recordId: 1,
        kind: 1,
        scanId: 1,
        observedAt: 1,
        vanished: 1,
        contentDigest: 1,
      },
    },
  );
  try {
    for (;;) {
      const next: unknown = await speaking('read', () => cursor.next());
      if (next === null) return;
      // What came with it in one answer needs no further call.
      for (const head of [next, ...cursor.readBufferedDocuments()]) {
        if (!isHead(head)) throw new LetheError('STORE_REFUSED', 'a document is no version');
        yield head;
      }
    }
  } finally {
    await cursor.close();
  }
}

function isHead(value: unknown): value is DocumentHead {
  const head = value as Record<string, unknown>;
  return (
    typeof head['vanished'] === 'boolean' &&
    ['_id', 'recordId', 'kind', 'scanId', 'observedAt', 'contentDigest'].every(
      (field) => typeof head[field] === 'string' && head[field] !== '',
    )
  );
}

/**
 * Streams chosen fields of all documents of one kind of a tenant, in no order. Reading, so safe to repeat.
 *
 * @param fields - names of fields, `body.name` for those of a body.
 */
export async function* readKind(
  store: DocumentStore,
  { location, ...kind }: Pick<DocumentGroup, 'location' | 'tenantId'> & { readonly kind: string },
  fields: readonly string[],
): AsyncGenerator<Readonly<Record<string, unknown>>> {
  const collection = collectionOf(store.client, store.prefix, location);
  const projection = Object.fromEntries(fields.map((field) => [field, 1]));
  const cursor = collection.find(kind, { projection });
  try {
    for (;;) {
      const next = await speaking('read', () => cursor.next());
      if (next === null) return;
      yield next;
    }
  } finally {
    await cursor.close();
  }
}

/** Reads documents of one asset by their ids; those that are not there any more are left out. */
export async function readByIds(
  store: DocumentStore,
  { location, tenantId, assetId, ids }: DocumentBatch,
): Promise<readonly StoredDocument[]> {
  const collection = collectionOf(store.client, store.prefix, location);
  return speaking('read', () =>
    collection.find({ tenantId, assetId, _id: { $in: [...ids] } }).toArray(),
  );
}

/** Asset ids, or generations, of which a tenant has documents, with their counts. */
export async function listGroups(
  store: DocumentStore,
  location: CollectionLocation,
  tenantId: string,
): Promise<ReadonlyMap<string, number>> {
  const collection = collectionOf(store.client, store.prefix, location);
  const rows = await speaking('read', () =>
    collection
      .aggregate<{ _id: string; n: number }>([
        { $match: { tenantId } },
        { $group: { _id: '$assetId', n: { $sum: 1 } } },
      ])
      .toArray(),
  );
  return new Map(rows.map((row) => [row._id, row.n]));
}

async function assertSameContent(
  store: DocumentStore,
  location: CollectionLocation,
  documents: readonly StoredDocument[],
): Promise<void> {
  const groups = new Map<string, DocumentGroup>();
  for (const { tenantId, assetId } of documents) {
    groups.set(`${tenantId} ${assetId}`, { location, tenantId, assetId });
  }
  const digests = new Map<string, string>();
  for (const group of groups.values()) {
    for await (const document of readGroup(store, group)) {
      digests.set(document._id, document.contentDigest);
    }
  }
  if (documents.some((document) => digests.get(document._id) !== document.contentDigest)) {
    throw new LetheError('DIGEST_MISMATCH', 'a version id stands for other content than before');
  }
}
