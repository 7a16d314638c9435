import type { KeyObject } from 'node:crypto';
import { fromBase64url } from './base64';
import { signBytes, verifyBytes } from './ed25519';
import { invalid } from './failures';
import { isValidAt, type KeyList, type KeyRole, type PublicKeyEntry } from './key-list';

/** A signed JSON text in its flattened form. @source RFC 7515, 7.2.2; RFC 8037 */
export interface SignedText {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

/** A private key with the id under which its public half is listed. */
export interface TextSigner {
  readonly keyId: string;
  readonly privateKey: KeyObject;
}

/** What was signed: one kind of text cannot stand in for another. */
export type SignedType = 'lethe-certificate+json' | 'lethe-checkpoint+json';

/** A signature that has been checked, except for when its key was valid. */
export interface OpenedText {
  readonly text: string;
  readonly key: PublicKeyEntry;
}

const encode = (text: string): string => Buffer.from(text, 'utf8').toString('base64url');

/** Signs a text as what it is. */
export function signText(text: string, type: SignedType, signer: TextSigner): SignedText {
  const header = encode(JSON.stringify({ alg: 'EdDSA', kid: signer.keyId, typ: type }));
  const payload = encode(text);
  const bytes = Buffer.from(`${header}.${payload}`, 'ascii');
  const signature = signBytes(bytes, signer.privateKey).toString('base64url');
  return { protected: header, payload, signature };
}

/**
 * Opens a signed text: its header is the one that we write, its key is listed for the role, its
 * signature is that key's.
 *
 * @throws LetheError EVIDENCE_INVALID
 */
export function openText(
  signed: SignedText,
  expected: { readonly type: SignedType; readonly role: KeyRole; readonly keys: KeyList },
): OpenedText {
  const header = parseHeader(signed.protected);
  if (header.typ !== expected.type) throw invalid('the signature is for something else', 'typ');
  const key = expected.keys.keys.find(({ keyId }) => keyId === header.kid);
  if (key === undefined) throw invalid('the signing key is not in the list of keys', 'kid');
  if (key.role !== expected.role) throw invalid('the signing key has another role', 'kid');
  const signature = fromBase64url(signed.signature);
  const bytes = Buffer.from(`${signed.protected}.${signed.payload}`, 'ascii');
  if (signature === null || !verifyBytes(bytes, key.key, signature)) {
    throw invalid('the signature does not verify', 'signature');
  }
  const payload = fromBase64url(signed.payload);
  if (payload === null) throw invalid('the payload is malformed', 'payload');
  return { text: payload.toString('utf8'), key };
}

/**
 * Refuses a key that was not valid at the instant that the signed text states.
 *
 * @throws LetheError EVIDENCE_INVALID
 */
export function assertValidAt(key: PublicKeyEntry, instant: string): void {
  if (!isValidAt(key, instant)) {
    throw invalid('the signing key was not valid when it signed', 'kid');
  }
}

/** Only the header that this product writes is read: no other algorithm, no extension. */
function parseHeader(encoded: string): { readonly kid: string; readonly typ: string } {
  let header: Readonly<Record<string, unknown>> | null;
  try {
    header = JSON.parse(fromBase64url(encoded)?.toString('utf8') ?? '') as typeof header;
  } catch {
    throw invalid('the protected header is malformed', 'protected');
  }
  const { alg, kid, typ, ...rest } = header ?? {};
  if (alg !== 'EdDSA') throw invalid('the algorithm must be EdDSA', 'alg');
  if (typeof kid !== 'string' || typeof typ !== 'string' || Object.keys(rest).length > 0) {
    throw invalid('the protected header is malformed', 'protected');
  }
  return { kid, typ };
}

/**
 * Reads a signed text in its flattened or compact form; what else the flattened form carries is kept.
 *
 * @throws LetheError EVIDENCE_INVALID
 */
export function parseSignedText(
  text: string,
): SignedText & { readonly header?: Readonly<Record<string, unknown>> } {
  const compact = /^([\w-]+)\.([\w-]+)\.([\w-]+)\s*$/.exec(text);
  if (compact !== null) {
    const [, head = '', payload = '', signature = ''] = compact;
    return { protected: head, payload, signature };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('the file is no signed text: neither JSON nor its compact form');
  }
  if (!isSignedText(value)) throw invalid('the file is no signed text: a part is missing');
  return value;
}

const isSignedText = (
  value: unknown,
): value is SignedText & { readonly header?: Readonly<Record<string, unknown>> } => {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  return (
    ['protected', 'payload', 'signature'].every((name) => typeof fields[name] === 'string') &&
    Object.keys(fields).every((name) =>
      ['protected', 'payload', 'signature', 'header'].includes(name),
    ) &&
    (fields['header'] === undefined ||
      (typeof fields['header'] === 'object' && fields['header'] !== null))
  );
};
