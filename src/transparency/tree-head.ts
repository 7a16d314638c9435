import { fromBase64 } from './base64';
import { invalid } from './failures';
import { HASH_BYTES, type Hash } from './merkle';
import { openNote, signNote, type NoteSigner, type NoteVerifier } from './note';

/** How large a log is, and the root over all of it. */
export interface TreeHead {
  /** Name of the log; a head of another log proves nothing about this one. */
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
}

/**
 * Text of a head as it is signed: origin, size and root, one a line.
 *
 * @source https://c2sp.org/tlog-checkpoint
 */
const treeHeadText = ({ origin, size, root }: TreeHead): string =>
  `${origin}\n${size}\n${root.toString('base64')}\n`;

/** Signs a head under the name of its log. */
export const signTreeHead = (head: Omit<TreeHead, 'origin'>, signer: NoteSigner): string =>
  signNote(treeHeadText({ ...head, origin: signer.name }), signer);

/**
 * Reads a head's text. Further lines are allowed by the format and mean nothing here.
 *
 * @throws LetheError EVIDENCE_INVALID
 */
export function parseTreeHead(text: string): TreeHead {
  const [, origin = '', size = '', encoded = ''] =
    /^([^\n]+)\n(0|[1-9]\d{0,15})\n([^\n]+)\n([^\n]+\n)*$/.exec(text) ?? [];
  const root = fromBase64(encoded);
  if (root?.length !== HASH_BYTES || !Number.isSafeInteger(Number(size))) {
    throw invalid('the checkpoint is malformed');
  }
  return { origin, size: Number(size), root };
}

/**
 * Opens a signed head: a known key signed it, and that key's name is the log's.
 *
 * @throws LetheError EVIDENCE_INVALID
 */
export function openTreeHead(note: string, verifiers: readonly NoteVerifier[]): TreeHead {
  const { text, signedBy } = openNote(note, verifiers);
  const head = parseTreeHead(text);
  if (!signedBy.some(({ name }) => name === head.origin)) {
    throw invalid('the checkpoint is not signed by its own log');
  }
  return head;
}
