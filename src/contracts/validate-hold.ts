import { parseId } from '../domain/identifiers';
import { RECORD_CLASSES } from '../domain/record-class';
import { civilDate, listOf, matching, objectOf, oneOf, optional, refuse } from './field-checks';
import type { PlaceHold } from './holds';

const actor = matching(
  /^[0-9A-Za-z][0-9A-Za-z_.:-]{0,63}$/,
  'must be an opaque id of 1 to 64 characters',
);

/** Checks an order to place a hold. @throws LetheError naming the field. */
export function assertPlaceHold(value: unknown): asserts value is PlaceHold {
  objectOf({
    holdId: (id, field) => {
      parseId('HoldId', id, field);
    },
    scopes: listOf(
      objectOf({
        tenantId: (id, field) => {
          parseId('TenantId', id, field);
        },
        recordClass: optional(oneOf(RECORD_CLASSES)),
      }),
      1,
      1000,
    ),
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

/** Checks an order to release a hold: two different people. @throws LetheError naming the field. */
export function assertRelease(
  value: unknown,
): asserts value is { readonly requestedBy: string; readonly approvedBy: string } {
  objectOf({ requestedBy: actor, approvedBy: actor })(value, '');
  const order = value as { requestedBy: string; approvedBy: string };
  if (order.requestedBy === order.approvedBy) {
    refuse('INVALID_INPUT', 'approvedBy', 'must be another person than requestedBy');
  }
}
