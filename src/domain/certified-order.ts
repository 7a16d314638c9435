import { CIVIL_DATE, assertShape, isCount } from './certificate-fields';
import { OPAQUE_ID } from './identifiers';
import type { RecordClass } from './record-class';

/**
 * Whose will a destruction was and what it covered, as a certificate names it: opaque ids, counts and
 * instants. Names, addresses and grounds in somebody's words stay in control.
 */

/** A person by the id that the provider's own directory has for it. */
export interface CertifiedPerson {
  readonly role: 'requester' | 'approver';
  readonly personId: string;
}

/** The signed order behind a destruction, so that it can be checked beside the certificate. */
export interface CertifiedOrder {
  readonly orderId: string;
  /** The order as it was signed: a JWS in its compact form. */
  readonly signed: string;
  /** Approvals in the same form, in the order of their receipt. */
  readonly approvals: readonly string[];
}

/** What of the cohort a hold keeps; it was not destroyed, and the rest was. @source CC-4 */
export interface CertifiedWithholding {
  readonly ground: 'legal-hold';
  readonly holdId: string;
  readonly reviewOn: string;
  readonly records: number;
  /** Kind of the ground, a word of a closed list; absent for holds of before. */
  readonly groundKind?: string;
  /** Opaque id of the proceeding; absent for holds of before. */
  readonly matter?: string;
  /** The run that withholds them on the same due day, under a key of its own. */
  readonly runId?: string;
  readonly withheldSince?: string;
  /** Where they were before they were archived. */
  readonly locations?: readonly { readonly location: string; readonly records: number }[];
}

/** What the cohort covered. */
export interface CertifiedScope {
  /** The Hosting Services whose end it followed, or the Feature. */
  readonly subjects: readonly string[];
  /** Records that the sealed manifest lists for the due day. */
  readonly records: number;
  /** The newest observation among them; null for configuration. */
  readonly newestObservedAt: string | null;
}

/** The part of a certificate's facts that is about people and scope. */
export interface Authority {
  readonly recordClass: RecordClass;
  readonly scope: CertifiedScope;
  readonly people: readonly CertifiedPerson[];
  /** Left out when the destruction followed from a rule and nobody ordered it. */
  readonly order?: CertifiedOrder;
  /** Left out when nothing was withheld. */
  readonly withheld?: readonly CertifiedWithholding[];
}

const IDENTIFIER = /^[0-9a-z]{2}_[0-9a-z]{16,40}$/;
const WORD = /^[a-z]+(-[a-z]+){0,5}$/;
const LOCATION = /^(mongodb|mysql):[a-z]+\.[a-z]+([._-][a-z]+){0,3}$/;
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Refuses what could carry more than ids: free text, an address, a name.
 *
 * @throws LetheError INVALID_INPUT naming the field.
 */
export function assertAuthority({ scope, people, order, withheld = [] }: Authority): void {
  assertShape(isCount(scope.records), 'scope.records');
  assertShape(
    scope.subjects.every((subject) => /^[A-Za-z][A-Za-z ]{0,63}$/.test(subject)),
    'scope.subjects',
  );
  for (const { personId } of people) assertShape(OPAQUE_ID.test(personId), 'people.personId');
  // Who stands in two places is no second person.
  assertShape(new Set(people.map(({ personId }) => personId)).size === people.length, 'people');
  if (order !== undefined) {
    assertShape(IDENTIFIER.test(order.orderId), 'order.orderId');
    assertShape(COMPACT_JWS.test(order.signed), 'order.signed');
    assertShape(
      order.approvals.every((approval) => COMPACT_JWS.test(approval)),
      'order.approvals',
    );
  }
  for (const one of withheld) assertWithholding(one, scope.records);
  const kept = withheld.reduce((sum, { records }) => sum + records, 0);
  assertShape(kept <= scope.records, 'withheld.records');
}

function assertWithholding(one: CertifiedWithholding, total: number): void {
  const { holdId, reviewOn, records, groundKind, matter, runId, locations } = one;
  assertShape(IDENTIFIER.test(holdId), 'withheld.holdId');
  assertShape(CIVIL_DATE.test(reviewOn), 'withheld.reviewOn');
  assertShape(isCount(records) && records <= total, 'withheld.records');
  assertShape(groundKind === undefined || WORD.test(groundKind), 'withheld.groundKind');
  assertShape(matter === undefined || OPAQUE_ID.test(matter), 'withheld.matter');
  assertShape(runId === undefined || IDENTIFIER.test(runId), 'withheld.runId');
  if (locations === undefined) return;
  const sum = locations.reduce((all, location) => all + location.records, 0);
  assertShape(
    locations.every(({ location }) => LOCATION.test(location)),
    'withheld.locations',
  );
  assertShape(sum === records, 'withheld.locations');
}
