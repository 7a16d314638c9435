import type { Client } from 'minio';
import { bucketNames, type BucketRole } from '../../domain/environment-names';
import { LetheError } from '../../domain/errors';
import type { ObjectVersion } from './legal-hold';

/** One account's view of the buckets of one environment. */
export interface ObjectStore {
  readonly client: Client;
  readonly environment: string;
}

/** An object by the role of its bucket; a caller cannot name a bucket of another environment. */
export interface ObjectAddress {
  readonly bucket: BucketRole;
  readonly name: string;
}

/** Exactly one version of an object. */
export interface VersionAddress extends ObjectAddress {
  readonly versionId: string;
}

const SEGMENT = /^[0-9A-Za-z][0-9A-Za-z._-]{0,127}$/;
const SEGMENTS_MAX = 8;
const VERSION_ID = /^[0-9A-Za-z._~+/=-]{1,512}$/;

/**
 * The bucket's name in the store's environment.
 *
 * @throws LetheError UNSAFE_STATEMENT for a role that does not exist.
 */
export function bucketOf(store: ObjectStore, role: unknown): string {
  const names = bucketNames(store.environment);
  if (typeof role === 'string' && Object.hasOwn(names, role)) return names[role as BucketRole];
  throw unsafe('bucket', 'must be a role of a bucket');
}

/**
 * Checks an object's name: path segments of plain characters, at least two, so that every object belongs
 * to somebody's prefix.
 *
 * @throws LetheError UNSAFE_STATEMENT.
 */
export function safeName(value: unknown): string {
  const segments = typeof value === 'string' ? value.split('/') : [];
  if (segments.length < 2 || !arePlain(segments)) {
    throw unsafe('name', 'must be 2 to 8 plain path segments');
  }
  return segments.join('/');
}

/**
 * Checks a prefix: whole path segments with a slash at the end. An empty one would mean everything, one
 * without the slash also the names that only begin alike.
 *
 * @throws LetheError UNSAFE_STATEMENT.
 */
export function safePrefix(value: unknown): string {
  const segments = typeof value === 'string' ? value.split('/') : [];
  if (segments.pop() !== '' || segments.length === 0 || !arePlain(segments)) {
    throw unsafe('prefix', 'must be plain path segments, each with a slash');
  }
  return `${segments.join('/')}/`;
}

/**
 * Resolves an address to what the client is told. Without a version id a deletion would only add a
 * marker, and leave the data.
 *
 * @throws LetheError UNSAFE_STATEMENT.
 */
export function safeVersion(store: ObjectStore, address: VersionAddress): ObjectVersion {
  const { bucket, name, versionId } = address;
  if (typeof versionId !== 'string' || !VERSION_ID.test(versionId)) {
    throw unsafe('versionId', 'must name one version');
  }
  return { bucket: bucketOf(store, bucket), name: safeName(name), versionId };
}

const arePlain = (segments: readonly string[]): boolean =>
  segments.length <= SEGMENTS_MAX && segments.every((segment) => SEGMENT.test(segment));

/** A refusal before anything was sent. */
export const unsafe = (field: string, remedy: string): LetheError =>
  new LetheError('UNSAFE_STATEMENT', `${field} ${remedy}; nothing was sent`, { field });
