import { createHash, type KeyObject } from 'node:crypto';
import { LetheError } from '../domain/errors';
import { documentText, readCompact } from '../domain/signed-document';
import { isSignerValidAt, type Signer, type SignerRole } from '../domain/signers';
import { fromBase64url } from './base64';
import { publicKeyOf, rawPublicKey, signBytes, verifyBytes } from './ed25519';

/** What a document must be to count. */
export interface ExpectedDocument {
  /** Its `typ`, e.g. `deletion-order+jws`. */
  readonly type: string;
  /** Roles of which the signer must have one. */
  readonly roles: readonly SignerRole[];
  /** Instant at which the key must be valid. */
  readonly at: string;
  /** The registry of signers. */
  readonly signers: readonly Signer[];
  /** Name of the field that carries the document, for the message. */
  readonly field: string;
}

/** A document whose signature counts. */
export interface VerifiedDocument {
  readonly payload: Readonly<Record<string, unknown>>;
  readonly signer: Signer;
  /** SHA-256 of the whole compact text, hexadecimal: what another document can refer to. */
  readonly digest: string;
}

/**
 * Name of a public key: the SHA-256 of its JWK's required fields, in base64url. @source RFC 7638
 *
 * @param publicKey - `x` of the JWK.
 */
export const thumbprintOf = (publicKey: string): string =>
  createHash('sha256')
    .update(`{"crv":"Ed25519","kty":"OKP","x":"${publicKey}"}`, 'utf8')
    .digest('base64url');

/** A thumbprint as evidence states it: the same 32 bytes in hexadecimal. */
export const thumbprintDigest = (kid: string): string =>
  Buffer.from(kid, 'base64url').toString('hex');

/** `x` of the JWK of a key's public half. */
export const publicKeyText = (key: KeyObject): string => rawPublicKey(key).toString('base64url');

/** SHA-256 of a signed document as it travels, hexadecimal. */
export const digestOfDocument = (compact: string): string =>
  createHash('sha256').update(compact, 'utf8').digest('hex');

/** Signs ids, words, whole numbers and lists of them as what they are; the key names itself. */
export function signDocument(payload: object, type: string, privateKey: KeyObject): string {
  const kid = thumbprintOf(publicKeyText(privateKey));
  const parts = [{ alg: 'EdDSA', kid, typ: type }, payload];
  const signed = parts
    .map((part) => Buffer.from(documentText(part), 'utf8').toString('base64url'))
    .join('.');
  const signature = signBytes(Buffer.from(signed, 'ascii'), privateKey);
  return `${signed}.${signature.toString('base64url')}`;
}

/**
 * Verifies a compact signed document against the registry: Ed25519 and nothing else, the kind that is
 * expected, a key that is known, entitled and valid at the instant. What the payload says is for the
 * caller to check.
 *
 * @throws LetheError SIGNATURE_INVALID, UNKNOWN_SIGNER, SIGNER_NOT_ENTITLED or SIGNER_NOT_VALID, naming
 *   the field.
 */
export function verifyDocument(text: unknown, expected: ExpectedDocument): VerifiedDocument {
  const { field } = expected;
  const document = readCompact(text, field);
  if (document.type !== expected.type) {
    throw refused('SIGNATURE_INVALID', 'was signed as something else', field);
  }
  const signer = expected.signers.find(({ kid }) => kid === document.kid);
  if (signer === undefined) {
    throw refused('UNKNOWN_SIGNER', 'is signed by a key that the registry does not know', field);
  }
  assertSignature(document, signer, field);
  if (!expected.roles.includes(signer.role)) {
    throw refused('SIGNER_NOT_ENTITLED', 'is signed by a key of another role', field);
  }
  if (!isSignerValidAt(signer, expected.at)) {
    throw refused('SIGNER_NOT_VALID', 'is signed by a key that does not count now', field);
  }
  return { payload: document.payload, signer, digest: digestOfDocument(text as string) };
}

/** A registry whose row was exchanged names another key than its id: that counts as no signature. */
function assertSignature(
  document: { readonly signed: string; readonly signature: string },
  signer: Signer,
  field: string,
): void {
  const raw = fromBase64url(signer.publicKey);
  const key =
    raw === null || thumbprintOf(signer.publicKey) !== signer.kid ? null : publicKeyOf(raw);
  const signature = fromBase64url(document.signature);
  if (
    key === null ||
    signature === null ||
    !verifyBytes(Buffer.from(document.signed, 'ascii'), key, signature)
  ) {
    throw refused('SIGNATURE_INVALID', 'carries a signature that does not verify', field);
  }
}

const refused = (
  code: 'SIGNATURE_INVALID' | 'UNKNOWN_SIGNER' | 'SIGNER_NOT_ENTITLED' | 'SIGNER_NOT_VALID',
  what: string,
  field: string,
): LetheError => new LetheError(code, `${field} ${what}`, { field });
