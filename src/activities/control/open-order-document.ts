import {
  ORDER_DOCUMENTS,
  orderDocument,
  type OrderDocumentKind,
  type OrderPayloads,
} from '../../contracts/orders';
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

/** A document of a kind whose shape and signature were checked. */
export interface OpenedDocument<K extends OrderDocumentKind> extends Omit<
  VerifiedDocument,
  'payload'
> {
  readonly payload: OrderPayloads[K];
}

/**
 * Opens a document about a deletion: its shape, its signature, its tenant, and that who signed says who
 * they are. Pure.
 *
 * @throws LetheError naming the document: ORDER_REFUSED, or what the signature is refused for.
 * @source CC-2, DR-1
 */
export function openOrderDocument<K extends OrderDocumentKind>(
  { tenantId, signers, at }: DocumentReading,
  kind: K,
  document: string,
): OpenedDocument<K> {
  orderDocument(kind)(document, kind);
  const verified = verifyDocument(document, {
    ...{ type: ORDER_DOCUMENTS[kind], roles: ORDER_SIGNERS[kind] },
    ...{ at, signers, field: kind },
  });
  const payload = verified.payload as unknown as OrderPayloads[K];
  if (payload.tenantId !== tenantId) throw refused(`${kind} is for another tenant`, kind);
  if (payload.person !== verified.signer.personId) {
    throw refused(`${kind} names another person than the key's`, kind);
  }
  return { ...verified, payload, digest: digestOfDocument(document) };
}

const refused = (what: string, field: string): LetheError =>
  new LetheError('ORDER_REFUSED', what, { field });
