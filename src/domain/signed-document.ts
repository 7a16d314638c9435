import { LetheError } from './errors';
import type { SignerRole } from './signers';

/** Kinds of signed documents about a deletion; one cannot stand in for another. */
export const ORDER_DOCUMENTS = Object.freeze({
  order: 'deletion-order+jws',
  approval: 'deletion-approval+jws',
  denial: 'deletion-denial+jws',
  revocation: 'deletion-revocation+jws',
});

/** Whose signature counts under which of them. */
export const ORDER_SIGNERS = Object.freeze({
  order: ['requester', 'dpo'],
  approval: ['approver', 'dpo'],
  denial: ['requester', 'approver', 'dpo'],
  revocation: ['requester', 'approver', 'dpo'],
} as const satisfies Record<keyof typeof ORDER_DOCUMENTS, readonly SignerRole[]>);

/**
 * A signed document in the compact form of a JSON Web Signature, as far as it can be read without
 * checking the signature: no library, so that a process can look at one without leaving its sandbox.
 * @source RFC 7515, 7.1
 */
export interface CompactDocument {
  readonly kid: string;
  /** What was signed: one kind of document cannot stand in for another. */
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** The bytes that the signature covers, as text. */
  readonly signed: string;
  /** 64 bytes in base64url. */
  readonly signature: string;
}

const COMPACT = /^([\w-]{1,400})\.([\w-]{1,8000})\.([\w-]{86})$/;
const KID = /^[\w-]{43}$/;
const TYPE = /^[a-z][a-z0-9-]{1,60}\+jws$/;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const BITS = 6;
const BYTE = 8;
/** Printable ASCII: nothing else belongs in ids, instants and words. */
const PRINTABLE = /^[\x20-\x7e]*$/;

/**
 * Reads a compact document whose header is the one that this product writes and whose texts are the
 * one way to write what they say: sorted fields, no spaces, every field once.
 *
 * @throws LetheError SIGNATURE_INVALID naming `field`.
 */
export function readCompact(text: unknown, field: string): CompactDocument {
  const parts = typeof text === 'string' ? COMPACT.exec(text) : null;
  const [, head = '', body = '', signature = ''] = parts ?? [];
  if (parts === null) throw refused('is no compact signed document', field);
  const { kid, typ } = readHeader(head, field);
  return { kid, type: typ, payload: readObject(body, field), signed: `${head}.${body}`, signature };
}

function readHeader(head: string, field: string): { readonly kid: string; readonly typ: string } {
  const { alg, kid, typ, ...rest } = readObject(head, field);
  if (alg !== 'EdDSA') throw refused('must be signed with EdDSA', field);
  if (!isMatch(KID, kid) || !isMatch(TYPE, typ) || Object.keys(rest).length > 0) {
    throw refused('has a header that is not alg, kid and typ', field);
  }
  return { kid, typ };
}

const isMatch = (pattern: RegExp, value: unknown): value is string =>
  typeof value === 'string' && pattern.test(value);

function readObject(encoded: string, field: string): Readonly<Record<string, unknown>> {
  const text = decode(encoded);
  let value: unknown;
  try {
    value = text === null ? null : JSON.parse(text);
  } catch {
    value = null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refused('has a part that is no JSON object', field);
  }
  if (canonicalOrNull(value) !== text) throw refused('is not written in the canonical way', field);
  return value as Readonly<Record<string, unknown>>;
}

/** Null for what belongs in no document, such as a broken number. */
function canonicalOrNull(value: object): string | null {
  try {
    return documentText(value);
  } catch {
    return null;
  }
}

/** Text of a base64url text without padding; null when it is not the one way to write it, or not ASCII. */
function decode(encoded: string): string | null {
  let bits = 0;
  let held = 0;
  let text = '';
  for (const letter of encoded) {
    held = held * (1 << BITS) + ALPHABET.indexOf(letter);
    bits += BITS;
    if (bits < BYTE) continue;
    bits -= BYTE;
    text += String.fromCharCode(Math.floor(held / (1 << bits)));
    held %= 1 << bits;
  }
  return held === 0 && bits < BITS && PRINTABLE.test(text) ? text : null;
}

/**
 * The one way to write a value of ids, words, whole numbers and lists of them. @source RFC 8785
 *
 * @throws TypeError for what belongs in no document.
 */
export function documentText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(documentText).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
    return `{${fields.map(([name, part]) => `${JSON.stringify(name)}:${documentText(part)}`).join(',')}}`;
  }
  if (value === null || typeof value === 'boolean' || typeof value === 'string') {
    return JSON.stringify(value);
  }
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value.toString();
  throw new TypeError('a document holds texts, whole numbers and lists of them');
}

const refused = (what: string, field: string): LetheError =>
  new LetheError('SIGNATURE_INVALID', `${field} ${what}`, { field });
