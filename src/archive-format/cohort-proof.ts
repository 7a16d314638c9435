import type { RecordLocation } from '../domain/inventory';
import { identityOf } from './cohort-reader';
import { invalid } from './failures';
import type { PartIdentity, RecordSchema } from './identity';
import type { ManifestContent } from './manifest-content';
import { readPartByFrames, type PartFigures } from './part-reader';
import { recordKeyOf } from './record-key';
import { createSetDigest, type SetDigest } from './set-digest';

/** Everything that one part of a cohort must be. Plain data but for its key, so that it can be handed on. */
export interface ProofOrder {
  readonly dataKey: Buffer;
  readonly expect: PartIdentity;
  readonly schema: RecordSchema;
  readonly listed: PartFigures;
}

/** What a part was proven to hold. */
export interface PartProof {
  readonly records: number;
  /** Canonical digest of its records. */
  readonly setDigest: string;
}

/** What must be proven of each part that a manifest lists, in its order. */
export function proofOrdersOf(
  dataKey: Buffer,
  manifest: ManifestContent,
): readonly (ProofOrder & { readonly objectName: string })[] {
  const schemas = new Map(manifest.locations.map(({ location, schema }) => [location, schema]));
  return manifest.parts.map((part) => {
    const schema = schemas.get(part.location);
    if (schema === undefined) throw invalid('the manifest lists a part of a location it lacks');
    const { records, plaintextBytes, plaintextMac, bytes, sha256, objectName } = part;
    const listed = { records, plaintextBytes, plaintextMac, bytes, sha256 };
    return { objectName, dataKey, schema, listed, expect: identityOf(manifest, part) };
  });
}

/**
 * Reads a part to its end and proves that it is the listed one, byte for byte. What its records come to is
 * computed from what was read.
 *
 * @throws LetheError as `readPart`.
 */
export async function provePart(
  stored: AsyncIterable<Buffer> | Buffer,
  order: ProofOrder,
): Promise<PartProof> {
  const { schema } = order;
  const { location } = order.expect;
  const digest = createSetDigest(order.dataKey);
  for await (const records of readPartByFrames(stored, order)) {
    for (const content of records) {
      digest.add({ location, content, ...recordKeyOf(content, schema) });
    }
  }
  return { records: digest.count, setDigest: digest.value() };
}

/**
 * Puts the proofs of all parts together: every location has exactly the sealed records.
 *
 * @param proofs - one for each part of the manifest, in its order.
 * @throws LetheError ARCHIVE_INVALID naming the location that differs, or when a proof is missing.
 */
export function assertProven(
  dataKey: Buffer,
  manifest: ManifestContent,
  proofs: readonly PartProof[],
): void {
  const totals = new Map<RecordLocation, SetDigest>();
  for (const { location } of manifest.locations) totals.set(location, createSetDigest(dataKey));
  for (const [index, part] of manifest.parts.entries()) {
    const proof = proofs[index];
    if (proof === undefined) throw invalid('a part of the manifest was not proven');
    totals.get(part.location)?.include({ count: proof.records, value: proof.setDigest });
  }
  for (const { location, records, setDigest } of manifest.locations) {
    const total = totals.get(location);
    if (total?.count === records && total.value() === setDigest) continue;
    throw invalid(`the records of ${location} are not the sealed ones`);
  }
}
