import type { RecordClass } from '../domain/record-class';

/** The ends of a window; null while nothing is due or a hold is open. */
export interface PlannedEnds {
  readonly earliestAt: string | null;
  readonly deleteNotBefore: string | null;
  readonly latestAt: string | null;
}

/** Where an instant moves to. */
export type Direction = 'earlier' | 'later' | 'same';

/** A due day of a tenant whose window would change. */
export interface WindowMove {
  readonly tenantId: string;
  readonly runId: string;
  readonly dueOn: string;
  readonly recordClass: RecordClass;
  readonly from: PlannedEnds;
  readonly to: PlannedEnds;
  /** Where the first permitted destruction moves to. */
  readonly begins: Direction;
  /** Where the promised end moves to; an earlier one needs a look. */
  readonly ends: Direction;
  /** The new end has passed already: the promise would be missed at once. */
  readonly overdue: boolean;
  readonly requiredByLaw: boolean;
  /** Why, in the words of the derivation. */
  readonly because: string;
}

/** What a new version of the policy, or new calendars, would change; nothing has changed yet. */
export interface WindowPlan {
  readonly asOf: string;
  readonly moves: readonly WindowMove[];
  readonly totals: {
    readonly tenants: number;
    readonly dueDays: number;
    readonly beginEarlier: number;
    readonly beginLater: number;
    readonly endEarlier: number;
    readonly endLater: number;
    readonly nowOverdue: number;
    /** Due days under an open hold: whatever moves, they wait for its release. */
    readonly heldBack: number;
  };
}

/** A plan of a version of the policy, with what two people sign. */
export interface PolicyPlan extends WindowPlan {
  /** `<id>@<version>`. */
  readonly policy: string;
  readonly policyDigest: string;
  /** Newest version in force. */
  readonly inForce: number;
  /** SHA-256 over the policy's digest and the moves: the same as long as neither changes. */
  readonly planDigest: string;
}

/** A version of the policy that came into force. */
export interface PolicyActivation {
  readonly version: number;
  readonly policyDigest: string;
  readonly planDigest: string;
  readonly signedBy: string;
  readonly countersignedBy: string;
  readonly activatedAt: string;
}

/** Kind of the signed document with which a version of the policy is activated. */
export const POLICY_DOCUMENT = 'policy-activation+jws';
