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
  /**
   * Commits a command's facts, sets its interlocks and answers with the receipt and the new state.
   *
   * @idempotency the command's key: the same body gives the first receipt, another one is refused.
   */
  acceptCommand(input: {
    readonly tenantId: string;
    readonly command: Command;
    readonly workflowNow: string;
  }): Promise<AcceptedCommand>;
  /**
   * Computes stale windows again and reads the state.
   *
   * @idempotency a window that is the same is not written again.
   */
  refresh(input: {
    readonly tenantId: string;
    readonly workflowNow: string;
  }): Promise<LifecycleSnapshot>;
  /**
   * Records a hold and answers when no older permit is alive in any store, with what was gone by then.
   *
   * @idempotency a hold that is there is settled and acknowledged again with its first instant.
   */
  placeHold(input: PlaceHold): Promise<HoldAcknowledgement>;
  /**
   * Records that one person asks for the release of a hold; it takes a second person and a delay.
   *
   * @idempotency the same person asking again changes nothing.
   */
  requestHoldRelease(input: {
    readonly holdId: string;
    readonly requestedBy: string;
    readonly document?: string;
  }): Promise<ReleaseState>;
  /**
   * Records that another person approves the release; it takes effect after the delay.
   *
   * @idempotency approving what was approved changes nothing.
   */
  approveHoldRelease(input: {
    readonly holdId: string;
    readonly approvedBy: string;
    readonly document?: string;
  }): Promise<ReleaseState>;
  /**
   * Takes a release back that has not taken effect; the hold stays.
   *
   * @idempotency withdrawing again changes nothing.
   */
  withdrawHoldRelease(input: {
    readonly holdId: string;
    readonly withdrawnBy: string;
  }): Promise<ReleaseState>;
  /**
   * Carries out what follows a release that has taken effect; says how far one is that has not.
   *
   * @idempotency windows that are the same are not written again; the entry is made once.
   */
  settleHoldRelease(input: { readonly holdId: string }): Promise<ReleaseState>;
  /**
   * Records that a person looked at a hold and when it is to be looked at again.
   *
   * @idempotency the same person setting the same day again changes nothing.
   */
  reviewHold(input: {
    readonly holdId: string;
    readonly reviewedBy: string;
    readonly reviewOn: string;
  }): Promise<ReleaseState>;
}

/** Scans: insert-only. */
export interface ScanActivities {
  /**
   * Reads what the order names, under the customer's authorization, and inserts what it saw.
   *
   * @idempotency ids follow from the scan and from what was observed before; a recorded result ends it.
   */
  runScan(input: { readonly tenantId: string; readonly scanId: string }): Promise<Progress>;
}

/** Seal, copy, read back, move, restore: nothing here can end a record's last copy. */
export interface DispositionActivities {
  /**
   * Raises the fence, waits for writers in flight and plans one run per set of linked services.
   *
   * @idempotency run ids follow from event and services; a repetition finds the runs.
   */
  planRuns(input: {
    readonly tenantId: string;
    readonly eventId: string;
    readonly mode: 'dispose' | 'restore';
  }): Promise<{
    readonly runIds: readonly string[];
    readonly progress: Progress;
  }>;
  /**
   * Reads every version of the run once and writes it to the archive part of its due day, in two copies.
   *
   * @idempotency a sealed run is not sealed again; an attempt that died is resumed behind its last part.
   */
  sealAndCopy(input: RunReference): Promise<Progress>;
  /**
   * Another account reads both copies back and compares them with what is live and with the seal.
   *
   * @idempotency a run whose due days are all verified is not read again.
   */
  verifyCopies(input: RunReference): Promise<Progress>;
  /**
   * Removes the live records whose copies are verified, batch by batch, by id and under permits.
   *
   * @idempotency a batch whose permit was used is skipped.
   */
  moveRows(input: RunReference): Promise<Progress>;
  /**
   * Another account looks that nothing of the run is live any more.
   *
   * @idempotency repeating reads again and adds a further verdict.
   */
  verifyMoved(input: RunReference): Promise<Progress>;
  /**
   * Brings a run back from the archive, reads it back live, and only then ends the archive.
   *
   * @idempotency ids are those of before: nothing is inserted twice, and what is back is left alone.
   */
  restoreRun(input: RunReference): Promise<Progress>;
}

/** The irreversible part. */
export interface DestructionActivities {
  /**
   * Destroys every cohort of the tenant whose window is open; key first. What a hold covers of a due day is
   * withheld before.
   *
   * @idempotency every step is read before it is tried: what is gone is not touched again.
   */
  destroyDue(input: { readonly tenantId: string; readonly workflowNow: string }): Promise<Progress>;
  /**
   * Another account verifies every location; each cohort that is gone gets its certificate, and the tenant its
   * new state.
   *
   * @idempotency a certified cohort is not looked at again.
   */
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
