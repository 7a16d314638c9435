import canonicalize from 'canonicalize';
import { listOf, matching, objectOf, oneOf, refuse, type Check } from '../contracts/field-checks';
import { archiveObjectName } from '../domain/environment-names';
import { parseId } from '../domain/identifiers';
import { recordLocationsOf, type RecordLocation } from '../domain/inventory';
import type { RecordClass } from '../domain/record-class';

/** Names one attempt at the archive of one cohort. */
export interface CohortIdentity {
  readonly tenantId: string;
  /** Only asset data is ever archived. @source ST-2 */
  readonly recordClass: RecordClass;
  readonly runId: string;
  /** Due day of the cohort, YYYY-MM-DD. */
  readonly dueOn: string;
  /** The attempt that writes, 8 to 40 of [0-9a-z]. */
  readonly attempt: string;
}

/** Names one part; whatever is read under another name is refused. */
export interface PartIdentity extends CohortIdentity {
  readonly location: RecordLocation;
  /** Number from 1 within the attempt, over all locations. */
  readonly part: number;
}

/** A column as a stranger needs it to make the table again. */
interface ArchivedColumn {
  readonly name: string;
  readonly type: string;
}

/** How the records of a part are written: typed lines of SQL rows, or documents as their own bytes. */
export type RecordSchema =
  { readonly kind: 'sql'; readonly columns: readonly ArchivedColumn[] } | { readonly kind: 'bson' };

/** What names a cohort's archive, to be compared field by field. */
export const COHORT_FIELDS = Object.freeze([
  'tenantId',
  'recordClass',
  'runId',
  'dueOn',
  'attempt',
] as const satisfies readonly (keyof CohortIdentity)[]);

/** The one class that is archived. */
const ARCHIVED_CLASS = 'asset-basic-data' satisfies RecordClass;
const COLUMNS_MAX = 4096;
const NAME = matching(/^[^\p{C}]{1,64}$/u, 'must be 1 to 64 visible characters');

/**
 * Refuses an identity that no archive object can have.
 *
 * @throws LetheError INVALID_TENANT_ID or INVALID_INPUT naming the field.
 */
export function assertCohortIdentity(identity: CohortIdentity): void {
  objectNameOf(identity, 'manifest');
  if (identity.recordClass !== ARCHIVED_CLASS) {
    refuse('INVALID_INPUT', 'recordClass', 'must be asset-basic-data; nothing else is archived');
  }
}

/** As for a cohort, and the location must be one of its class. */
export function assertPartIdentity(identity: PartIdentity): void {
  assertCohortIdentity(identity);
  objectNameOf(identity, identity.part);
  assertArchivedLocation(identity.location, 'location');
}

/** A location of the inventory whose records are archived. */
export const assertArchivedLocation: Check = oneOf(recordLocationsOf(ARCHIVED_CLASS));

/** Refuses a schema that is malformed or does not belong to the location. */
export function assertSchema(schema: unknown, location: RecordLocation): void {
  if (location.startsWith('mongodb:')) {
    objectOf({ kind: oneOf(['bson']) })(schema, 'schema');
    return;
  }
  objectOf({
    kind: oneOf(['sql']),
    columns: listOf(objectOf({ name: NAME, type: NAME }), 1, COLUMNS_MAX),
  })(schema, 'schema');
  const { columns } = schema as Extract<RecordSchema, { kind: 'sql' }>;
  if (new Set(columns.map(({ name }) => name)).size !== columns.length) {
    refuse('INVALID_INPUT', 'schema.columns', 'must not name a column twice');
  }
}

/** Name of a part or of the manifest in every bucket that holds a copy. */
export function objectNameOf(identity: CohortIdentity, part: number | 'manifest'): string {
  return archiveObjectName({
    tenantId: parseId('TenantId', identity.tenantId, 'tenantId'),
    runId: parseId('RunId', identity.runId, 'runId'),
    dueOn: identity.dueOn,
    attempt: identity.attempt,
    part,
  });
}

/**
 * The one JSON text of a value whose shape has been checked (RFC 8785).
 *
 * @throws LetheError INVALID_INPUT for what JSON cannot say.
 */
export function canonicalText(value: object): string {
  const text = canonicalize(value);
  return text ?? refuse('INVALID_INPUT', 'value', 'must be a JSON value');
}
