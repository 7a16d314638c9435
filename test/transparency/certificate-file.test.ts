import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { certificatePage } from '../../src/cli/certificate-page';
import type { Certificate } from '../../src/domain/certificate';
import {
  CERTIFICATE_TYPE,
  checkCertificateFile,
  type CertificateFile,
} from '../../src/transparency/certificate-file';
import { inclusionText } from '../../src/transparency/inclusion-file';
import { signText } from '../../src/transparency/jws';
import { growTree, leafHash } from '../../src/transparency/merkle';
import { inclusionProof } from '../../src/transparency/proofs';
import { signTreeHead } from '../../src/transparency/tree-head';
import { newSigningKeys } from '../support/signing-keys';

const INVALID = expect.objectContaining({ code: 'EVIDENCE_INVALID' }) as Error;
const golden = (name: string): Certificate =>
  JSON.parse(readFileSync(join(__dirname, '..', 'golden', name), 'utf8')) as Certificate;
const GOLDEN = golden('certificate.json');
const keys = newSigningKeys('offline');

const entryOf = (certificate: Certificate, text: string, sequence: number): string =>
  JSON.stringify({
    ...{ version: 1, sequence, at: certificate.issuedAt, clock: 'system' },
    ...{ tenantId: certificate.tenantId, kind: 'certificate-issued' },
    subject: `${certificate.runId}/${certificate.dueOn}`,
    details: { certificateDigest: createHash('sha256').update(text).digest('hex') },
  });

/** A certificate among seven entries, signed and proven as the engine does it. */
async function fileOf(certificate: Certificate): Promise<CertificateFile> {
  const text = JSON.stringify(certificate);
  const entries = Array.from({ length: 7 }, (_, index) => `{"sequence":${index + 1}}`);
  const entry = entryOf(certificate, text, 4);
  entries[3] = entry;
  const rootOver = (some: readonly string[]): Buffer => {
    const tree = growTree();
    for (const one of some) tree.append(leafHash(one));
    return tree.root();
  };
  const note = signTreeHead({ size: 7, root: rootOver(entries) }, keys.log);
  const proof = await inclusionProof({ index: 3, size: 7 }, (level, at) =>
    Promise.resolve(rootOver(entries.slice(at * 2 ** level, (at + 1) * 2 ** level))),
  );
  const log = { entry, proof: inclusionText({ index: 3, proof, note }) };
  return { ...signText(text, CERTIFICATE_TYPE, keys.certificate), header: { log } };
}

describe('a certificate’s file', () => {
  it('is right as it was handed out, and without its place in the ledger says so', async () => {
    const file = await fileOf(GOLDEN);
    expect(checkCertificateFile(JSON.stringify(file), keys.list)).toMatchObject({
      certificate: GOLDEN,
      log: { index: 3, size: 7, origin: 'lethe.example/offline' },
    });
    const compact = `${file.protected}.${file.payload}.${file.signature}`;
    expect(checkCertificateFile(compact, keys.list).log).toBeNull();
  });

  it('is right as well when it was issued by an earlier version [AB-3]', async () => {
    const older = golden('certificate-version-2.json');
    expect([older.version, GOLDEN.version]).toEqual([2, 3]);
    const checked = checkCertificateFile(JSON.stringify(await fileOf(older)), keys.list);
    expect(checked.certificate).toEqual(older);
  });

  it('is refused with any one character of it changed, in 2,000 attempts [AB-3]', async () => {
    const text = JSON.stringify(await fileOf(GOLDEN));
    const characters = Array.from('AZaz09+/=-_".,:{}[]\\ \n');
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...characters), (at, character) => {
        fc.pre(text[at] !== character);
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        expect(() => checkCertificateFile(changed, keys.list)).toThrow(INVALID);
      }),
      { numRuns: 2000 },
    );
  });

  it('is refused with the proof of another certificate, whoever signed both', async () => {
    const file = await fileOf(GOLDEN);
    for (const change of [
      { tenantId: 'tn_fedcba9876543210' },
      { runId: 'rn_fedcba9876543210' },
      { late: true },
    ]) {
      const other = await fileOf({ ...GOLDEN, ...change });
      const mixed = { ...other, ...(file.header === undefined ? {} : { header: file.header }) };
      expect(() => checkCertificateFile(JSON.stringify(mixed), keys.list)).toThrow(INVALID);
    }
  });

  it('is refused when it is signed by a key whose time was over', async () => {
    const file = JSON.stringify(await fileOf(GOLDEN));
    const ended = keys.list.keys.map((key) => ({ ...key, validUntil: GOLDEN.issuedAt }));
    expect(() => checkCertificateFile(file, { ...keys.list, keys: ended })).toThrow(INVALID);
  });

  it('is refused when what was signed is no certificate', () => {
    for (const text of [
      '[]',
      'null',
      '"x"',
      '{}',
      '{"document":"lethe-certificate-of-destruction"}',
    ]) {
      const signed = signText(text, CERTIFICATE_TYPE, keys.certificate);
      expect(() => checkCertificateFile(JSON.stringify(signed), keys.list)).toThrow(INVALID);
    }
  });
});

describe('the page of a certificate', () => {
  const shown = { certificate: GOLDEN, keyId: 'certificate-1', log: null };

  it('says in both languages what was destroyed, why then, how, and who looked', () => {
    const page = certificatePage([shown]);
    for (const text of [
      ...['Certificate of destruction', 'Derivation of the dates', 'Withheld records'],
      ...['销毁证明', '日期推导', '保留未销毁的记录', GOLDEN.manifestDigest, '120', 'AB-1'],
    ]) {
      expect(page).toContain(text);
    }
    expect(certificatePage([{ ...shown, certificate: { ...GOLDEN, late: true } }])).toContain(
      'The promised end was missed',
    );
    expect(page).not.toContain('The promised end was missed');
  });

  it('runs nothing that a certificate could carry', () => {
    const certificate = { ...GOLDEN, certificateId: '"><script>alert(1)</script>' };
    const page = certificatePage([{ ...shown, certificate }]);
    expect(page).not.toMatch(/<script/i);
    expect(page).toContain('&#60;script&#62;');
  });
});
