import { fromBase64 } from './base64';
import { invalid } from './failures';
import { HASH_BYTES, leafHash, type Hash } from './merkle';
import type { NoteVerifier } from './note';
import { verifyInclusion } from './proofs';
import { openTreeHead, type TreeHead } from './tree-head';

/**
 * A proof that stands alone: index, path and the signed head, as text.
 *
 * @source https://c2sp.org/tlog-proof
 */

/** What a proof says of an entry. */
export interface InclusionFile {
  readonly index: number;
  readonly proof: readonly Hash[];
  /** The signed head, verbatim. */
  readonly note: string;
}

const FIRST_LINE = 'c2sp.org/tlog-proof@v1';
/** No tree of a whole number of leaves is higher. */
const PATH_MAX = 64;

/** Text of a proof. */
export const inclusionText = ({ index, proof, note }: InclusionFile): string =>
  [FIRST_LINE, `index ${index}`, ...proof.map((hash) => hash.toString('base64')), '', note].join(
    '\n',
  );

/** Reads hashes in base64. @throws LetheError EVIDENCE_INVALID */
export function parseHashes(lines: readonly string[]): readonly Hash[] {
  const hashes = lines.map(fromBase64).filter((hash) => hash?.length === HASH_BYTES);
  if (hashes.length !== lines.length || lines.length > PATH_MAX) {
    throw invalid('a proof is malformed');
  }
  return hashes as Hash[];
}

/** Reads a proof's text. @throws LetheError EVIDENCE_INVALID */
export function parseInclusion(text: string): InclusionFile {
  const end = text.indexOf('\n\n');
  const [first, second = '', ...path] = text.slice(0, end < 0 ? 0 : end).split('\n');
  const [, index] = /^index (0|[1-9]\d{0,15})$/.exec(second) ?? [];
  if (first !== FIRST_LINE || index === undefined) throw invalid('the proof is malformed');
  return { index: Number(index), proof: parseHashes(path), note: text.slice(end + 2) };
}

/**
 * Opens a proof for an entry's text.
 *
 * @returns where the entry stands and the head that covers it.
 * @throws LetheError EVIDENCE_INVALID when the entry is not in that log.
 */
export function openInclusion(
  text: string,
  entry: string,
  verifiers: readonly NoteVerifier[],
): { readonly index: number; readonly head: TreeHead } {
  const { index, proof, note } = parseInclusion(text);
  const head = openTreeHead(note, verifiers);
  const { size, root } = head;
  if (!verifyInclusion({ index, size, root, proof, leaf: leafHash(entry) })) {
    throw invalid('the entry is not in the log that the checkpoint covers');
  }
  return { index, head };
}
