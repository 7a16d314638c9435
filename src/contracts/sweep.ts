/** The platform has one process of this kind. */
export const SWEEP_WORKFLOW_ID = 'platform-sweep';

/** Something that was certified as gone and is there again, or can no longer be looked at. */
export interface SweepFinding {
  readonly tenantId: string;
  readonly runId: string;
  readonly dueOn: string;
  readonly outcome: 'reappeared' | 'unreadable';
  /** Records, objects and wrapped keys that were found. */
  readonly found: number;
}

/** What one round of looking again found. */
export interface SweepRound {
  /** The database's clock at the end of the round, RFC 3339 in UTC. */
  readonly asOf: string;
  /** How many certified cohorts were looked at. */
  readonly swept: number;
  /** Everything that is open, also from earlier rounds; at most ten, newest first. */
  readonly findings: readonly SweepFinding[];
  readonly findingsTotal: number;
  /** Tenants with work to do whose process may have ended. */
  readonly tenantsToWake: readonly string[];
  /** When the next look is due; null while nothing certified waits for one. */
  readonly nextAt: string | null;
  /** More was due than one round takes. */
  readonly more: boolean;
  /** The last of the tenants with strays that this round names, while there may be others behind it. */
  readonly wokenUpTo?: string;
}

/** Where a round goes on. */
export interface SweepOrder {
  /** Tenants with strays up to this one, by their ids, were woken by the round before. */
  readonly wokenUpTo: string;
}

/** What a duty of the platform found to do beside the looks. */
export type DutyRound = Pick<SweepRound, 'tenantsToWake' | 'nextAt' | 'more' | 'wokenUpTo'>;

/** The platform's own duty; no tenant's process does it, because theirs may have ended. */
export interface SweepActivities {
  /**
   * Verifies again what was certified a day, a week and a month ago.
   *
   * @param order - absent: the round begins with the first tenant.
   * @idempotency a look that was clean is not repeated; one that could not be taken leaves no row.
   */
  sweep(order?: SweepOrder): Promise<SweepRound>;
}

/** What the platform's process carries through continue-as-new. */
export interface PlatformSweepInput {
  readonly lastRound?: SweepRound;
  /** Code of what the last look was refused for; absent: it was not. */
  readonly refusal?: string;
}
