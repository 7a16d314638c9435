import type { HostingService, RecordClass } from '../domain/record-class';

/**
 * What a hold covers; an absent field covers everything. Every field but the class narrows asset data.
 * Until a cohort is split, one that might intersect is held whole.
 */
export interface HoldScope {
  readonly tenantId: string;
  readonly recordClass?: RecordClass;
  /** Only assets that are linked to this service. */
  readonly hostingService?: HostingService;
  /** One host, container, cluster or image repository. */
  readonly assetId?: string;
  /** Only what was collected at or after this instant. */
  readonly collectedFrom?: string;
  /** Only what was collected before this instant. */
  readonly collectedTo?: string;
}

/** A scope on record, where an absent field is null, as an order has it. */
export const orderedScope = (record: {
  readonly [K in keyof HoldScope]-?: HoldScope[K] | null;
}): HoldScope =>
  Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== null),
  ) as unknown as HoldScope;

/** Why a hold may be placed; the words about it are content and stay in control. */
export const GROUND_KINDS = Object.freeze([
  'litigation',
  'authority-order',
  'investigation',
  'audit',
  'claim-of-the-tenant',
  'statutory-duty',
] as const);

/** One of the closed list of grounds. */
export type GroundKind = (typeof GROUND_KINDS)[number];

/** Order to place a legal hold. @source CC-4 */
export interface PlaceHold {
  readonly holdId: string;
  readonly scopes: readonly HoldScope[];
  /** Opaque id of the proceeding. */
  readonly matter: string;
  readonly groundKind: GroundKind;
  /** Opaque id of who answers for the hold. */
  readonly owner: string;
  /** What is said about the ground is content: it waits in staging under this id and never enters a history. */
  readonly ground: { readonly stagingId: string; readonly digest: string };
  readonly requestedBy: string;
  /** Civil date on which somebody must look at the hold again. */
  readonly reviewOn: string;
}

/** Rows of a cohort that were removed from one location under permits to destroy. */
export interface GoneRows {
  readonly location: string;
  readonly batches: number;
  readonly records: number;
}

/** What of one cohort was gone when a hold took effect: read from the key store and from used permits. */
export interface GoneCohort {
  readonly tenantId: string;
  readonly recordClass: RecordClass;
  readonly runId: string;
  readonly dueOn: string;
  /** Keys that are gone, with the instant of each; what was under them cannot be read any more. */
  readonly keys: readonly { readonly keyRef: string; readonly destroyedAt: string }[];
  /** Keys of the cohort that are still there, and protected from now on. */
  readonly keysLeft: number;
  /** Records that went with their keys, by location; empty while a key of the cohort is left. */
  readonly unreadable: readonly { readonly location: string; readonly records: number }[];
  /** Rows that were removed as well. */
  readonly removed: readonly GoneRows[];
}

/** What the acknowledgement of a hold says: from this instant nothing covered is destroyed. */
export interface HoldAcknowledgement {
  readonly holdId: string;
  readonly placedAt: string;
  /** Cohorts whose key was already gone when the hold took effect, read from the key store itself. */
  readonly alreadyDestroyed: readonly string[];
  /** What exactly was gone of what the hold covers; absent in answers of before. */
  readonly gone?: readonly GoneCohort[];
  /** How many cohorts that are; more than `gone` names only after a very long life. */
  readonly goneTotal?: number;
  /** For a process that begins again: when an approved release takes effect. */
  readonly releasesAt?: string | null;
}

/** What a release is answered with. */
export interface HoldRelease {
  readonly holdId: string;
  readonly releasedAt: string;
}

/** Steps of before, named by recorded histories only; no worker has them. */
export interface RetiredSteps {
  releaseHold(input: {
    readonly holdId: string;
    readonly requestedBy: string;
    readonly approvedBy: string;
  }): Promise<HoldRelease>;
}

/** A request to release a hold; a second person approves it before it expires. */
export interface ReleaseRequest {
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly expiresAt: string;
}

/** How far the release of a hold is. Until `released` the hold is in force. */
export interface ReleaseState {
  readonly holdId: string;
  readonly state: 'in-force' | 'release-requested' | 'release-approved' | 'released';
  /** The newest request that was neither withdrawn nor has run out. */
  readonly request: ReleaseRequest | null;
  /** Who asked for it, also once it is approved. */
  readonly requestedBy: string | null;
  readonly approvedBy: string | null;
  /** When the release takes effect, or took it. */
  readonly releasedAt: string | null;
}

/** State of a hold's process. */
export interface HoldStatus {
  readonly holdId: string;
  readonly state: 'placing' | 'in-force' | 'release-approved' | 'released';
  readonly acknowledgement: HoldAcknowledgement | null;
  readonly release: HoldRelease | null;
  /** When an approved release takes effect; null while there is none. */
  readonly releasesAt: string | null;
}
