import { createHash, type KeyObject } from 'node:crypto';
import { fromBase64 } from './base64';
import { publicKeyOf, rawPublicKey, signBytes, verifyBytes } from './ed25519';
import { invalid } from './failures';

/**
 * Notes: text signed by one or more Ed25519 keys, readable by people.
 *
 * @source https://c2sp.org/signed-note
 */

/** A key that a note's signature is checked with. */
export interface NoteVerifier {
  readonly name: string;
  /** Four bytes that, with the name, say which key signed. */
  readonly hint: Buffer;
  readonly key: KeyObject;
}

/** A key that signs notes under a name. */
export interface NoteSigner extends NoteVerifier {
  readonly privateKey: KeyObject;
}

/** A note whose signatures by known keys were checked; at least one is there. */
export interface OpenedNote {
  readonly text: string;
  readonly signedBy: readonly NoteVerifier[];
}

const ED25519 = 1;
const HINT_BYTES = 4;
const DASH = '\u2014 ';
const SIGNATURES_MAX = 100;
const NOTE_CHARACTERS_MAX = 1_000_000;

/** Names of keys have neither spaces nor a plus. */
export const isKeyName = (name: string): boolean => /^[^\s+\p{Cc}]+$/u.test(name);

/** The hint for a key under a name. */
function noteHint(name: string, raw: Buffer): Buffer {
  const digest = createHash('sha256')
    .update(`${name}\n`)
    .update(Buffer.from([ED25519]));
  return digest.update(raw).digest().subarray(0, HINT_BYTES);
}

/** Makes what checks the notes of a key. */
export const noteVerifier = (name: string, key: KeyObject): NoteVerifier => ({
  name,
  key,
  hint: noteHint(name, rawPublicKey(key)),
});

/** The one-line form in which other tools of transparency logs take a key. */
export const verifierKeyText = ({ name, hint, key }: NoteVerifier): string => {
  const typed = Buffer.concat([Buffer.from([ED25519]), rawPublicKey(key)]);
  return `${name}+${hint.toString('hex')}+${typed.toString('base64')}`;
};

/**
 * Reads a key in its one-line form.
 *
 * @throws LetheError EVIDENCE_INVALID when it is none, is of another sort or its id is not its own.
 */
export function parseVerifierKey(text: string): NoteVerifier {
  const [, name = '', id = '', encoded = ''] = /^([^+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text) ?? [];
  const typed = fromBase64(encoded);
  const key = typed?.[0] === ED25519 ? publicKeyOf(typed.subarray(1)) : null;
  if (key === null || !isKeyName(name)) throw invalid('the verifier key is malformed');
  const verifier = noteVerifier(name, key);
  if (verifier.hint.toString('hex') !== id) throw invalid('the verifier key has another hint');
  return verifier;
}

/**
 * Signs a text that ends with a newline.
 *
 * @throws LetheError EVIDENCE_INVALID when the text cannot be a note.
 */
export function signNote(text: string, signer: NoteSigner): string {
  if (!isText(text)) throw invalid('the text cannot be signed as a note');
  const signature = signBytes(Buffer.from(text, 'utf8'), signer.privateKey);
  const encoded = Buffer.concat([signer.hint, signature]).toString('base64');
  return `${text}\n${DASH}${signer.name} ${encoded}\n`;
}

/**
 * Opens a note. Signatures of unknown keys are passed over; one of a known key that does not verify
 * spoils the note.
 *
 * @throws LetheError EVIDENCE_INVALID when the note is malformed or no known key signed it.
 */
export function openNote(message: string, verifiers: readonly NoteVerifier[]): OpenedNote {
  const { text, lines } = splitNote(message);
  const bytes = Buffer.from(text, 'utf8');
  const signedBy: NoteVerifier[] = [];
  for (const line of lines) {
    const { name, hint, signature } = parseSignature(line);
    const known = verifiers.filter((one) => one.name === name && one.hint.equals(hint));
    const [verifier] = known;
    if (verifier === undefined) continue;
    if (known.length > 1) throw invalid(`the key ${name} is ambiguous`);
    if (!verifyBytes(bytes, verifier.key, signature)) {
      throw invalid(`the signature of ${name} does not verify`);
    }
    if (!signedBy.includes(verifier)) signedBy.push(verifier);
  }
  if (signedBy.length === 0) throw invalid('no known key signed the note');
  return { text, signedBy };
}

/** Half a surrogate pair has no bytes of its own: what is signed would not be what is shown. */
const isText = (text: string): boolean =>
  Buffer.from(text, 'utf8').toString('utf8') === text &&
  text.endsWith('\n') &&
  !/[\0-\x09\x0b-\x1f]/.test(text) &&
  text.length <= NOTE_CHARACTERS_MAX;

/** The signatures follow the last empty line. */
function splitNote(message: string): { readonly text: string; readonly lines: readonly string[] } {
  const end = message.lastIndexOf('\n\n');
  const signatures = message.slice(end + 2);
  const lines = signatures.split('\n').slice(0, -1);
  const wellFormed =
    end >= 0 && isText(message) && lines.length > 0 && lines.length <= SIGNATURES_MAX;
  if (!wellFormed) throw invalid('the note is malformed');
  return { text: message.slice(0, end + 1), lines };
}

function parseSignature(line: string): {
  readonly name: string;
  readonly hint: Buffer;
  readonly signature: Buffer;
} {
  const [name = '', encoded = '', ...rest] = line.startsWith(DASH)
    ? line.slice(DASH.length).split(' ')
    : [];
  const bytes = fromBase64(encoded);
  if (!isKeyName(name) || rest.length > 0 || bytes === null || bytes.length <= HINT_BYTES) {
    throw invalid('a signature line of the note is malformed');
  }
  return {
    name,
    hint: bytes.subarray(0, HINT_BYTES),
    signature: bytes.subarray(HINT_BYTES),
  };
}
