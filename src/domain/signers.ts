import { parseInstant } from './instants';

/**
 * What a key in the registry of signers may be used for. Requesters sign orders and approvers approve
 * them; a data-protection officer may do either, but never both of one order. The registry itself is
 * changed by officers and operators.
 */
export const SIGNER_ROLES = Object.freeze(['requester', 'approver', 'dpo', 'operator'] as const);

/** Role of a key. */
export type SignerRole = (typeof SIGNER_ROLES)[number];

/** A key of the registry with what became of it. */
export interface Signer {
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  /** `x` of its JWK: 32 bytes in base64url. */
  readonly publicKey: string;
  readonly role: SignerRole;
  /** Opaque; two keys of one person are one person. */
  readonly personId: string;
  readonly validFrom: string;
  /** Null while it has no end. */
  readonly validUntil: string | null;
  /** Null while nobody took it out. */
  readonly revokedAt: string | null;
}

/** Whether a key counts at an instant: inside its validity, and not taken out. */
export function isSignerValidAt(signer: Signer, instant: string): boolean {
  const at = parseInstant(instant, 'instant');
  if (at < parseInstant(signer.validFrom, 'validFrom')) return false;
  const ends = [signer.validUntil, signer.revokedAt].filter((end) => end !== null);
  return ends.every((end) => at < parseInstant(end, 'end'));
}

/** Whether two signers are one person; capitals make nobody somebody else. */
export const isSamePerson = (one: string, other: string): boolean =>
  one.toLowerCase() === other.toLowerCase();
