import { createHash, timingSafeEqual } from 'node:crypto';
import { refuse } from '../contracts/field-checks';
import { isLetheError } from '../domain/errors';
import { macsFor } from './derived-keys';
import { invalid } from './failures';
import {
  assertCohortIdentity,
  COHORT_FIELDS,
  canonicalText,
  type CohortIdentity,
} from './identity';
import { assertManifestContent, type ManifestContent } from './manifest-content';

/**
 * A manifest is three lines of text: what it is, its content as canonical JSON, and the HMAC-SHA-256 of
 * both lines with their newlines in hexadecimal. The object is the commit point of an attempt: parts
 * without one are leftovers.
 */
const FIRST_LINE = Buffer.from('LETHE-MANIFEST 1\n', 'latin1');
const MAC_BYTES = 32;
const LAST_LINE_BYTES = 2 * MAC_BYTES + 1;
const LINE_END = '\n';
/** Longest manifest, in bytes: some 150,000 parts. */
export const MANIFEST_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Writes a manifest. The same content under the same key gives the same bytes.
 *
 * @throws LetheError INVALID_INPUT naming the field that is malformed or contradicts another.
 */
export function sealManifest(content: ManifestContent, dataKey: Buffer): Buffer {
  assertManifestContent(content);
  const signed = Buffer.concat([
    FIRST_LINE,
    Buffer.from(canonicalText(content) + LINE_END, 'utf8'),
  ]);
  const lastLine = macOf(signed, dataKey).toString('hex') + LINE_END;
  const bytes = Buffer.concat([signed, Buffer.from(lastLine, 'latin1')]);
  if (bytes.length > MANIFEST_BYTES_MAX) refuse('INVALID_INPUT', 'parts', 'are too many');
  return bytes;
}

/** Whose manifest it must be, and the key that it must have been sealed with. */
export interface ManifestExpectation {
  readonly dataKey: Buffer;
  readonly expect: CohortIdentity;
}

/**
 * Reads a manifest; nothing in it is looked at before its code is right.
 *
 * @throws LetheError ARCHIVE_INVALID when it was altered, belongs to another cohort or attempt, or
 *   contradicts itself.
 */
export function openManifest(
  bytes: Buffer,
  { dataKey, expect }: ManifestExpectation,
): ManifestContent {
  assertCohortIdentity(expect);
  const cut = bytes.length - LAST_LINE_BYTES;
  if (cut <= FIRST_LINE.length || bytes.length > MANIFEST_BYTES_MAX) {
    throw invalid('the manifest has an impossible length');
  }
  const signed = bytes.subarray(0, cut);
  if (!signed.subarray(0, FIRST_LINE.length).equals(FIRST_LINE)) {
    throw invalid('the object is no manifest of format version 1');
  }
  const own = Buffer.from(macOf(signed, dataKey).toString('hex') + LINE_END, 'latin1');
  if (!timingSafeEqual(own, bytes.subarray(cut))) {
    throw invalid('the manifest was altered, or the key is not the key of its cohort');
  }
  const content = contentIn(signed);
  const other = COHORT_FIELDS.find((field) => content[field] !== expect[field]);
  if (other === undefined) return content;
  throw invalid(`the manifest is not the expected one: its ${other} differs`);
}

/** SHA-256 of a manifest's bytes, hexadecimal: what permits, verifications and evidence name it by. */
export const manifestDigest = (bytes: Buffer): string =>
  createHash('sha256').update(bytes).digest('hex');

const macOf = (signed: Buffer, dataKey: Buffer): Buffer =>
  macsFor('manifest', dataKey)().update(signed).digest();

function contentIn(signed: Buffer): ManifestContent {
  const text = signed.toString('utf8', FIRST_LINE.length, signed.length - LINE_END.length);
  try {
    const content: unknown = JSON.parse(text);
    assertManifestContent(content);
    if (canonicalText(content) === text) return content;
  } catch (error) {
    const field = isLetheError(error) ? (error.field ?? 'content') : 'content';
    throw invalid(`the manifest has a malformed ${field}`);
  }
  throw invalid('the manifest is not in its one canonical form');
}
