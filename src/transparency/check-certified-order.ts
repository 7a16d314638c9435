import type { Certificate } from '../domain/certificate';
import type { CertifiedOrder } from '../domain/certified-order';
import { isLetheError } from '../domain/errors';
import { ORDER_DOCUMENTS, ORDER_SIGNERS, readCompact } from '../domain/signed-document';
import { isSamePerson, type Signer } from '../domain/signers';
import { invalid } from './failures';
import { verifyDocument, type VerifiedDocument } from './signed-document';

/** What became of one signature of the order that a certificate carries. */
export interface CheckedSignature {
  readonly document: 'order' | 'approval';
  readonly kid: string;
  /** Who signed, by the registry that was given; null when none was given. */
  readonly personId: string | null;
  /** `unchecked` when no keys of signers were given. */
  readonly outcome: 'ok' | 'unchecked';
}

/**
 * Checks the order inside a certificate and its approvals without any server: signed by keys that counted
 * at their instants, for this tenant and class, approved letter by letter, by somebody else, and by the
 * people whom the certificate names.
 *
 * @param signers - keys of people from another source than the certificate; undefined when there are none.
 * @returns null for a certificate that no order stands behind.
 * @throws LetheError EVIDENCE_INVALID naming `order` or `approval`.
 * @source CC-2, DR-1
 */
export function checkCertifiedOrder(
  certificate: Certificate,
  signers: readonly Signer[] | undefined,
): readonly CheckedSignature[] | null {
  const { order } = certificate;
  if (order === undefined) return null;
  if (signers === undefined) {
    return [
      unchecked('order', order.signed),
      ...order.approvals.map((one) => unchecked('approval', one)),
    ];
  }
  const opened = open('order', order.signed, signers);
  assertOrders(opened, order, certificate);
  if (order.approvals.length === 0) throw invalid('nobody approved the order', 'approval');
  const approvals = order.approvals.map((one) => {
    const approval = open('approval', one, signers);
    assertApproves(approval, opened, certificate);
    return approval;
  });
  const named = (certificate.people ?? []).map(({ personId }) => personId);
  for (const { signer } of [opened, ...approvals]) {
    if (!named.includes(signer.personId)) {
      throw invalid('the certificate does not name who signed its order', 'order');
    }
  }
  return [ok('order', opened), ...approvals.map((one) => ok('approval', one))];
}

const unchecked = (document: CheckedSignature['document'], text: string): CheckedSignature => ({
  document,
  kid: compact(text, document).kid,
  personId: null,
  outcome: 'unchecked',
});

const ok = (
  document: CheckedSignature['document'],
  { signer }: VerifiedDocument,
): CheckedSignature => ({ document, kid: signer.kid, personId: signer.personId, outcome: 'ok' });

function open(
  document: 'order' | 'approval',
  text: string,
  signers: readonly Signer[],
): VerifiedDocument {
  const { issuedAt } = compact(text, document).payload;
  return asEvidence(document, () =>
    verifyDocument(text, {
      ...{ type: ORDER_DOCUMENTS[document], roles: ORDER_SIGNERS[document] },
      ...{ at: String(issuedAt), signers, field: document },
    }),
  );
}

const compact = (text: string, field: string): ReturnType<typeof readCompact> =>
  asEvidence(field, () => readCompact(text, field));

/** One stable code for whatever is wrong with evidence; the message says what. */
function asEvidence<T>(field: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isLetheError(error)) throw invalid(error.message, field);
    throw error;
  }
}

function assertOrders(
  { payload, signer }: VerifiedDocument,
  { orderId }: CertifiedOrder,
  certificate: Certificate,
): void {
  const { scope } = payload as { readonly scope?: unknown };
  const isFor =
    payload['orderId'] === orderId &&
    payload['tenantId'] === certificate.tenantId &&
    payload['person'] === signer.personId &&
    Array.isArray(scope) &&
    scope.includes(certificate.recordClass);
  if (!isFor) throw invalid('the order in the certificate is for something else', 'order');
}

function assertApproves(
  { payload, signer }: VerifiedDocument,
  order: VerifiedDocument,
  { tenantId }: Certificate,
): void {
  const isFor =
    payload['orderDigest'] === order.digest &&
    payload['orderId'] === order.payload['orderId'] &&
    payload['tenantId'] === tenantId &&
    payload['person'] === signer.personId;
  if (!isFor) throw invalid('an approval in the certificate is for something else', 'approval');
  if (signer.kid === order.signer.kid || isSamePerson(signer.personId, order.signer.personId)) {
    throw invalid('the order in the certificate was approved by who signed it', 'approval');
  }
}
