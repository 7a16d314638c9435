import { ORDER_DOCUMENTS, orderDocument, type OrderDocumentKind } from '../../contracts/orders';
import type { SignerRecord } from '../../contracts/authority';
import { LetheError } from '../../domain/errors';
import { ORDER_SIGNERS } from '../../domain/signed-document';
import {
  digestOfDocument,
  verifyDocument,
  type VerifiedDocument,
} from '../../transparency/signed-document';

/** For whom a document must be, and by which keys at which instant it must be signed. */
export interface DocumentReading {
  readonly tenantId: string;
  readonly signers: readonly SignerRecord[];
  /** Instant at which the key must count. */
  readonly at: string;
}

/**
 * Opens a document about a deletion: its shape, its signature, its tenant, and that who signed says who
 * they are. Pure.
 *
 * @throws LetheError naming the document: ORDER_REFUSED, or what the signature is refused for.
 * @source CC-2, DR-1
 */
export function openOrderDocument(
  { tenantId, signers, at }: DocumentReading,
  kind: OrderDocumentKind,
  document: string,
): VerifiedDocument {
  orderDocument(kind)(document, kind);
  const verified = verifyDocument(document, {
    ...{ type: ORDER_DOCUMENTS[kind], roles: ORDER_SIGNERS[kind] },
    ...{ at, signers, field: kind },
  });
  const stated = verified.payload as { tenantId: string; person: string };
  if (stated.tenantId !== tenantId) throw refused(`${kind} is for another tenant`, kind);
  if (stated.person !== verified.signer.personId) {
    throw refused(`${kind} names another person than the key's`, kind);
  }
  return { ...verified, digest: digestOfDocument(document) };
}

const refused = (what: string, field: string): LetheError =>
  new LetheError('ORDER_REFUSED', what, { field });
