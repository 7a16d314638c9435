import { readCompact } from '../../src/domain/signed-document';
import type { Signer } from '../../src/domain/signers';
import { LetheError } from '../../src/domain/errors';
import {
  digestOfDocument,
  signDocument,
  thumbprintOf,
  verifyDocument,
} from '../../src/transparency/signed-document';
import { newSigner, type TestSigner } from '../support/signers';

const AT = '2030-01-07T01:00:00.000000Z';
const TYPE = 'deletion-order+jws';
const known = newSigner('requester', 'person-1');
const stranger = newSigner('requester', 'person-9');

const registered = ({ kid, entry }: TestSigner, over: Partial<Signer> = {}): Signer => ({
  kid,
  ...entry,
  revokedAt: null,
  ...over,
});

const expected = (signers: readonly Signer[] = [registered(known)]) =>
  ({ type: TYPE, roles: ['requester', 'dpo'], at: AT, signers, field: 'order' }) as const;

const PAYLOAD = { version: 1, orderId: 'do_0000000000000001', list: ['b', 'a'], nothing: null };
const order = signDocument(PAYLOAD, TYPE, known.key);

const codeOf = (text: unknown, signers?: readonly Signer[]): string => {
  try {
    verifyDocument(text, expected(signers));
    return 'accepted';
  } catch (error) {
    return error instanceof LetheError ? error.code : 'crashed';
  }
};

const encoded = (text: string): string => Buffer.from(text, 'utf8').toString('base64url');

describe('a signed document', () => {
  it('opens with who signed it and the digest of what travelled', () => {
    const opened = verifyDocument(order, expected());
    expect(opened.payload).toEqual(PAYLOAD);
    expect(opened.signer.personId).toBe('person-1');
    expect(opened.digest).toBe(digestOfDocument(order));
  });

  it('names its key by the thumbprint of RFC 8037, appendix A.3', () => {
    expect(thumbprintOf('11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo')).toBe(
      'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
    );
  });

  it.each([
    ['a key that the registry does not know', signDocument(PAYLOAD, TYPE, stranger.key)],
    ['another kind of document', signDocument(PAYLOAD, 'deletion-approval+jws', known.key)],
    ['no text at all', undefined],
    ['no signature', order.slice(0, order.lastIndexOf('.') + 1)],
    ['a second line', `${order}\n`],
  ])('is refused with %s', (_, text) => {
    expect(['SIGNATURE_INVALID', 'UNKNOWN_SIGNER']).toContain(codeOf(text));
  });

  it.each([
    ['before it counts', { validFrom: '2030-01-07T01:00:00.000001Z' }],
    ['at its end', { validUntil: AT }],
    ['once it was taken out', { revokedAt: AT }],
  ])('is refused when the key is used %s', (_, over) => {
    expect(codeOf(order, [registered(known, over)])).toBe('SIGNER_NOT_VALID');
  });

  it('counts at the first instant of its key and just before the end', () => {
    const over = { validFrom: AT, validUntil: '2030-01-07T01:00:00.000001Z' };
    expect(codeOf(order, [registered(known, over)])).toBe('accepted');
  });

  it('is refused when the key has another role', () => {
    expect(codeOf(order, [registered(known, { role: 'approver' })])).toBe('SIGNER_NOT_ENTITLED');
  });

  it('is refused when the registry shows another key under the id', () => {
    const exchanged = registered(known, { publicKey: stranger.entry.publicKey });
    const forged = signDocument(PAYLOAD, TYPE, stranger.key).replace(
      /^[^.]+/,
      encoded(`{"alg":"EdDSA","kid":"${known.kid}","typ":"${TYPE}"}`),
    );
    expect(codeOf(forged, [exchanged])).toBe('SIGNATURE_INVALID');
  });

  it('is refused after any change of a single letter', () => {
    const letters = 'Aaz09_-.';
    let refused = 0;
    for (let at = 0; at < order.length; at += 1) {
      for (const letter of letters) {
        if (order[at] === letter) continue;
        const altered = order.slice(0, at) + letter + order.slice(at + 1);
        expect(codeOf(altered)).not.toBe('accepted');
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(2_000);
  });

  it.each([
    ['another algorithm', '{"alg":"none","kid":"K","typ":"T"}', '{}'],
    ['a key of its own in the header', '{"alg":"EdDSA","jwk":{},"kid":"K","typ":"T"}', '{}'],
    ['a field that is stated twice', '{"alg":"EdDSA","kid":"K","typ":"T"}', '{"a":1,"a":2}'],
    ['fields out of order', '{"alg":"EdDSA","kid":"K","typ":"T"}', '{"b":1,"a":2}'],
    ['spaces', '{"alg":"EdDSA","kid":"K","typ":"T"}', '{"a": 1}'],
    ['a broken number', '{"alg":"EdDSA","kid":"K","typ":"T"}', '{"a":1.5}'],
    ['letters beyond ASCII', '{"alg":"EdDSA","kid":"K","typ":"T"}', '{"a":"ä"}'],
    ['a list instead of fields', '{"alg":"EdDSA","kid":"K","typ":"T"}', '[]'],
  ])('is not even read with %s', (_, header, payload) => {
    const head = header.replace('"K"', `"${known.kid}"`).replace('"T"', `"${TYPE}"`);
    const text = `${encoded(head)}.${encoded(payload)}.${'A'.repeat(86)}`;
    expect(() => readCompact(text, 'order')).toThrow(/^order /);
  });
});
