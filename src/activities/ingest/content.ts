import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { LetheError } from '../../domain/errors';
import { countMarks, type MarkCounts } from '../../sensitive-values';
import { derivedId } from '../control/command-context';

/** Nesting of a body; what is deeper is no description of a thing. */
const DEPTH_MAX = 32;
/** Longest canonical text of a body, in bytes; a batch and a document stay far below the servers' limits. */
const BODY_BYTES_MAX = 2 * 1024 * 1024;

/** A body as it is stored. */
export interface StoredContent {
  readonly body: Readonly<Record<string, unknown>>;
  /** Length of its canonical text. */
  readonly bytes: number;
  /** SHA-256 of its canonical text, hexadecimal. */
  readonly digest: string;
  /** Sensitive values that were redacted in it, by detector, here or at the source. */
  readonly redacted: ReadonlyMap<string, number>;
}

/**
 * Checks that a body comes back from every store exactly as it went in, and digests it.
 *
 * @throws LetheError INVALID_INPUT naming `field`; the message carries nothing of the body.
 */
export function contentOf(body: unknown, field: string): StoredContent {
  if (!isPlainObject(body) || !isStorable(body, DEPTH_MAX)) {
    throw new LetheError(
      'INVALID_INPUT',
      `${field} must be a plain JSON object: finite numbers, well-formed text without NUL, names ` +
        `without dots or a leading $, no list directly in a list, at most ${DEPTH_MAX} levels`,
      { field },
    );
  }
  const text = canonicalText(body);
  const bytes = Buffer.byteLength(text);
  if (bytes > BODY_BYTES_MAX) {
    throw new LetheError('INVALID_INPUT', `${field} must not exceed ${BODY_BYTES_MAX} bytes`, {
      field,
    });
  }
  return { body, bytes, digest: sha256(text), redacted: marksIn(text) };
}

/** Nearly every body holds none: they share one empty list. */
function marksIn(text: string): ReadonlyMap<string, number> {
  const marks: MarkCounts = new Map();
  countMarks(text, marks);
  return marks.size === 0 ? NO_MARKS : marks;
}

const NO_MARKS: ReadonlyMap<string, number> = new Map();

/** Canonical JSON (RFC 8785): the same value always has the same text. */
export const canonicalText = (body: StoredContent['body']): string => canonicalize(body) ?? '';

/** Id of a record: the same thing on the same asset, whatever its state. */
export const recordIdOf = (record: {
  readonly tenantId: string;
  readonly assetId: string;
  readonly location: string;
  readonly kind: string;
  readonly identity: string;
}): string =>
  derivedId('rc', record.tenantId, record.assetId, record.location, record.kind, record.identity);

/**
 * Id of a version. It contains the content, the scan and the instant it speaks of: a repeated scan finds
 * its own versions, and content that comes back later is a new version, even when a registry had to be
 * read again for the same scan. @source AB-1
 */
export const versionIdOf = (version: {
  readonly tenantId: string;
  readonly assetId: string;
  readonly recordId: string;
  readonly vanished: boolean;
  readonly contentDigest: string;
  readonly scanId: string;
  readonly observedAt: string;
}): string =>
  derivedId(
    'vr',
    version.tenantId,
    version.assetId,
    version.recordId,
    version.vanished ? 'vanished' : 'present',
    version.contentDigest,
    version.scanId,
    version.observedAt,
  );

/** Id of the row that says a scan of an asset is complete. */
export const scanRowIdOf = (row: {
  readonly tenantId: string;
  readonly assetId: string;
  readonly scanId: string;
  readonly observedAt: string;
}): string => derivedId('cs', row.tenantId, row.assetId, row.scanId, row.observedAt);

/** SHA-256 in hexadecimal. */
export const sha256 = (data: string | Buffer): string => hash('sha256', data, 'hex');

/** True for an object literal, whatever made it. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Text that UTF-8 can carry and every store accepts. */
const isStorableText = (text: string): boolean => !/[\0\p{Surrogate}]/u.test(text);

/** Names with dots or a leading $ mean something else to a document store. */
const isStorableName = (name: string): boolean =>
  /^[^$.][^.]*$/s.test(name) && isStorableText(name);

function isStorable(value: unknown, depth: number): boolean {
  if (value === null || typeof value === 'boolean') return true;
  if (typeof value === 'string') return isStorableText(value);
  if (typeof value === 'number') return Number.isFinite(value);
  if (depth === 0) return false;
  if (Array.isArray(value)) {
    return value.every((item: unknown) => !Array.isArray(item) && isStorable(item, depth - 1));
  }
  return (
    isPlainObject(value) &&
    Object.entries(value).every(
      ([name, item]) => isStorableName(name) && isStorable(item, depth - 1),
    )
  );
}

/** Content of a version that says its record is gone: nothing. */
export const NOTHING: StoredContent = contentOf({}, 'body');
