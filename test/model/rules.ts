/**
 * What the protocol insists on. Each field is one sentence of the design; a broken variant takes one or
 * several of them away.
 */
export interface Rules {
  /** `assert_permittable`, `assert_no_hold`: facts are asked when a permit is issued. */
  readonly issuingAsksFacts: boolean;
  /** `assert_permittable`: windows older than the last interlock count for nothing. */
  readonly issuingAsksWindowEpoch: boolean;
  /** `issue_destroy_permit`: `lethe_now()` decides, and the process's clock can only say "too early". */
  readonly issuingAsksDatabaseClock: boolean;
  /** `bump_interlock`, `open_permit`: an interlock revokes permits, and a revoked one opens nothing. */
  readonly revokes: boolean;
  /** `bump_interlock`, `open_permit`: a permit opens only under the epoch it was issued in. */
  readonly comparesEpochs: boolean;
  /** `close_permit`: a permit is accepted once. */
  readonly permitsOnce: boolean;
  /** `open_permit`: the procedure's transaction keeps the interlock rows locked until it ends. */
  readonly procedureHoldsLock: boolean;
  /** `assert_attempt_live`: the permit is read again between stamp and delete. */
  readonly readsPermitAgain: boolean;
  /** `deleteStamped`: only what carries the attempt's own stamp is deleted. */
  readonly deletesStampedOnly: boolean;
  /** `unstampInterrupted`: an interlock takes stamps off before it is acknowledged. */
  readonly unstamps: boolean;
  /** `countLive`: an interlock waits for the report of an attempt, or its lease and the statement limit. */
  readonly waitsForLease: boolean;
  /** The document store matches and removes a document in one act; the bundled one does not. */
  readonly deletesAtOnce: boolean;
  /** No delete is sent when lease and statement limit are past: an assumption, no guard. */
  readonly sendsInTime: boolean;
  /** `bump_key_epoch`: an interlock raises the key store's epoch and revokes its permits. */
  readonly bumpsKeyStore: boolean;
  /** `readEpochs`: the key store's epochs are read before control is asked for its permit. */
  readonly readsKeyEpochsFirst: boolean;
  /** `issue_key_permit`: the permit for the key ends with control's, and is refused when that has run out. */
  readonly keyPermitEndsWithControls: boolean;
  /** `destroyedKeys`: an acknowledgement reads what is gone from the key store itself. */
  readonly acknowledgesFromKeyStore: boolean;
  /** `refreshWindows`: windows are computed again after an interlock. */
  readonly refreshesWindows: boolean;
}

/** The protocol on a document store whose deletes are atomic per document; no assumption on time. */
export const PROTOCOL: Rules = Object.freeze({
  issuingAsksFacts: true,
  issuingAsksWindowEpoch: true,
  issuingAsksDatabaseClock: true,
  revokes: true,
  comparesEpochs: true,
  permitsOnce: true,
  procedureHoldsLock: true,
  readsPermitAgain: true,
  deletesStampedOnly: true,
  unstamps: true,
  waitsForLease: true,
  deletesAtOnce: true,
  sendsInTime: false,
  bumpsKeyStore: true,
  readsKeyEpochsFirst: true,
  keyPermitEndsWithControls: true,
  acknowledgesFromKeyStore: true,
  refreshesWindows: true,
});

/** The same on a store that filters first and removes by id afterwards. */
export const FILTER_FIRST: Rules = Object.freeze({
  ...PROTOCOL,
  deletesAtOnce: false,
  sendsInTime: true,
});

/** A rule by its name. */
export type Rule = keyof Rules;

/** A protocol without some of its rules. */
export const without = (rules: Rules, ...names: readonly Rule[]): Rules => ({
  ...rules,
  ...Object.fromEntries(names.map((name) => [name, false])),
});
