import { LetheError } from './errors';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** Opaque tenant id: `tn_` and 16 to 40 of [0-9a-z]. Never a name, an e-mail or a console account. */
export type TenantId = Branded<'TenantId'>;
/** Opaque asset id: host, container, cluster or image repository. */
export type AssetId = Branded<'AssetId'>;
/** Opaque id of a scan. */
export type ScanId = Branded<'ScanId'>;
/** Opaque id of a disposition run. */
export type RunId = Branded<'RunId'>;
/** Opaque id of a legal hold. */
export type HoldId = Branded<'HoldId'>;
/** Opaque id of a deletion request. */
export type RequestId = Branded<'RequestId'>;
/** Opaque id of a permit. */
export type PermitId = Branded<'PermitId'>;

/**
 * Opaque id of something that is known elsewhere: a person of the provider's directory, a proceeding, a
 * certificate. Neither a name with spaces nor an address fits into it.
 */
export const OPAQUE_ID = /^[0-9A-Za-z][0-9A-Za-z_.:-]{0,63}$/;

/** Prefix of each kind of id; a site id can never be taken for an asset id. */
const PREFIX = Object.freeze({
  TenantId: 'tn',
  AssetId: 'as',
  ScanId: 'sc',
  RunId: 'rn',
  HoldId: 'hd',
  RequestId: 'rq',
  PermitId: 'pm',
} as const);

interface Kinds {
  TenantId: TenantId;
  AssetId: AssetId;
  ScanId: ScanId;
  RunId: RunId;
  HoldId: HoldId;
  RequestId: RequestId;
  PermitId: PermitId;
}

/** True when `value` is a well-formed id of `kind`; only strings can be. */
export function isId<K extends keyof Kinds>(kind: K, value: unknown): value is Kinds[K] {
  return typeof value === 'string' && new RegExp(`^${PREFIX[kind]}_[0-9a-z]{16,40}$`).test(value);
}

/**
 * Returns `value` as a branded id.
 *
 * @throws LetheError INVALID_TENANT_ID or INVALID_INPUT naming `field` when the shape is wrong.
 */
export function parseId<K extends keyof Kinds>(kind: K, value: unknown, field: string): Kinds[K] {
  if (isId(kind, value)) return value;
  throw new LetheError(
    kind === 'TenantId' ? 'INVALID_TENANT_ID' : 'INVALID_INPUT',
    `${field} must be ${PREFIX[kind]}_ followed by 16 to 40 lower-case letters or digits`,
    { field },
  );
}

/**
 * Builds an id of `kind` from hexadecimal or base-36 entropy, at least 16 characters of which the
 * first 40 are used. Entropy is an argument: the domain has no randomness.
 */
export function makeId<K extends keyof Kinds>(kind: K, entropy: string): Kinds[K] {
  return parseId(kind, `${PREFIX[kind]}_${entropy.toLowerCase().slice(0, 40)}`, kind);
}

/** Workflow id of a tenant's one lifecycle. */
export const lifecycleWorkflowId = (tenantId: string): string => LIFECYCLE_OF + tenantId;
const LIFECYCLE_OF = 'tenant-lifecycle:';

/** The tenant whose lifecycle has that workflow id; null when it is none. */
export const tenantOfLifecycle = (workflowId: string): TenantId | null =>
  idBehind('TenantId', LIFECYCLE_OF, workflowId);

/** Workflow id of a scan. */
export const scanWorkflowId = (tenantId: string, scanId: string): string =>
  `scan-run:${tenantId}:${scanId}`;

/** Workflow id of the disposition of one event. */
export const dispositionWorkflowId = (tenantId: string, eventId: string): string =>
  `disposition-run:${tenantId}:${eventId}`;

/** Workflow id of a hold's own short process. */
export const holdWorkflowId = (holdId: HoldId): string => HOLD_OF + holdId;
const HOLD_OF = 'hold:';

/** The hold whose process has that workflow id; null when it is none. */
export const holdOfProcess = (workflowId: string): HoldId | null =>
  idBehind('HoldId', HOLD_OF, workflowId);

function idBehind<K extends keyof Kinds>(
  kind: K,
  prefix: string,
  workflowId: string,
): Kinds[K] | null {
  const id = workflowId.startsWith(prefix) ? workflowId.slice(prefix.length) : '';
  return isId(kind, id) ? id : null;
}
