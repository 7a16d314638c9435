import { certificatePaper, type CertificateFacts } from './certificate-paper';
import { printDocument } from './document';
import { LANGUAGES, type Language } from './paper';

/** A certificate that was checked, and its signed file as it is handed out. */
export interface SignedCertificate extends CertificateFacts {
  /** The whole file; it is attached as it is. */
  readonly file: string;
}

/** Which languages a document can be in: one, or all of them one after another. */
const SETS: readonly (readonly Language[])[] = [...LANGUAGES.map((one) => [one]), LANGUAGES];

/** A certificate as a PDF with its signed file attached. The same file gives the same bytes. */
export const certificateDocument = (
  signed: SignedCertificate,
  languages: readonly Language[],
): Promise<Buffer> =>
  printDocument({
    papers: languages.map((language) => certificatePaper(signed, language)),
    at: signed.certificate.issuedAt,
    attachment: {
      name: `${signed.certificate.certificateId}.json`,
      type: 'application/jose+json',
      description: 'JWS, RFC 7515',
      text: signed.file,
    },
  });

/**
 * Languages in which these bytes are what we print for the certificate. It is printed again and compared,
 * because the signature covers the attachment and not what the pages show.
 *
 * @returns null when the pages are not ours, or were printed by another version.
 */
export async function printedLanguages(
  document: Buffer,
  signed: SignedCertificate,
): Promise<readonly Language[] | null> {
  for (const languages of SETS) {
    if ((await certificateDocument(signed, languages)).equals(document)) return languages;
  }
  return null;
}
