import { createHash } from 'node:crypto';
import type { Certificate } from '../domain/certificate';
import type { LedgerEntry } from '../domain/evidence';
import { invalid } from './failures';
import { openInclusion } from './inclusion-file';
import { assertValidAt, openText, parseSignedText, type SignedText } from './jws';
import { logVerifiers, type KeyList } from './key-list';

/**
 * A certificate as it is handed out: the signed text and, beside it, the ledger entry that names its digest
 * with the proof that the entry is in the signed tree.
 */

/** What the signature of a certificate is for. */
export const CERTIFICATE_TYPE = 'lethe-certificate+json';

/** Where the ledger has the certificate. */
export interface LedgerProof {
  /** Text of the entry. */
  readonly entry: string;
  /** Index, path and signed head, as text. */
  readonly proof: string;
}

/** A certificate's file. */
export interface CertificateFile extends SignedText {
  /** Not under the signature; the log's signature covers it. */
  readonly header?: { readonly log: LedgerProof };
}

/** What was found right about a certificate. */
export interface CheckedCertificate {
  readonly certificate: Certificate;
  /** The text that was signed. */
  readonly text: string;
  readonly keyId: string;
  /** Null when the file does not say where the ledger has it. */
  readonly log: {
    readonly index: number;
    readonly origin: string;
    readonly size: number;
  } | null;
}

/**
 * Opens a certificate's signature.
 *
 * @throws LetheError EVIDENCE_INVALID
 */
export function openCertificate(
  signed: SignedText,
  keys: KeyList,
): { readonly certificate: Certificate; readonly text: string; readonly keyId: string } {
  const { text, key } = openText(signed, { type: CERTIFICATE_TYPE, role: 'certificate', keys });
  const certificate = parse(text) as Partial<Certificate> | null;
  if (certificate?.document !== 'lethe-certificate-of-destruction') {
    throw invalid('the signed text is no certificate of destruction', 'document');
  }
  const { issuedAt } = certificate;
  if (typeof issuedAt !== 'string') throw invalid('the certificate has no instant of issue');
  assertValidAt(key, issuedAt);
  return { certificate: certificate as Certificate, text, keyId: key.keyId };
}

/**
 * Checks a certificate's file without any server: the signature, and, where the file carries it, that the
 * ledger entry names this very text and is in the tree that the log signed.
 *
 * @throws LetheError EVIDENCE_INVALID
 */
export function checkCertificateFile(text: string, keys: KeyList): CheckedCertificate {
  const file = parseSignedText(text);
  const opened = openCertificate(file, keys);
  if (file.header === undefined) return { ...opened, log: null };
  const { log } = file.header as { readonly log?: Partial<LedgerProof> };
  if (typeof log?.entry !== 'string' || typeof log.proof !== 'string') {
    throw invalid('the header has no entry and proof', 'header');
  }
  const { index, head } = openInclusion(log.proof, log.entry, logVerifiers(keys));
  assertNames(log.entry, index, opened);
  return { ...opened, log: { index, origin: head.origin, size: head.size } };
}

/** The entry must be the one of this certificate, at its place, with its digest. */
function assertNames(
  entryText: string,
  index: number,
  { certificate, text }: { readonly certificate: Certificate; readonly text: string },
): void {
  const entry = parse(entryText) as Partial<LedgerEntry> | null;
  const digest = createHash('sha256').update(text, 'utf8').digest('hex');
  const names =
    entry?.kind === 'certificate-issued' &&
    entry.sequence === index + 1 &&
    entry.tenantId === certificate.tenantId &&
    entry.subject === `${certificate.runId}/${certificate.dueOn}` &&
    entry.details?.['certificateDigest'] === digest;
  if (!names) throw invalid('the ledger entry is of another certificate', 'header');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('a signed text is not JSON');
  }
}
