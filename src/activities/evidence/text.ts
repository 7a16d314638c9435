import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { CanonicalText, HashText } from '../../domain/evidence';

/** SHA-256 of a text's UTF-8 bytes in hexadecimal. */
export const sha256: HashText = (text) => createHash('sha256').update(text, 'utf8').digest('hex');

/** Canonical JSON (RFC 8785): the same value always has the same text. */
export const canonicalText: CanonicalText = (value) => {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('the value has no JSON text');
  return text;
};
