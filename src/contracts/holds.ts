import type { RecordClass } from '../domain/record-class';

/** What a hold covers; an absent field covers everything. */
export interface HoldScope {
  readonly tenantId: string;
  readonly recordClass?: RecordClass;
}

/** Order to place a legal hold. @source CC-4 */
export interface PlaceHold {
  readonly holdId: string;
  readonly scopes: readonly HoldScope[];
  /** Ground and owner are content: they wait in staging under this id and never enter a history. */
  readonly ground: { readonly stagingId: string; readonly digest: string };
  readonly requestedBy: string;
  /** Civil date on which somebody must look at the hold again. */
  readonly reviewOn: string;
}

/** What the acknowledgement of a hold says: from this instant nothing covered is destroyed. */
export interface HoldAcknowledgement {
  readonly holdId: string;
  readonly placedAt: string;
  /** Cohorts whose key was already gone when the hold took effect, read from the key store itself. */
  readonly alreadyDestroyed: readonly string[];
}

/** What a release is answered with. */
export interface HoldRelease {
  readonly holdId: string;
  readonly releasedAt: string;
}

/** State of a hold's process. */
export interface HoldStatus {
  readonly holdId: string;
  readonly state: 'placing' | 'in-force' | 'released';
  readonly acknowledgement: HoldAcknowledgement | null;
  readonly release: HoldRelease | null;
}
