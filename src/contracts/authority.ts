import type { Signer, SignerRole } from '../domain/signers';

/** Kinds of signed documents that change who may sign what. */
export const AUTHORITY_DOCUMENTS = Object.freeze({
  change: 'authority-change+jws',
  approval: 'authority-approval+jws',
});

/** A key of the registry as people see it. */
export interface SignerRecord extends Signer {
  readonly addedAt: string;
  /** Null: one of the first two. */
  readonly changeId: string | null;
}

/** A key that is to be put into the registry. */
export interface NewSigner {
  /** `x` of its JWK: 32 bytes in base64url. */
  readonly publicKey: string;
  readonly role: SignerRole;
  readonly personId: string;
  readonly validFrom: string;
  readonly validUntil: string | null;
}

/** What two signers can agree on. */
export type AuthorityAction =
  | ({ readonly action: 'add-signer' } & NewSigner)
  | { readonly action: 'revoke-signer'; readonly kid: string }
  | {
      readonly action: 'set-rule';
      readonly approvalsNeeded: number;
      readonly approveWithinHours: number;
    }
  /** Whether decisions that let destruction go on need signatures, or names are enough. */
  | { readonly action: 'sign-decisions' | 'name-decisions' };

/** A change that was proposed, and whether somebody else approved it. */
export interface AuthorityChange {
  readonly changeId: string;
  readonly action: AuthorityAction['action'];
  /** Key that is added or taken out; null for a rule. */
  readonly kid: string | null;
  /** SHA-256 of the signed proposal, which its approval names. */
  readonly digest: string;
  readonly proposedBy: string;
  readonly proposedAt: string;
  readonly expiresAt: string;
  readonly approvedBy: string | null;
  readonly approvedAt: string | null;
}

/** How many people approve an order, and how soon; the newest rule counts. */
export interface ApprovalRule {
  readonly ruleNumber: number;
  readonly approvalsNeeded: number;
  readonly approveWithinHours: number;
  readonly setAt: string;
  /** Null: the rule that came with the product. */
  readonly changeId: string | null;
}
