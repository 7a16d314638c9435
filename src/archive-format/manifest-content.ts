import { cohortKeyRef } from '../contracts/keys';
import {
  instant,
  integer,
  listOf,
  matching,
  objectOf,
  oneOf,
  optional,
  refuse,
  type Check,
} from '../contracts/field-checks';
import type { RecordLocation } from '../domain/inventory';
import {
  assertArchivedLocation,
  assertCohortIdentity,
  assertSchema,
  objectNameOf,
  type CohortIdentity,
  type RecordSchema,
} from './identity';
import type { PartFigures } from './part-reader';

/** A part as the manifest pins it. */
export interface ManifestPart extends PartFigures {
  readonly location: RecordLocation;
  /** Number from 1 without gaps, over all locations. */
  readonly part: number;
  readonly objectName: string;
}

/** All that a cohort has of one location. */
export interface ManifestLocation {
  readonly location: RecordLocation;
  readonly schema: RecordSchema;
  readonly records: number;
  /** Canonical digest of its records (`createSetDigest`). */
  readonly setDigest: string;
}

/** The cohort whose records under a hold this one withholds. */
export interface ManifestOrigin {
  readonly runId: string;
  readonly dueOn: string;
  /** Digest of the manifest object of that cohort. */
  readonly manifestDigest: string;
  readonly holdId: string;
}

/** What a manifest says. It holds ids, counts, digests and instants, and no content of a record. */
export interface ManifestContent extends CohortIdentity {
  /** How often this class of this tenant was archived before, plus one. */
  readonly generation: number;
  /** What the run stands on. */
  readonly event: { readonly kind: string; readonly at: string };
  /** Reference of the data key, `asset:<run>:<due day>`. */
  readonly keyRef: string;
  /** When it was sealed, by the database's clock, UTC. */
  readonly createdAt: string;
  /** C of the newest record, UTC; null when there is none. */
  readonly newestObservedAt: string | null;
  /** Versions and positions of the servers that were read, by name. */
  readonly source?: Readonly<Record<string, string>>;
  /** Absent for a cohort that was sealed from live data. */
  readonly splitFrom?: ManifestOrigin;
  readonly locations: readonly ManifestLocation[];
  readonly parts: readonly ManifestPart[];
}

const EVENT_KINDS = ['termination', 'feature-end', 'request', 'stray', 'restore'];
const PARTS_MAX = 999_999;
const LOCATIONS_MAX = 32;
const SOURCES_MAX = 32;

const count = integer(0, Number.MAX_SAFE_INTEGER);
const digest = matching(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits');
const text = matching(/^[\x20-\x7e]{1,512}$/, 'must be 1 to 512 printable ASCII characters');
const name = matching(/^[a-z][0-9A-Za-z.-]{0,63}$/, 'must be a plain name');

const utc: Check = (value, field) => {
  instant(value, field);
  if (!(value as string).endsWith('Z')) refuse('INVALID_INSTANT', field, 'must be in UTC');
};

const source: Check = (value, field) => {
  const names = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  if (names.length > SOURCES_MAX) refuse('INVALID_INPUT', field, `must be ${SOURCES_MAX} at most`);
  names.forEach((key) => {
    name(key, field);
  });
  objectOf(Object.fromEntries(names.map((key) => [key, text])))(value, field);
};

const shape = objectOf({
  tenantId: text,
  recordClass: text,
  runId: text,
  dueOn: text,
  attempt: text,
  generation: integer(1, 2 ** 32 - 1),
  event: objectOf({ kind: oneOf(EVENT_KINDS), at: utc }),
  keyRef: text,
  createdAt: utc,
  newestObservedAt: (value, field) => {
    if (value !== null) utc(value, field);
  },
  source: optional(source),
  splitFrom: optional(objectOf({ runId: text, dueOn: text, manifestDigest: digest, holdId: text })),
  locations: listOf(
    objectOf({
      location: assertArchivedLocation,
      schema: (value, field) => {
        if (typeof value !== 'object') refuse('INVALID_INPUT', field, 'must be an object');
      },
      records: count,
      setDigest: digest,
    }),
    0,
    LOCATIONS_MAX,
  ),
  parts: listOf(
    objectOf({
      location: assertArchivedLocation,
      part: integer(1, PARTS_MAX),
      objectName: text,
      records: count,
      plaintextBytes: count,
      plaintextMac: digest,
      bytes: count,
      sha256: digest,
    }),
    0,
    PARTS_MAX,
  ),
});

/**
 * Refuses content that is malformed or contradicts itself.
 *
 * @throws LetheError INVALID_INPUT, INVALID_TENANT_ID or INVALID_INSTANT naming the field.
 */
export function assertManifestContent(value: unknown): asserts value is ManifestContent {
  shape(value, '');
  const content = value as ManifestContent;
  assertCohortIdentity(content);
  if (content.keyRef !== cohortKeyRef(content.runId, content.dueOn)) {
    refuse('INVALID_INPUT', 'keyRef', 'must be the reference of the cohort itself');
  }
  content.locations.forEach(({ location, schema }) => {
    assertSchema(schema, location);
  });
  assertParts(content);
  assertTotals(content);
  if ((content.newestObservedAt === null) !== content.parts.every(({ records }) => records === 0)) {
    refuse('INVALID_INPUT', 'newestObservedAt', 'must be there exactly when a record is');
  }
}

function assertParts(content: ManifestContent): void {
  content.parts.forEach(({ part, objectName }, index) => {
    const field = `parts[${index}]`;
    if (part !== index + 1) refuse('INVALID_INPUT', `${field}.part`, 'must follow without a gap');
    if (objectName !== objectNameOf(content, part)) {
      refuse('INVALID_INPUT', `${field}.objectName`, 'must be the name of that part');
    }
  });
}

function assertTotals({ locations, parts }: ManifestContent): void {
  const totals = new Map<RecordLocation, number>();
  for (const { location, records } of parts) {
    totals.set(location, (totals.get(location) ?? 0) + records);
  }
  locations.forEach(({ location, records }, index) => {
    if ((totals.get(location) ?? 0) !== records) {
      refuse('INVALID_INPUT', `locations[${index}].records`, 'must be the sum over its parts');
    }
    if (locations.findIndex((other) => other.location === location) !== index) {
      refuse('INVALID_INPUT', `locations[${index}]`, 'must not be listed twice');
    }
    totals.delete(location);
  });
  if (totals.size > 0) refuse('INVALID_INPUT', 'locations', 'must list the location of every part');
}
