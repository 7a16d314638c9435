import type { Command, CommandReceipt } from './commands';
import type { HoldAcknowledgement, PlaceHold, ReleaseState } from './holds';
import type { LifecycleSnapshot } from './snapshot';

/** What long work answers: finished, or how far it came and what it waits for. */
export interface Progress {
  readonly done: boolean;
  /** Stable word for what it waits for, e.g. `hold`, `store:mongodb`; null when it just goes on. */
  readonly blockedOn: string | null;
  readonly counts: Readonly<Record<string, number>>;
}

/** A command was committed, and this is the tenant's state after it. */
export interface AcceptedCommand {
  readonly receipt: CommandReceipt;
  readonly snapshot: LifecycleSnapshot;
}

/** Facts of the tenant: the control store is the truth, these are the only ways to change it. */
export interface ControlActivities {
  acceptCommand(input: {
    readonly tenantId: string;
    readonly command: Command;
    readonly workflowNow: string;
  }): Promise<AcceptedCommand>;
  /** Computes stale windows again and reads the state. */
  refresh(input: {
    readonly tenantId: string;
    readonly workflowNow: string;
  }): Promise<LifecycleSnapshot>;
  placeHold(input: PlaceHold): Promise<HoldAcknowledgement>;
  requestHoldRelease(input: {
    readonly holdId: string;
    readonly requestedBy: string;
    readonly document?: string;
  }): Promise<ReleaseState>;
  approveHoldRelease(input: {
    readonly holdId: string;
    readonly approvedBy: string;
    readonly document?: string;
  }): Promise<ReleaseState>;
  withdrawHoldRelease(input: {
    readonly holdId: string;
    readonly withdrawnBy: string;
  }): Promise<ReleaseState>;
  /** Carries out what follows a release that has taken effect; says how far one is that has not. */
  settleHoldRelease(input: { readonly holdId: string }): Promise<ReleaseState>;
  reviewHold(input: {
    readonly holdId: string;
    readonly reviewedBy: string;
    readonly reviewOn: string;
  }): Promise<ReleaseState>;
}

/** Scans: insert-only. */
export interface ScanActivities {
  runScan(input: { readonly tenantId: string; readonly scanId: string }): Promise<Progress>;
}

/** Seal, copy, read back, move, restore: nothing here can end a record's last copy. */
export interface DispositionActivities {
  /** Raises the fence, waits for writers in flight and plans one run per set of linked services. */
  planRuns(input: {
    readonly tenantId: string;
    readonly eventId: string;
    readonly mode: 'dispose' | 'restore';
  }): Promise<{
    readonly runIds: readonly string[];
    readonly progress: Progress;
  }>;
  sealAndCopy(input: RunReference): Promise<Progress>;
  verifyCopies(input: RunReference): Promise<Progress>;
  moveRows(input: RunReference): Promise<Progress>;
  verifyMoved(input: RunReference): Promise<Progress>;
  restoreRun(input: RunReference): Promise<Progress>;
}

/** The irreversible part. */
export interface DestructionActivities {
  /** Destroys every cohort of the tenant whose window is open; key first. */
  destroyDue(input: { readonly tenantId: string; readonly workflowNow: string }): Promise<Progress>;
  /** Independent verification per location, certificate per cohort, then the tenant's new state. */
  verifyAndCertify(input: { readonly tenantId: string; readonly workflowNow: string }): Promise<{
    readonly progress: Progress;
    readonly snapshot: LifecycleSnapshot;
  }>;
}

/** Which run an activity works on. */
export interface RunReference {
  readonly tenantId: string;
  readonly runId: string;
  /** Event that set the work in motion; a restore has one of its own beside the run's. */
  readonly eventId: string;
}
