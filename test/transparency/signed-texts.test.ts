import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  assertValidAt,
  openText,
  parseSignedText,
  signText,
  type SignedText,
} from '../../src/transparency/jws';
import { isValidAt, logVerifiers, parseKeyList } from '../../src/transparency/key-list';

const INVALID = expect.objectContaining({ code: 'EVIDENCE_INVALID' }) as Error;
const certificate = generateKeyPairSync('ed25519');
const log = generateKeyPairSync('ed25519');

const middleOf = (key: KeyObject): string =>
  key.export({ format: 'der', type: 'spki' }).toString('base64');
const FROM = '2026-01-01T00:00:00Z';
const entries = () => [
  {
    keyId: 'certificate-1',
    role: 'certificate',
    publicKey: middleOf(certificate.publicKey),
    validFrom: FROM,
    validUntil: '2028-01-01T00:00:00Z' as string | null,
  },
  {
    keyId: 'log-1',
    role: 'log',
    name: 'log.example/ledger',
    publicKey: middleOf(log.publicKey),
    validFrom: FROM,
    validUntil: null,
  },
];
const listOf = (keys: unknown): string => JSON.stringify({ version: 1, keys });
const keys = parseKeyList(listOf(entries()));
const signer = { keyId: 'certificate-1', privateKey: certificate.privateKey };
const expected = { type: 'lethe-certificate+json', role: 'certificate', keys } as const;
const TEXT = '{"document":"lethe-certificate-of-destruction"}';
const signed = signText(TEXT, 'lethe-certificate+json', signer);
const encode = (text: string): string => Buffer.from(text).toString('base64url');

describe('a list of public keys', () => {
  it('says for each key what it signs and when it may', () => {
    const [first, second] = keys.keys;
    expect(first).toMatchObject({ keyId: 'certificate-1', role: 'certificate' });
    expect(second).toMatchObject({ role: 'log', name: 'log.example/ledger', validUntil: null });
    expect(logVerifiers(keys).map(({ name }) => name)).toEqual(['log.example/ledger']);
  });

  it('lets a key sign from its first instant until before its last', () => {
    const [key] = keys.keys;
    if (key === undefined) throw new Error('the list is empty');
    expect(isValidAt(key, '2025-12-31T23:59:59.999999Z')).toBe(false);
    expect(isValidAt(key, FROM)).toBe(true);
    expect(isValidAt(key, '2027-12-31T23:59:59.999999Z')).toBe(true);
    expect(isValidAt(key, '2028-01-01T00:00:00Z')).toBe(false);
    expect(isValidAt({ ...key, validUntil: null }, '2099-01-01T00:00:00Z')).toBe(true);
    expect(() => {
      assertValidAt(key, '2028-01-01T00:00:00Z');
    }).toThrow(INVALID);
  });

  const [one, two] = entries();
  it.each([
    ['text that is no JSON', '{'],
    ['another version', JSON.stringify({ version: 2, keys: entries() })],
    ['no key', listOf([])],
    ['keys that are no list', listOf({})],
    ['two keys of one id', listOf([one, { ...two, keyId: 'certificate-1' }])],
    ['an unknown field', listOf([{ ...one, note: 'x' }])],
    ['an unknown role', listOf([{ ...one, role: 'order' }])],
    ['a log without a name', listOf([{ ...two, name: undefined }])],
    ['a log whose name has a space', listOf([{ ...two, name: 'my log' }])],
    ['a name where none belongs', listOf([{ ...one, name: 'x' }])],
    ['a key of another sort', listOf([{ ...one, publicKey: 'AAAA' }])],
    ['an id with a slash', listOf([{ ...one, keyId: 'a/b' }])],
    ['a beginning without an offset', listOf([{ ...one, validFrom: '2026-01-01' }])],
    ['an end that is none', listOf([{ ...one, validUntil: 'never' }])],
  ])('is refused with %s', (_, text) => {
    expect(() => parseKeyList(text)).toThrow(INVALID);
  });
});

describe('a signed text', () => {
  it('opens with the listed key, and says which it was', () => {
    const { text, key } = openText(signed, expected);
    expect(text).toBe(TEXT);
    expect(key.keyId).toBe('certificate-1');
  });

  it('is read in both of its forms', () => {
    const compact = `${signed.protected}.${signed.payload}.${signed.signature}`;
    expect(parseSignedText(`${compact}\n`)).toEqual(signed);
    const header = { log: { index: 1 } };
    expect(parseSignedText(JSON.stringify({ ...signed, header }))).toEqual({ ...signed, header });
    for (const text of [
      '',
      '{',
      '[]',
      '{"payload":"x"}',
      'a.b',
      JSON.stringify({ ...signed, x: 1 }),
    ]) {
      expect(() => parseSignedText(text)).toThrow(INVALID);
    }
  });

  it('is refused with any character of it changed', () => {
    for (const part of ['protected', 'payload', 'signature'] as const) {
      const whole = signed[part];
      for (let at = 0; at < whole.length; at += 1) {
        const other = whole[at] === 'A' ? 'B' : 'A';
        const changed = { ...signed, [part]: whole.slice(0, at) + other + whole.slice(at + 1) };
        expect(() => openText(changed, expected)).toThrow(INVALID);
      }
    }
  });

  const withHeader = (header: object, over?: (input: string) => string): SignedText => {
    const head = encode(JSON.stringify(header));
    const input = `${head}.${signed.payload}`;
    return { ...signed, protected: head, signature: over?.(input) ?? signed.signature };
  };
  const publicBytes = certificate.publicKey.export({ format: 'der', type: 'spki' });

  it.each([
    [
      'no algorithm',
      withHeader({ alg: 'none', kid: 'certificate-1', typ: expected.type }, () => ''),
    ],
    [
      'a keyed hash under the public key',
      withHeader({ alg: 'HS256', kid: 'certificate-1', typ: expected.type }, (input) =>
        createHmac('sha256', publicBytes).update(input).digest('base64url'),
      ),
    ],
    [
      'an extension',
      withHeader({ alg: 'EdDSA', kid: 'certificate-1', typ: expected.type, crit: ['x'] }),
    ],
    ['a key of its own', withHeader({ alg: 'EdDSA', jwk: {}, kid: 'x', typ: expected.type })],
    ['no key', withHeader({ alg: 'EdDSA', typ: expected.type })],
  ])('is refused with %s in its header', (_, forged) => {
    expect(() => openText(forged, expected)).toThrow(INVALID);
  });

  it('is refused under a key that is not listed, has another role or signed another kind of text', () => {
    const stranger = generateKeyPairSync('ed25519').privateKey;
    const forged = [
      signText(TEXT, 'lethe-certificate+json', { keyId: 'certificate-1', privateKey: stranger }),
      signText(TEXT, 'lethe-certificate+json', { keyId: 'stranger', privateKey: stranger }),
      signText(TEXT, 'lethe-certificate+json', { keyId: 'log-1', privateKey: log.privateKey }),
      signText(TEXT, 'lethe-checkpoint+json', signer),
    ];
    for (const text of forged) expect(() => openText(text, expected)).toThrow(INVALID);
  });
});
