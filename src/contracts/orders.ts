import { LetheError } from '../domain/errors';
import { parseId } from '../domain/identifiers';
import { RECORD_CLASSES, type RecordClass } from '../domain/record-class';
import { ORDER_DOCUMENTS, readCompact } from '../domain/signed-document';
import { isSamePerson } from '../domain/signers';
import {
  actor,
  instant,
  integer,
  listOf,
  matching,
  objectOf,
  oneOf,
  type Check,
} from './field-checks';

export { ORDER_DOCUMENTS };

/** A kind of signed document about a deletion. */
export type OrderDocumentKind = keyof typeof ORDER_DOCUMENTS;

/** Why something is ordered: a word, never a sentence. */
export const ORDER_REASONS = Object.freeze([
  'customer-request',
  'data-subject-request',
  'contract-duty',
  'legal-duty',
] as const);

/** Why an order is denied or revoked; the words of the Data Rights Protocol where it has one. */
export const STOP_REASONS = Object.freeze([
  'suspected-fraud',
  'insuf-verification',
  'no-match',
  'claim-not-covered',
  'outside-jurisdiction',
  'too-many-requests',
  'mistake',
  'other',
] as const);

/** A deletion order as it is signed: ids, words and instants. */
export interface DeletionOrder {
  readonly version: 1;
  readonly orderId: string;
  readonly tenantId: string;
  /** Requests that it carries out. */
  readonly requestIds: readonly string[];
  readonly scope: readonly RecordClass[];
  /** Digest of the plan that was previewed. */
  readonly planDigest: string;
  readonly reason: (typeof ORDER_REASONS)[number];
  /** Opaque id of who signs. */
  readonly person: string;
  readonly issuedAt: string;
  readonly expiresAt: string;
}

/** An approval, bound to one order by its digest. */
export interface DeletionApproval {
  readonly version: 1;
  readonly approvalId: string;
  readonly orderId: string;
  readonly orderDigest: string;
  /** Key and person that signed the order: the approver states that it was somebody else. */
  readonly orderKid: string;
  readonly orderPerson: string;
  readonly tenantId: string;
  readonly planDigest: string;
  readonly person: string;
  readonly issuedAt: string;
  readonly expiresAt: string;
}

/** What stops an order: a denial before it is approved, a revocation later. */
export interface OrderStop {
  readonly version: 1;
  readonly orderId: string;
  readonly orderDigest: string;
  readonly tenantId: string;
  readonly reason: (typeof STOP_REASONS)[number];
  readonly person: string;
  readonly issuedAt: string;
}

/** What each kind of document says. */
export interface OrderPayloads {
  readonly order: DeletionOrder;
  readonly approval: DeletionApproval;
  readonly denial: OrderStop;
  readonly revocation: OrderStop;
}

const REQUESTS_MAX = 20;
const digest = matching(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal');
const kid = matching(/^[\w-]{43}$/, 'must be a key thumbprint of 43 letters, digits, - and _');
const tenantId: Check = (value, field) => {
  parseId('TenantId', value, field);
};
const requestId: Check = (value, field) => {
  parseId('RequestId', value, field);
};
const idOf = (prefix: string): Check =>
  matching(
    new RegExp(`^${prefix}_[0-9a-z]{16,40}$`),
    `must be ${prefix}_ followed by 16 to 40 lower-case letters or digits`,
  );
/** One way to state an instant, so that the database reads it as it was meant. */
const signedInstant: Check = (value, field) => {
  matching(
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/,
    'must be an instant in UTC with milliseconds, like 2030-01-07T01:00:00.000Z',
    'INVALID_INSTANT',
  )(value, field);
  instant(value, field);
};

const STOP = {
  version: integer(1, 1),
  orderId: idOf('do'),
  orderDigest: digest,
  tenantId,
  reason: oneOf(STOP_REASONS),
  person: actor,
  issuedAt: signedInstant,
};

const PAYLOADS: Readonly<Record<OrderDocumentKind, Check>> = {
  order: objectOf({
    version: integer(1, 1),
    orderId: idOf('do'),
    tenantId,
    requestIds: listOf(requestId, 1, REQUESTS_MAX),
    scope: listOf(oneOf(RECORD_CLASSES), 1, RECORD_CLASSES.length),
    planDigest: digest,
    reason: oneOf(ORDER_REASONS),
    person: actor,
    issuedAt: signedInstant,
    expiresAt: signedInstant,
  }),
  approval: objectOf({
    version: integer(1, 1),
    approvalId: idOf('oa'),
    orderId: idOf('do'),
    orderDigest: digest,
    orderKid: kid,
    orderPerson: actor,
    tenantId,
    planDigest: digest,
    person: actor,
    issuedAt: signedInstant,
    expiresAt: signedInstant,
  }),
  denial: objectOf(STOP),
  revocation: objectOf(STOP),
};

/**
 * Checks a document about a deletion as far as it can be done without its signature: its kind, its
 * fields and, for an approval, that it is not by who signed the order. Synchronous, so that a process
 * can refuse it before anything is written; who signed is checked where the registry is.
 *
 * @throws LetheError SIGNATURE_INVALID, FOUR_EYES, or for a field of the payload, naming it.
 */
export const orderDocument =
  (kind: OrderDocumentKind): Check =>
  (value, field) => {
    const document = readCompact(value, field);
    if (document.type !== ORDER_DOCUMENTS[kind]) {
      throw new LetheError('SIGNATURE_INVALID', `${field} was signed as something else`, { field });
    }
    PAYLOADS[kind](document.payload, field);
    if (kind !== 'approval') return;
    const approval = document.payload as unknown as DeletionApproval;
    if (approval.orderKid === document.kid || isSamePerson(approval.orderPerson, approval.person)) {
      throw new LetheError('FOUR_EYES', `${field} is by who signed the order`, { field });
    }
  };

/**
 * What keeps something where it is, whatever is ordered. `under-hold`: a hold in force may cover something
 * of it. `before-minimum`: its newest observation is not 180 days old.
 */
export type PlanMark = 'under-hold' | 'before-minimum';

/** A cohort that would go, and why. */
export interface PlannedCohort {
  readonly runId: string;
  readonly dueOn: string;
  readonly recordClass: RecordClass;
  /** Requests that cover it. */
  readonly requestIds: readonly string[];
  /** Records per location. */
  readonly counts: Readonly<Record<string, number>>;
  readonly earliestAt: string | null;
  /** From when an approved order lets it go. */
  readonly deleteNotBefore: string | null;
  readonly latestAt: string | null;
  /** From when it goes without any order, because its use ended; null while it has not. */
  readonly withoutOrderFrom: string | null;
  /** Rules, dates and versions, as plain JSON. */
  readonly derivation: Readonly<Record<string, unknown>>;
  /** As of now; the digest of the plan does not cover them. */
  readonly marks: readonly PlanMark[];
}

/** Something of the tenant that the requests do not end. */
export interface StayingData {
  readonly what: 'cohort' | 'configuration' | 'assets';
  readonly recordClass: RecordClass;
  readonly why: 'received-later' | 'not-requested' | 'in-use';
  readonly runId: string | null;
  readonly dueOn: string | null;
  /** Null where nobody has counted; that is not zero. */
  readonly records: number | null;
  /** As of now; the digest of the plan does not cover them. */
  readonly marks: readonly PlanMark[];
}

/** What an order for these requests would end, and what it would leave. */
export interface DeletionPlan {
  readonly tenantId: string;
  readonly requestIds: readonly string[];
  readonly scope: readonly RecordClass[];
  readonly policyVersions: readonly number[];
  /** Holds in force that cover what would go. */
  readonly holds: readonly string[];
  readonly goes: readonly PlannedCohort[];
  readonly stays: readonly StayingData[];
  /** False while something of the requests is not sealed: there is nothing to approve yet. */
  readonly ready: boolean;
  /** Digest of what counts: requests, cohorts with counts and due days, holds, policy version. */
  readonly planDigest: string;
  readonly asOf: string;
}
