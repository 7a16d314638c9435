import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificate } from '../../src/domain/certificate';
import { CERTIFICATE_TYPE, type CertificateFile } from '../../src/transparency/certificate-file';
import { inclusionText } from '../../src/transparency/inclusion-file';
import { signText } from '../../src/transparency/jws';
import { growTree, leafHash } from '../../src/transparency/merkle';
import { inclusionProof } from '../../src/transparency/proofs';
import type { SigningKeys } from '../../src/transparency/signing-keys';
import { signTreeHead } from '../../src/transparency/tree-head';

/** A certificate that auditors know, by the name of its golden file. */
export const goldenCertificate = (name: string): Certificate =>
  JSON.parse(readFileSync(join(__dirname, '..', 'golden', name), 'utf8')) as Certificate;

const entryOf = (certificate: Certificate, text: string, sequence: number): string =>
  JSON.stringify({
    ...{ version: 1, sequence, at: certificate.issuedAt, clock: 'system' },
    ...{ tenantId: certificate.tenantId, kind: 'certificate-issued' },
    subject: `${certificate.runId}/${certificate.dueOn}`,
    details: { certificateDigest: createHash('sha256').update(text).digest('hex') },
  });

/** A certificate among seven entries, signed and proven as the engine does it. */
export async function signedFileOf(
  certificate: Certificate,
  keys: SigningKeys,
): Promise<CertificateFile> {
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
