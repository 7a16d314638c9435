import type { StoreKind } from '../domain/errors';
import type { RecordClass } from '../domain/record-class';
import type { Stage } from '../domain/lifecycle';

/** How near the next deadline is; operators filter by it. */
export type Band = 'none' | 'on_track' | 'approaching' | 'due_soon' | 'overdue' | 'on_hold';

/** One due day of a run as people see it. All instants UTC; null while unknown or under an open hold. */
export interface DueDay {
  readonly runId: string;
  readonly recordClass: RecordClass;
  readonly dueOn: string;
  readonly earliestAt: string | null;
  readonly deleteNotBefore: string | null;
  readonly latestAt: string | null;
  readonly records: number;
  readonly state: CohortState;
  /** The rule that decides the date, e.g. `AB-3`. */
  readonly because: string;
  readonly provisional: boolean;
  /** Only a request asks for it by then, and no approved order covers that; absent: no. */
  readonly waitsForOrder?: boolean;
  /** It is what a hold withheld of the same due day of another run; absent: no. */
  readonly splitFrom?: SplitOrigin;
  /** What holds withheld of it in runs of their own; absent: nothing. */
  readonly withheld?: readonly Withheld[];
  /** Holds in force that keep it; absent: none. */
  readonly heldBy?: readonly HeldBy[];
  /** From when it can be divided, so that what no hold covers goes; absent: it is not held, or held as a whole. */
  readonly divisibleFrom?: string;
}

/** A hold that keeps a due day. */
export interface HeldBy {
  readonly holdId: string;
  /** It covers all of it, or what it covers cannot be told from the rest; otherwise the rest can go. */
  readonly whole: boolean;
}

/** The run whose due day a withheld one was split off from, under which hold, and since when. */
export interface SplitOrigin {
  readonly runId: string;
  readonly holdId: string;
  readonly splitAt: string;
}

/** What a hold withheld of a due day: in which run, by the verifier's count. */
export interface Withheld extends SplitOrigin {
  readonly records: number;
}

/** What has happened to a cohort; order matters, it never goes back. */
export type CohortState =
  | 'sealed'
  | 'archived'
  | 'moved'
  | 'destroying'
  | 'destroyed'
  | 'certified'
  | 'restoring'
  | 'returned'
  | 'restored'
  | 'superseded';

/** A hold in force, without its ground (which is content). */
export interface HoldSummary {
  readonly holdId: string;
  readonly recordClass: RecordClass | null;
  readonly placedAt: string;
  readonly reviewOn: string | null;
  /** Its day of review has come; absent in readings of before. */
  readonly needsReview?: boolean;
  /** When an approved release takes effect; it is in force until then. Absent in readings of before. */
  readonly releasesAt?: string | null;
}

/** Something the tenant's process must drive now. */
export type WorkItem =
  | { readonly kind: 'scan'; readonly scanId: string; readonly summary: string }
  | {
      readonly kind: 'dispose';
      readonly eventId: string;
      readonly recordClass: RecordClass;
      readonly mode: 'dispose' | 'restore';
    };

/** A tenant's state as control knows it; bounded, so that the process can carry it. */
export interface LifecycleSnapshot {
  /** Monotone: a snapshot with a lower number is older and is ignored. */
  readonly revision: number;
  readonly asOf: string;
  readonly stage: Stage;
  readonly band: Band;
  readonly policyVersion: string;
  readonly zone: string;
  readonly activeServices: readonly string[];
  readonly featureActive: boolean;
  readonly recordClasses: readonly RecordClass[];
  readonly terminatedAt: string | null;
  /** The next instant at which something may be destroyed or moved on; one timer is set to it. */
  readonly nextDueAt: string | null;
  /** When somebody is called because nobody approved a request; absent: never. */
  readonly nextPageAt?: string;
  readonly dueDays: readonly DueDay[];
  readonly dueDaysTotal: number;
  readonly holds: readonly HoldSummary[];
  readonly holdsTotal: number;
  readonly blockedOn: string | null;
  readonly needsHuman: boolean;
  readonly work: readonly WorkItem[];
  readonly counters: {
    readonly commands: number;
    readonly scans: number;
    /** Sensitive values that were replaced in what scans brought, in all of them together. */
    readonly redactedValues: number;
    readonly refusedObservations: number;
    readonly certificates: number;
    readonly breaches: number;
  };
  readonly ended: boolean;
}

/** What is away at the moment, so that work is tried again and again. */
export interface AwaitedStore {
  /** `engine`: the tenant's process did not answer, the workflow engine or its workers are away. */
  readonly store: StoreKind | 'engine';
  /** Step that is tried again; null when the process itself does not answer. */
  readonly step: string | null;
  /** Number of the attempt that comes next or is under way; 1 is the first. */
  readonly attempt: number;
  readonly code: string;
}

/** How far the scan of a registry is that goes on at the moment; numbers only. */
export interface RunningScan {
  readonly imagesRead: number;
  readonly layersRead: number;
  /** Layers that did not have to be read, because an earlier scan or attempt has stored them. */
  readonly layersKnown: number;
  /** Of a scan of all that a catalog lists: repositories that it is through with, and all of them. */
  readonly repositoriesDone?: number;
  readonly repositoriesListed?: number;
}

/** Answer of the facade: what the process or control says, which store is away and how far a scan is. */
export interface LifecycleStatus extends ProcessStatus {
  /** Absent when no scan tells how far it is. */
  readonly scanning?: RunningScan;
  /** Null when nothing is known to be away. */
  readonly awaits: AwaitedStore | null;
}

/** Answer of the `status` query (`source` says who answered). */
export interface ProcessStatus extends LifecycleSnapshot {
  readonly tenantId: string;
  readonly waitsFor: string;
  readonly source: 'workflow' | 'control';
}
