import { BSON, type MongoClient } from 'mongodb';
import { LetheError } from '../../domain/errors';
import { isId } from '../../domain/identifiers';
import type { DocumentBatch } from '../../contracts/documents';
import { collectionOf } from './collections';
import { speaking } from './failures';

/**
 * The only module that removes or changes documents. Whatever reaches it, what leaves it is an equality
 * on tenant and asset, a list of explicit ids, and the stamp of one attempt.
 *
 * The driver would send an empty filter for an undefined, a promise or a Map, and so delete everything.
 */

/** Ids of one call; larger lists are slow on some servers and hard to put right. */
const BATCH_MAX = 500;
const VERSION_ID = /^[0-9A-Za-z_-]{8,80}$/;
const ASSET_ID = /^(as_[0-9a-z]{16,40}|generation-[1-9][0-9]{0,8})$/;
const STAMP = /^at_[0-9a-z]{16,40}$/;

/** A batch that an attempt works on; the stamp is the attempt's own token. */
export interface StampedBatch extends DocumentBatch {
  readonly stamp: string;
}

/** Where the guard works. */
export interface GuardedStore {
  readonly client: MongoClient;
  readonly prefix: string;
}

/** What became of the ids of a batch. */
export interface BatchOutcome {
  readonly deleted: number;
  /** Ids that were not there before; only an earlier attempt explains them. */
  readonly missing: number;
}

/**
 * Marks the documents of a batch as condemned by this attempt. A later attempt or an interlock takes the
 * mark over or off, so that a worker that wakes late matches nothing.
 *
 * @idempotency stamping again with the same token marks the same documents.
 * @returns how many documents of the batch are there.
 * @throws LetheError UNSAFE_STATEMENT when the batch is not one tenant, one asset and explicit ids; nothing is sent.
 */
export async function stampBatch(store: GuardedStore, batch: StampedBatch): Promise<number> {
  const filter = safeFilter(batch);
  const update = Object.freeze({ $set: Object.freeze({ stamp: safeStamp(batch.stamp) }) });
  const collection = collectionOf(store.client, store.prefix, batch.location);
  const result = await speaking('write', () => collection.updateMany(filter, update));
  return result.matchedCount;
}

/**
 * Deletes the documents that still carry this attempt's stamp.
 *
 * @idempotency what is gone is gone, and what another attempt holds is not matched.
 * @returns how many were deleted, and how many of the ids were not.
 * @throws LetheError UNSAFE_STATEMENT as {@link stampBatch}; OUTCOME_UNKNOWN when the answer was lost.
 */
export async function deleteStamped(
  store: GuardedStore,
  batch: StampedBatch,
): Promise<BatchOutcome> {
  const filter = safeFilter(batch, safeStamp(batch.stamp));
  const collection = collectionOf(store.client, store.prefix, batch.location);
  const { deletedCount } = await speaking('write', () => collection.deleteMany(filter));
  return { deleted: deletedCount, missing: batch.ids.length - deletedCount };
}

/**
 * Takes an attempt's stamps off; documents that it did not delete are as before.
 *
 * @idempotency without a stamp there is nothing to take off.
 * @returns how many documents it took the stamp off.
 */
export async function unstamp(
  store: GuardedStore,
  attempt: Omit<StampedBatch, 'ids'>,
): Promise<number> {
  const filter = reread({
    tenantId: safeTenant(attempt.tenantId),
    assetId: safeAsset(attempt.assetId),
    stamp: safeStamp(attempt.stamp),
  });
  const collection = collectionOf(store.client, store.prefix, attempt.location);
  const result = await speaking('write', () =>
    collection.updateMany(filter, Object.freeze({ $unset: Object.freeze({ stamp: '' }) })),
  );
  return result.modifiedCount;
}

/** How many documents of a batch are there, stamped or not. */
export async function countBatch(store: GuardedStore, batch: DocumentBatch): Promise<number> {
  const filter = safeFilter(batch);
  const collection = collectionOf(store.client, store.prefix, batch.location);
  return speaking('read', () => collection.countDocuments(filter));
}

type SafeFilter = {
  readonly tenantId: string;
  readonly assetId: string;
  readonly _id: { readonly $in: string[] };
  readonly stamp?: string;
};

function safeFilter(batch: DocumentBatch, stamp?: string): SafeFilter {
  if (!isPlain(batch)) throw unsafe('batch', 'must be a plain object');
  const filter = {
    tenantId: safeTenant(batch.tenantId),
    assetId: safeAsset(batch.assetId),
    _id: { $in: safeIds(batch.ids) },
  };
  return reread(stamp === undefined ? filter : { ...filter, stamp });
}

function safeTenant(value: unknown): string {
  if (!isId('TenantId', value)) throw unsafe('tenantId', 'must be a tenant id');
  return value;
}

function safeAsset(value: unknown): string {
  if (typeof value !== 'string' || !ASSET_ID.test(value))
    throw unsafe('assetId', 'must be an asset id');
  return value;
}

function safeStamp(value: unknown): string {
  if (typeof value !== 'string' || !STAMP.test(value))
    throw unsafe('stamp', 'must be an attempt id');
  return value;
}

function safeIds(value: unknown): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > BATCH_MAX) {
    throw unsafe('ids', `must be 1 to ${BATCH_MAX} ids`);
  }
  const ids = value.map((id: unknown) => {
    if (typeof id !== 'string' || !VERSION_ID.test(id)) throw unsafe('ids', 'must be version ids');
    return id;
  });
  if (new Set(ids).size !== ids.length) throw unsafe('ids', 'must not repeat an id');
  return ids;
}

const isPlain = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);

/** What would reach the wire must be exactly what was meant: encoded, decoded and compared. */
function reread<T extends object>(filter: T): T {
  const decoded: unknown = BSON.deserialize(BSON.serialize(filter));
  if (JSON.stringify(decoded) !== JSON.stringify(filter)) {
    throw unsafe('filter', 'would change on its way to the server');
  }
  return Object.freeze(filter);
}

const unsafe = (field: string, remedy: string): LetheError =>
  new LetheError('UNSAFE_STATEMENT', `${field} ${remedy}; nothing was sent`, { field });
