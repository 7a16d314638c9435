import { parseId } from '../domain/identifiers';
import { HOSTING_SERVICES, RECORD_CLASSES } from '../domain/record-class';
import { COMMAND_KINDS, CONFIGURATION_KINDS, type Command, type CommandKind } from './commands';
import { signedDecision } from './decisions';
import {
  actor,
  instant,
  integer,
  listOf,
  matching,
  objectOf,
  oneOf,
  optional,
  refuse,
  type Check,
} from './field-checks';
import { orderDocument } from './orders';

const token = matching(
  /^[0-9A-Za-z][0-9A-Za-z_.:-]{0,127}$/,
  'must be 1 to 128 of letters, digits and _.:-',
);
const digest = matching(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal');
const stagingId = matching(/^st_[0-9a-z]{16,40}$/, 'must be the id that staging the body returned');
const service = oneOf(HOSTING_SERVICES);
const services = listOf(service, 1, HOSTING_SERVICES.length);
const id =
  (kind: 'AssetId' | 'RequestId' | 'HoldId'): Check =>
  (value, field) => {
    parseId(kind, value, field);
  };
const attestations = listOf(
  objectOf({
    jurisdiction: matching(/^[A-Z]{2}$/, 'must be an ISO 3166-1 alpha-2 code'),
    minimumAge: integer(1, 25),
  }),
  1,
  250,
);
const staged = { stagingId, digest };
const end = {
  endedAt: optional(instant),
  approvedBy: optional(actor),
  documents: optional(listOf(signedDecision, 2, 2)),
};

const requestScan: Check = (value, field) => {
  const source = (value as { source?: unknown } | null)?.source;
  oneOf(['host-report', 'registry'])(source, `${field}.source`);
  const fields =
    source === 'host-report'
      ? { source: oneOf(['host-report']), report: objectOf(staged) }
      : { source: oneOf(['registry']), ...staged };
  objectOf(fields)(value, field);
};

const BODIES: Readonly<Record<CommandKind, Check>> = {
  subscribe: objectOf({
    zone: matching(
      /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+){0,2}$/,
      'must be an IANA time zone',
      'INVALID_ZONE',
    ),
    calendars: listOf(oneOf(['CN', 'HK', 'SG', 'US', 'DE', 'GB-ENG'], 'INVALID_CALENDAR'), 1, 6),
    services,
    attestations,
  }),
  attachService: objectOf({ service }),
  endService: objectOf({ service, ...end }),
  linkAsset: objectOf({ assetId: id('AssetId'), services }),
  grantSharing: objectOf({ ...staged, authorizationId: token }),
  revokeSharing: objectOf({ authorizationId: token }),
  changeConfiguration: objectOf({
    ...staged,
    configurationKind: oneOf(CONFIGURATION_KINDS, 'UNKNOWN_KIND'),
    settingId: token,
  }),
  endFeature: objectOf(end),
  reactivateFeature: objectOf({}),
  attestMinimumAge: objectOf({ attestations }),
  withdrawAttestation: objectOf({
    jurisdiction: matching(/^[A-Z]{2}$/, 'must be an ISO 3166-1 alpha-2 code'),
  }),
  requestDeletion: objectOf({ requestId: id('RequestId'), recordClass: oneOf(RECORD_CLASSES) }),
  withdrawDeletion: objectOf({ requestId: id('RequestId') }),
  submitOrder: objectOf({ order: orderDocument('order') }),
  approveOrder: objectOf({ approval: orderDocument('approval') }),
  denyOrder: objectOf({ denial: orderDocument('denial') }),
  revokeOrder: objectOf({ revocation: orderDocument('revocation') }),
  requestScan,
};

/**
 * Checks a command as it arrives from outside; synchronous, so that a refusal writes no history.
 *
 * @throws LetheError with a stable code and the field's name; nothing has changed then.
 */
export function assertCommand<K extends CommandKind>(
  kind: K,
  value: unknown,
): asserts value is Command<K> {
  if (!COMMAND_KINDS.includes(kind)) refuse('UNKNOWN_KIND', 'kind', 'is not a command');
  objectOf({
    kind: oneOf([kind], 'UNKNOWN_KIND'),
    idempotencyKey: token,
    requestedBy: actor,
    body: BODIES[kind],
  })(value, '');
}
