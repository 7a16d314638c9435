import { generateKeyPairSync } from 'node:crypto';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { EMPTY_ROOT, growTree, leafHash } from '../../src/transparency/merkle';
import {
  noteVerifier,
  openNote,
  parseVerifierKey,
  signNote,
  verifierKeyText,
  type NoteSigner,
} from '../../src/transparency/note';
import {
  openInclusion,
  inclusionText,
  parseInclusion,
} from '../../src/transparency/inclusion-file';
import { openTreeHead, parseTreeHead, signTreeHead } from '../../src/transparency/tree-head';
import { inclusionProof } from '../../src/transparency/proofs';

const INVALID = expect.objectContaining({ code: 'EVIDENCE_INVALID' }) as Error;

/** Keys, texts and signatures of golang.org/x/mod/sumdb/note, which defined the format. */
const PETER_KEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const PETER_SEED = 'AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const ENOCH_KEY = 'EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop';
const TEXT =
  'If you think cryptography is the answer to your problem,\n' +
  "then you don't know what your problem is.\n";
const PETER =
  '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';
const ENOCH =
  '\u2014 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n';
const peter = parseVerifierKey(PETER_KEY);
const enoch = parseVerifierKey(ENOCH_KEY);

/** What precedes the seed of a private key in its DER form. @source RFC 8410 */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const signerOf = (name: string, seed: Buffer): NoteSigner => {
  const der = Buffer.concat([PKCS8, seed]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { ...noteVerifier(name, createPublicKey(privateKey)), privateKey };
};
const peterSigns = signerOf('PeterNeumann', Buffer.from(PETER_SEED, 'base64').subarray(1));

const newSigner = (name = 'log.example/ledger'): NoteSigner => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { ...noteVerifier(name, publicKey), privateKey };
};

describe('a verifier key', () => {
  it('is read and written as the format defines it', () => {
    expect(verifierKeyText(peter)).toBe(PETER_KEY);
    expect(verifierKeyText(enoch)).toBe(ENOCH_KEY);
    expect(peterSigns.hint.toString('hex')).toBe('c74f20a3');
  });

  it('is refused in every part and with every byte changed', () => {
    for (let from = 0; from < PETER_KEY.length; from += 1) {
      for (let to = from + 1; to <= PETER_KEY.length; to += 1) {
        if (from === 0 && to === PETER_KEY.length) continue;
        expect(() => parseVerifierKey(PETER_KEY.slice(from, to))).toThrow(INVALID);
      }
      const next = String.fromCharCode(PETER_KEY.charCodeAt(from) + 1);
      const changed = PETER_KEY.slice(0, from) + next + PETER_KEY.slice(from + 1);
      expect(() => parseVerifierKey(changed)).toThrow(INVALID);
    }
  });

  it.each([
    'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==',
    'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  ])('is refused with another length or sort, also under its right id: %s', (text) => {
    expect(() => parseVerifierKey(text)).toThrow(INVALID);
  });
});

describe('a note', () => {
  it('is signed byte for byte as the reference implementation signs it', () => {
    expect(signNote(TEXT, peterSigns)).toBe(`${TEXT}\n${PETER}`);
  });

  it('opens with the keys that are known, whoever else signed', () => {
    const both = `${TEXT}\n${PETER}${ENOCH}`;
    expect(openNote(both, [peter])).toEqual({ text: TEXT, signedBy: [peter] });
    expect(openNote(both, [enoch, peter]).signedBy).toEqual([peter, enoch]);
    expect(openNote(`${TEXT}\n${PETER}${PETER}`, [peter]).signedBy).toEqual([peter]);
    expect(() => openNote(both, [])).toThrow(INVALID);
    expect(() => openNote(`${TEXT}\n${ENOCH}`, [enoch, peter, enoch])).toThrow(INVALID);
    expect(openNote(`${TEXT}\n${PETER}`, [enoch, peter, enoch]).signedBy).toEqual([peter]);
  });

  it.each([
    ['no signature', TEXT],
    ['an empty list of signatures', `${TEXT}\n`],
    ['a last line without its end', `${TEXT}\n${PETER.slice(0, -1)}`],
    ['a control character', `\x01${TEXT}\n${PETER}`],
    ['a tabulator', `${TEXT.replace(' ', '\t')}\n${PETER}`],
    ['half a character', `\ud800${TEXT}\n${PETER}`],
    ['a name with a space', `${TEXT}\n\u2014 Bad Name ${PETER.slice(15)}`],
    ['a line that is no signature', `${TEXT}\n${PETER}Unexpected line.\n`],
    ['more signatures than anybody needs', `${TEXT}\n${PETER.repeat(101)}`],
    ['a signature that is too long', `${TEXT}\n${PETER.slice(0, 60)}ABCD${PETER.slice(60)}`],
    ['another text', `${TEXT.replace('your', 'my')}\n${PETER}`],
    ['a hyphen for the dash', `${TEXT}\n${PETER.replace('\u2014', '-')}`],
  ])('is refused with %s', (_, message) => {
    expect(() => openNote(message, [peter])).toThrow(INVALID);
  });

  it('may have as many signatures as the format asks everybody to take, and empty lines', () => {
    const others = Array.from({ length: 16 }, (_, index) => newSigner(`witness.example/${index}`));
    const lines = others.map((other) => signNote(TEXT, other).slice(TEXT.length + 1)).join('');
    expect(openNote(`${TEXT}\n${lines}${PETER}`, [peter]).signedBy).toEqual([peter]);
    const signer = newSigner();
    const note = signNote('one\n\ntwo\n', signer);
    expect(openNote(note, [signer]).text).toBe('one\n\ntwo\n');
  });

  it('is not signed when it could not be opened', () => {
    for (const text of ['no newline', 'a\x00b\n', 'half \udc00\n']) {
      expect(() => signNote(text, peterSigns)).toThrow(INVALID);
    }
  });
});

describe('a signed tree head', () => {
  const signer = newSigner();
  const root = leafHash('x');

  it('is origin, size and root in three lines under the signature of its own log', () => {
    const note = signTreeHead({ size: 20_852_163, root }, signer);
    expect(note.startsWith(`log.example/ledger\n20852163\n${root.toString('base64')}\n\n`)).toBe(
      true,
    );
    expect(openTreeHead(note, [signer])).toEqual({
      origin: 'log.example/ledger',
      size: 20_852_163,
      root,
    });
  });

  it('is read as the specification shows one', () => {
    const text =
      'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
    expect(parseTreeHead(text)).toMatchObject({
      origin: 'example.com/behind-the-sofa',
      size: 20_852_163,
    });
    expect(parseTreeHead(`${text}an extension\n`).size).toBe(20_852_163);
    expect(parseTreeHead(`log\n0\n${EMPTY_ROOT.toString('base64')}\n`).size).toBe(0);
  });

  const head = root.toString('base64');
  it.each([
    ['', '\n1\n', head],
    ['a leading zero', 'log\n01\n', head],
    ['a sign', 'log\n+1\n', head],
    ['a size that no number holds', 'log\n9007199254740993\n', head],
    ['a short root', 'log\n1\n', root.subarray(1).toString('base64')],
    ['a root with other padding', 'log\n1\n', head.replace('=', '')],
    ['an empty extension', 'log\n1\n', `${head}\n`],
  ])('is refused with %s', (_, start, rest) => {
    expect(() => parseTreeHead(`${start}${rest}\n`)).toThrow(INVALID);
  });

  it('of another log is refused, also under a known key', () => {
    const other = newSigner('log.example/other');
    const note = signNote(`log.example/ledger\n1\n${head}\n`, other);
    expect(() => openTreeHead(note, [signer, other])).toThrow(INVALID);
  });
});

describe('a proof that stands alone', () => {
  const signer = newSigner();
  const entries = Array.from({ length: 11 }, (_, index) => `{"sequence":${index + 1}}`);
  const tree = growTree();
  for (const entry of entries) tree.append(leafHash(entry));
  const note = signTreeHead({ size: tree.size, root: tree.root() }, signer);

  async function proofOf(index: number): Promise<string> {
    const read = (level: number, at: number): Promise<Buffer> => {
      const part = growTree();
      const span = entries.slice(at * 2 ** level, (at + 1) * 2 ** level);
      for (const entry of span) part.append(leafHash(entry));
      return Promise.resolve(part.root());
    };
    const proof = await inclusionProof({ index, size: tree.size }, read);
    return inclusionText({ index, proof, note });
  }

  it('opens for its own entry and for no other', async () => {
    for (const [index, entry] of entries.entries()) {
      const text = await proofOf(index);
      expect(text.startsWith('c2sp.org/tlog-proof@v1\nindex ')).toBe(true);
      expect(openInclusion(text, entry, [signer])).toMatchObject({ index, head: { size: 11 } });
      expect(() => openInclusion(text, `${entry} `, [signer])).toThrow(INVALID);
      expect(() => openInclusion(text, entry, [newSigner()])).toThrow(INVALID);
    }
  });

  it('is refused when any part of it is malformed', async () => {
    const text = await proofOf(3);
    for (const broken of [
      text.replace('@v1', '@v2'),
      text.replace('index 3', 'index 03'),
      text.replace('index 3', 'index -3'),
      text.replace(/\n[^\n]+=\n/, '\nAAAA\n'),
      text.slice(0, 40),
      '',
    ]) {
      expect(() => openInclusion(broken, entries[3] ?? '', [signer])).toThrow(INVALID);
    }
    expect(parseInclusion(text).proof).toHaveLength(4);
  });
});
