/** Archive format version 1, described in docs/archive-format.md. No I/O: callers bring and take bytes. */
export type { CohortIdentity, PartIdentity, RecordSchema } from './identity';
export { CODEC_IDS, codecsOf, type CodecId } from './codecs';
export { FRAME_BYTES } from './frames';
export { RECORD_BYTES_MAX } from './records';
export {
  createPartWriter,
  PART_PLAINTEXT_BYTES_MAX,
  type PartWriter,
  type SealedPart,
} from './part-writer';
export { readPart, type PartExpectation } from './part-reader';
export { RowLines, type ColumnManner } from './row-lines';
export { encodeSqlRow, decodeSqlRow, nameSqlRow, pickSqlValues } from './sql-row';
export { documentTexts, recordKeyOf } from './record-key';
export { createSetDigest, type DigestItem, type SetDigest } from './set-digest';
export { manifestDigest, openManifest, sealManifest, MANIFEST_BYTES_MAX } from './manifest';
export type { ManifestContent, ManifestOrigin, ManifestPart } from './manifest-content';
export {
  assertProven,
  proofOrdersOf,
  provePart,
  type PartProof,
  type ProofOrder,
} from './cohort-proof';
export { readCohort, type ArchivedRecord } from './cohort-reader';
