import fc from 'fast-check';
import type { Certificate } from '../../src/domain/certificate';
import {
  CERTIFICATE_TYPE,
  checkCertificateFile,
  type CertificateFile,
} from '../../src/transparency/certificate-file';
import { signText } from '../../src/transparency/jws';
import { goldenCertificate, signedFileOf } from '../support/certificate-files';
import { newSigningKeys } from '../support/signing-keys';

const INVALID = expect.objectContaining({ code: 'EVIDENCE_INVALID' }) as Error;
const GOLDEN = goldenCertificate('certificate.json');
const keys = newSigningKeys('offline');

const fileOf = (certificate: Certificate): Promise<CertificateFile> =>
  signedFileOf(certificate, keys);

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
    const older = goldenCertificate('certificate-version-2.json');
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
