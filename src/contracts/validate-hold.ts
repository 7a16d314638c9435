import { OPAQUE_ID, parseId } from '../domain/identifiers';
import { parseInstant } from '../domain/instants';
import { HOSTING_SERVICES, RECORD_CLASSES } from '../domain/record-class';
import {
  actor,
  civilDate,
  instant,
  listOf,
  matching,
  objectOf,
  oneOf,
  optional,
  refuse,
  type Check,
} from './field-checks';
import { signedDecision, type SignedBy } from './decisions';
import { GROUND_KINDS, type HoldScope, type PlaceHold } from './holds';

const id =
  (kind: 'HoldId' | 'TenantId' | 'AssetId'): Check =>
  (value, field) => {
    parseId(kind, value, field);
  };

/** Collection instants are stored to the microsecond; a finer end would be cut and protect less. */
const collectionInstant: Check = (value, field) => {
  instant(value, field);
  if (/\.\d{7,}/.test(value as string)) {
    refuse('INVALID_INSTANT', field, 'must not be finer than a microsecond');
  }
};

const fields = objectOf({
  tenantId: id('TenantId'),
  recordClass: optional(oneOf(RECORD_CLASSES)),
  hostingService: optional(oneOf(HOSTING_SERVICES)),
  assetId: optional(id('AssetId')),
  collectedFrom: optional(collectionInstant),
  collectedTo: optional(collectionInstant),
});

const NARROWING = ['hostingService', 'assetId', 'collectedFrom', 'collectedTo'] as const;

/** Configuration has neither assets nor collection instants: a narrower scope names the class it narrows. */
const scope: Check = (value, field) => {
  fields(value, field);
  const given = value as HoldScope;
  const narrowing = NARROWING.find((name) => given[name] !== undefined);
  if (narrowing !== undefined && given.recordClass !== 'asset-basic-data') {
    refuse('INVALID_INPUT', `${field}.recordClass`, `must be asset-basic-data with ${narrowing}`);
  }
  const { collectedFrom, collectedTo } = given;
  if (collectedFrom === undefined || collectedTo === undefined) return;
  if (parseInstant(collectedFrom, field) >= parseInstant(collectedTo, field)) {
    refuse('INVALID_INPUT', `${field}.collectedTo`, 'must be after collectedFrom');
  }
};

/** Checks an order to place a hold. @throws LetheError naming the field. */
export function assertPlaceHold(value: unknown): asserts value is PlaceHold {
  objectOf({
    holdId: id('HoldId'),
    scopes: listOf(scope, 1, 1000),
    matter: matching(OPAQUE_ID, 'must be the opaque id of the proceeding, 1 to 64 characters'),
    groundKind: oneOf(GROUND_KINDS),
    owner: actor,
    ground: objectOf({
      stagingId: matching(
        /^st_[0-9a-z]{16,40}$/,
        'must be the id that staging the ground returned',
      ),
      digest: matching(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal'),
    }),
    requestedBy: actor,
    reviewOn: civilDate,
  })(value, '');
}

/** Checks a request to release a hold. @throws LetheError naming the field. */
export function assertReleaseRequest(
  value: unknown,
): asserts value is { readonly requestedBy: string } & SignedBy {
  objectOf({ requestedBy: actor, document: optional(signedDecision) })(value, '');
}

/** Checks an approval of a release. @throws LetheError naming the field. */
export function assertReleaseApproval(
  value: unknown,
): asserts value is { readonly approvedBy: string } & SignedBy {
  objectOf({ approvedBy: actor, document: optional(signedDecision) })(value, '');
}

/** Checks a withdrawal of a release. @throws LetheError naming the field. */
export function assertReleaseWithdrawal(
  value: unknown,
): asserts value is { readonly withdrawnBy: string } {
  objectOf({ withdrawnBy: actor })(value, '');
}

/** Checks a review of a hold. @throws LetheError naming the field. */
export function assertReview(
  value: unknown,
): asserts value is { readonly reviewedBy: string; readonly reviewOn: string } {
  objectOf({ reviewedBy: actor, reviewOn: civilDate })(value, '');
}
