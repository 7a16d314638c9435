import { readCompact } from '../domain/signed-document';
import { LetheError } from '../domain/errors';
import { actor, instant, integer, matching, objectOf, oneOf, type Check } from './field-checks';

/** Kind of a signed document by which a person decides that destruction may go on. */
export const DECISION_DOCUMENT = 'decision+jws';

/**
 * Decisions that can need a signature: each of them lets something be destroyed. Keeping more, such as a
 * hold, a freeze, a withdrawn release or a stricter cap, never does.
 */
export const DECISIONS = Object.freeze([
  'request-release',
  'approve-release',
  'request-lift',
  'approve-lift',
  'set-cap',
  'reset-breaker',
  'request-end',
  'approve-end',
] as const);

/** One of them. */
export type DecisionKind = (typeof DECISIONS)[number];

/** What a person signs. */
export interface Decision {
  readonly version: 1;
  /** Where it counts; ids of caps are the same everywhere. */
  readonly environment: string;
  readonly decision: DecisionKind;
  /** The hold, freeze, trip or cap; the tenant of an end that is dated back. */
  readonly subject: string;
  /** SHA-256, hexadecimal, of what else was decided: see `termsOf` and `SignedRequest`. */
  readonly terms: string;
  readonly person: string;
  readonly issuedAt: string;
  /** After this instant it is worth nothing; seven days from its arrival at most. */
  readonly expiresAt: string;
}

const fields = objectOf({
  version: integer(1, 1),
  environment: matching(/^[a-z][a-z0-9-]{0,18}$/, 'must be the name of an environment'),
  decision: oneOf(DECISIONS),
  subject: matching(
    /^[\w-]{1,64}$/,
    'must be the id of a hold, a freeze, a trip or a tenant, or a cap',
  ),
  terms: matching(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal'),
  person: actor,
  issuedAt: instant,
  expiresAt: instant,
});

/** Checks the shape of a signed decision; its signature is verified where it is carried out. */
export const signedDecision: Check = (value, field) => {
  const document = readCompact(value, field);
  if (document.type !== DECISION_DOCUMENT) {
    throw new LetheError('SIGNATURE_INVALID', `${field} was signed as something else`, { field });
  }
  fields(document.payload, field);
};

/** A decision that somebody takes, with the signed document where one is needed. */
export interface SignedBy {
  readonly document?: string;
}

/** What verifying decisions again said. */
export interface DecisionAudit {
  readonly checked: number;
  /** Digests of documents on record that do not verify: nobody signed what was carried out. */
  readonly wrong: readonly string[];
}
