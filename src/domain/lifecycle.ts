import type { FailureCode } from './errors';

/**
 * Stages of a tenant's life.
 *
 *   subscribed -> active <-> suspended -> closing -> retained -> destroying -> ended
 *                    ^_______________________________|  (subscribed again before the window)
 */
export const STAGES = Object.freeze([
  'unknown',
  'subscribed',
  'active',
  'suspended',
  'closing',
  'retained',
  'destroying',
  'ended',
] as const);

/** Where a tenant is in its life. `unknown`: no lifecycle has begun. */
export type Stage = (typeof STAGES)[number];

/** Everything that can happen to a lifecycle from outside. */
export const EVENTS = Object.freeze([
  'subscribe',
  'attachService',
  'endService',
  'linkAsset',
  'grantSharing',
  'revokeSharing',
  'changeConfiguration',
  'endFeature',
  'reactivateFeature',
  'attestMinimumAge',
  'withdrawAttestation',
  'requestDeletion',
  'withdrawDeletion',
  'submitOrder',
  'approveOrder',
  'denyOrder',
  'revokeOrder',
  'requestScan',
  'placeHold',
  'releaseHold',
] as const);

/** An event of the lifecycle. */
export type LifecycleEvent = (typeof EVENTS)[number];

/** `accept`, or the code with which the event is refused. */
export type Reaction = 'accept' | FailureCode;

type Row = Readonly<Record<LifecycleEvent, Reaction>>;

const all = (reaction: Reaction): Row =>
  Object.fromEntries(EVENTS.map((event) => [event, reaction])) as Row;

/** A hold can be placed and released in every stage; even where nothing is left it is on record. */
const HOLDS = { placeHold: 'accept', releaseHold: 'accept' } as const;

const IN_USE: Row = {
  subscribe: 'ALREADY_SUBSCRIBED',
  attachService: 'accept',
  endService: 'accept',
  linkAsset: 'accept',
  grantSharing: 'accept',
  revokeSharing: 'accept',
  changeConfiguration: 'accept',
  endFeature: 'accept',
  reactivateFeature: 'FEATURE_ALREADY_ACTIVE',
  attestMinimumAge: 'accept',
  withdrawAttestation: 'accept',
  requestDeletion: 'accept',
  withdrawDeletion: 'accept',
  submitOrder: 'accept',
  approveOrder: 'accept',
  denyOrder: 'accept',
  revokeOrder: 'accept',
  requestScan: 'accept',
  ...HOLDS,
};

/** After the services ended; attaching one again is what brings the tenant back. */
const WINDING_DOWN: Row = {
  ...IN_USE,
  linkAsset: 'NOT_PERMITTED',
  endService: 'SERVICE_NOT_ACTIVE',
  grantSharing: 'NOT_PERMITTED',
  requestScan: 'NOT_PERMITTED',
  reactivateFeature: 'accept',
};

/**
 * The total table stage x event. What an accepted event needs beyond the stage (an active service, a
 * known request) is checked against the facts by the accepting transaction.
 */
export const LIFECYCLE_TABLE: Readonly<Record<Stage, Row>> = Object.freeze({
  unknown: {
    ...all('NOT_SUBSCRIBED'),
    subscribe: 'accept',
    placeHold: 'accept',
    releaseHold: 'accept',
  },
  subscribed: IN_USE,
  active: IN_USE,
  suspended: {
    ...IN_USE,
    changeConfiguration: 'FEATURE_NOT_ACTIVE',
    grantSharing: 'FEATURE_NOT_ACTIVE',
    requestScan: 'FEATURE_NOT_ACTIVE',
    endFeature: 'accept',
    reactivateFeature: 'accept',
  },
  closing: WINDING_DOWN,
  retained: WINDING_DOWN,
  destroying: WINDING_DOWN,
  ended: { ...all('LIFECYCLE_ENDED'), ...HOLDS },
});

/** How stage `stage` reacts to `event`. */
export function reactionTo(stage: Stage, event: LifecycleEvent): Reaction {
  return LIFECYCLE_TABLE[stage][event];
}

/** Facts from which the stage follows; counts are of the whole tenant. */
export interface StageFacts {
  readonly subscribed: boolean;
  readonly activeServices: number;
  readonly featureActive: boolean;
  readonly attested: boolean;
  readonly scans: number;
  /** Events whose live rows are still there. */
  readonly openMoves: number;
  /** Cohorts that are sealed and not yet destroyed. */
  readonly waitingCohorts: number;
  /** Cohorts whose key is gone and whose certificate is not written. */
  readonly destroyingCohorts: number;
  /** Configuration or asset data that belongs to no run yet. */
  readonly uncoveredData: boolean;
}

/** The stage is a view of the facts, never stored: it cannot disagree with them. */
export function stageOf(facts: StageFacts): Stage {
  if (!facts.subscribed) return 'unknown';
  if (facts.activeServices > 0) return stageInUse(facts);
  if (facts.openMoves > 0) return 'closing';
  if (facts.destroyingCohorts > 0) return 'destroying';
  if (facts.waitingCohorts > 0 || facts.featureActive || facts.uncoveredData) return 'retained';
  return 'ended';
}

function stageInUse(facts: StageFacts): Stage {
  if (!facts.featureActive || !facts.attested) return 'suspended';
  return facts.scans === 0 ? 'subscribed' : 'active';
}
