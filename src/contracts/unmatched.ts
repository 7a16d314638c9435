/** How control and the open processes can disagree. */
export type UnmatchedKind =
  /** A life that goes on and that nobody drives. */
  | 'tenant-without-process'
  /** A process of another kind has the name, so the tenant's own cannot begin. */
  | 'name-taken'
  | 'process-of-unknown-tenant'
  | 'process-of-ended-tenant'
  /** A lifecycle under a name that names no tenant. */
  | 'process-of-no-tenant'
  /** The hold is in force all the same; only its release has nobody to go to. */
  | 'hold-without-process'
  | 'hold-process-without-hold'
  /** Nobody looks again at what was certified. */
  | 'sweep-without-process';

/** One disagreement between control and the open processes. */
export interface Unmatched {
  readonly kind: UnmatchedKind;
  /** Tenant or hold; null where the name of the process tells none. */
  readonly id: string | null;
  readonly workflowId: string;
}

/** Everything that was compared, and what did not agree. */
export interface UnmatchedReport {
  readonly tenants: number;
  /** Open processes of tenants and holds. */
  readonly processes: number;
  /** Holds in force. */
  readonly holds: number;
  readonly unmatched: readonly Unmatched[];
  /** False when there were more than one report holds. */
  readonly complete: boolean;
}
