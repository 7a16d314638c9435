import type { CommandKind } from './commands';

/** Wire names of the Updates; a constant equals its wire name plus the suffix. */
export const UPDATE_NAMES = Object.freeze({
  subscribeUpdate: 'subscribe',
  attachServiceUpdate: 'attachService',
  endServiceUpdate: 'endService',
  linkAssetUpdate: 'linkAsset',
  grantSharingUpdate: 'grantSharing',
  revokeSharingUpdate: 'revokeSharing',
  changeConfigurationUpdate: 'changeConfiguration',
  endFeatureUpdate: 'endFeature',
  reactivateFeatureUpdate: 'reactivateFeature',
  attestMinimumAgeUpdate: 'attestMinimumAge',
  withdrawAttestationUpdate: 'withdrawAttestation',
  requestDeletionUpdate: 'requestDeletion',
  withdrawDeletionUpdate: 'withdrawDeletion',
  submitOrderUpdate: 'submitOrder',
  approveOrderUpdate: 'approveOrder',
  denyOrderUpdate: 'denyOrder',
  revokeOrderUpdate: 'revokeOrder',
  requestScanUpdate: 'requestScan',
} as const satisfies Record<`${CommandKind}Update`, CommandKind>);

/** Signals: aliases of commands for senders that cannot wait for an answer, and wake-up calls. */
export const SIGNAL_NAMES = Object.freeze({
  deletionRequestedSignal: 'deletionRequested',
  configurationChangedSignal: 'configurationChanged',
  /** Facts changed in control (a hold was placed or released); read them again. */
  factsChangedSignal: 'factsChanged',
});

/** Queries; they never change anything. */
export const QUERY_NAMES = Object.freeze({ statusQuery: 'status', deadlinesQuery: 'deadlines' });

/** Updates and queries of a hold's own process. */
export const HOLD_MESSAGE_NAMES = Object.freeze({
  releaseHoldUpdate: 'releaseHold',
  awaitAcknowledgementUpdate: 'awaitAcknowledgement',
  holdStatusQuery: 'holdStatus',
});

/** Query and signal of the platform's sweep. */
export const SWEEP_MESSAGE_NAMES = Object.freeze({
  sweepStatusQuery: 'sweepStatus',
  sweepNowSignal: 'sweepNow',
});
