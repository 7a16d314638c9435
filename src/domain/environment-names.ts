import { LetheError } from './errors';
import { isId, type RunId, type TenantId } from './identifiers';

/**
 * Every name that an environment owns on shared servers is derived here from the environment's own
 * name, so that two environments cannot meet and nobody concatenates a database or bucket name twice.
 */
const ENVIRONMENT_NAME = /^[a-z][a-z0-9-]{0,18}$/;

/** True for 1 to 19 lower-case letters, digits and dashes, starting with a letter, no dash at the end. */
export function isEnvironmentName(value: unknown): value is string {
  return typeof value === 'string' && ENVIRONMENT_NAME.test(value) && !value.endsWith('-');
}

/**
 * Returns `value` as an environment name.
 *
 * @throws LetheError CONFIGURATION_INVALID naming LETHE_ENVIRONMENT.
 */
export function parseEnvironmentName(value: unknown): string {
  if (isEnvironmentName(value)) return value;
  throw new LetheError(
    'CONFIGURATION_INVALID',
    'LETHE_ENVIRONMENT must be 1 to 19 lower-case letters, digits or dashes, start with a letter and not end with a dash',
    { field: 'LETHE_ENVIRONMENT' },
  );
}

/** True when the environment runs on a clock that a simulator may move; its name ends in `sim`. */
export const isSimulation = (environment: string): boolean => environment.endsWith('sim');

/**
 * Prefix of the environment's databases and accounts. A dash becomes an underscore, which a name
 * cannot contain otherwise, so two environments never share a prefix.
 */
export const databasePrefix = (environment: string): string =>
  parseEnvironmentName(environment).replaceAll('-', '_');

/**
 * Whether a namespace of the workflow engine belongs to an environment: it has its name, or its name and a
 * dot and the account behind it, as hosted engines write them. No environment has a dot in its name.
 */
export const isNamespaceOf = (environment: string, namespace: string): boolean =>
  namespace === environment || namespace.startsWith(`${environment}.`);

/** Names of the SQL databases of an environment. */
export interface SqlDatabases {
  readonly assets: string;
  readonly configuration: string;
  readonly control: string;
  readonly keys: string;
  readonly evidence: string;
}

/** The SQL databases of an environment. */
export function sqlDatabases(environment: string): SqlDatabases {
  const prefix = databasePrefix(environment);
  return {
    assets: `${prefix}_assets`,
    configuration: `${prefix}_configuration`,
    control: `${prefix}_control`,
    keys: `${prefix}_keys`,
    evidence: `${prefix}_evidence`,
  };
}

/** Names of the document databases of an environment. */
export interface MongoDatabases {
  readonly assets: string;
  readonly configuration: string;
}

/** The document databases of an environment. */
export function mongoDatabases(environment: string): MongoDatabases {
  const prefix = databasePrefix(environment);
  return { assets: `${prefix}_assets`, configuration: `${prefix}_configuration` };
}

/** What a bucket is for: two archive copies, exported evidence, delivered reports. */
export type BucketRole = 'archive' | 'backup' | 'evidence' | 'inbox';

/** The buckets of an environment by role. */
export function bucketNames(environment: string): Readonly<Record<BucketRole, string>> {
  const name = parseEnvironmentName(environment);
  return {
    archive: `${name}-archive`,
    backup: `${name}-backup`,
    evidence: `${name}-evidence`,
    inbox: `${name}-inbox`,
  };
}

/** Coordinates of an archive object. */
export interface ArchiveObjectPosition {
  readonly tenantId: TenantId;
  readonly runId: RunId;
  /** Due day of the cohort, YYYY-MM-DD. */
  readonly dueOn: string;
  /** Unique per attempt, 8 to 40 of [0-9a-z], so that a late writer cannot replace a verified copy. */
  readonly attempt: string;
  /** Number of the part from 1, or the manifest that commits the attempt. */
  readonly part: number | 'manifest';
}

const DUE_DAY = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const ATTEMPT = /^[0-9a-z]{8,40}$/;
const PART_DIGITS = 6;
const PART_MAX = 10 ** PART_DIGITS - 1;
const OBJECT_NAME =
  /^(?<tenantId>[^/]+)\/(?<runId>[^/]+)\/(?<dueOn>\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))\/(?<attempt>[0-9a-z]+)-(?<last>\d{6}|manifest)$/;

/** True for an attempt token, 8 to 40 lower-case letters or digits. */
const isAttemptToken = (value: unknown): value is string =>
  typeof value === 'string' && ATTEMPT.test(value);

/**
 * Name of an archive object: tenant, run, due day, attempt and part. Numbers are padded so that a
 * listing is in order.
 *
 * @throws LetheError INVALID_INPUT naming the malformed coordinate.
 */
export function archiveObjectName(position: ArchiveObjectPosition): string {
  const { tenantId, runId, dueOn, attempt, part } = position;
  assertShape(isId('TenantId', tenantId), 'tenantId');
  assertShape(isId('RunId', runId), 'runId');
  assertShape(typeof dueOn === 'string' && DUE_DAY.test(dueOn), 'dueOn');
  assertShape(isAttemptToken(attempt), 'attempt');
  assertShape(
    part === 'manifest' || (Number.isSafeInteger(part) && part >= 1 && part <= PART_MAX),
    'part',
  );
  const last = part === 'manifest' ? part : String(part).padStart(PART_DIGITS, '0');
  return `${tenantId}/${runId}/${dueOn}/${attempt}-${last}`;
}

/**
 * Reads an archive object's name back into its coordinates, or undefined when the name is none of
 * ours: what cannot be named belongs to no cohort and is a stray.
 */
export function parseArchiveObjectName(name: string): ArchiveObjectPosition | undefined {
  const found = OBJECT_NAME.exec(name)?.groups ?? {};
  const { tenantId, runId, dueOn, attempt, last } = found;
  if (!isId('TenantId', tenantId) || !isId('RunId', runId) || !isAttemptToken(attempt)) {
    return undefined;
  }
  if (dueOn === undefined || Number(last) === 0) return undefined;
  return { tenantId, runId, dueOn, attempt, part: last === 'manifest' ? last : Number(last) };
}

/**
 * Prefix of everything a tenant has in a bucket. It ends with a slash: without it `tn_…1` would also
 * name `tn_…10`.
 *
 * @throws LetheError INVALID_TENANT_ID.
 */
export function tenantPrefix(tenantId: TenantId): string {
  if (isId('TenantId', tenantId)) return `${tenantId}/`;
  throw new LetheError('INVALID_TENANT_ID', 'tenantId is malformed', { field: 'tenantId' });
}

/**
 * Prefix of everything a run has in a bucket.
 *
 * @throws LetheError INVALID_TENANT_ID or INVALID_INPUT.
 */
export function runPrefix(tenantId: TenantId, runId: RunId): string {
  assertShape(isId('RunId', runId), 'runId');
  return `${tenantPrefix(tenantId)}${runId}/`;
}

/**
 * Prefix of everything a cohort has in a bucket, over all attempts.
 *
 * @throws LetheError INVALID_TENANT_ID or INVALID_INPUT.
 */
export function cohortPrefix(tenantId: TenantId, runId: RunId, dueOn: string): string {
  assertShape(typeof dueOn === 'string' && DUE_DAY.test(dueOn), 'dueOn');
  return `${runPrefix(tenantId, runId)}${dueOn}/`;
}

function assertShape(condition: boolean, field: string): void {
  if (condition) return;
  throw new LetheError('INVALID_INPUT', `${field} is malformed; an object name is not built`, {
    field,
  });
}
