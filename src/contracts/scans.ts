/** How often a tenant's repositories are scanned again. */
export interface ScanSchedule {
  readonly tenantId: string;
  /** From 1; 0: nobody has set one. */
  readonly number: number;
  /** Null: not on schedule. */
  readonly everyHours: number | null;
  readonly setAt: string | null;
  readonly setBy: string | null;
}

/** A schedule that is to count from now on. */
export interface ScheduleOrder {
  readonly tenantId: string;
  /** Whole hours from one scan to the next, at most a year; null ends the schedule. */
  readonly everyHours: number | null;
  readonly setBy: string;
}

/** Which scan is not wanted any more, and who says so. */
export interface CancelledScan {
  readonly tenantId: string;
  readonly scanId: string;
  readonly cancelledBy: string;
}

/** How a scan ended. */
export type ScanOutcome = 'complete' | 'refused' | 'failed' | 'cancelled';

/** The one result of a scan. */
export interface ScanResult {
  readonly outcome: ScanOutcome;
  /** Numbers by name; of a refused or failed scan also `code`, why. */
  readonly counts: Readonly<Record<string, number | string>>;
}

/** A scan that was ordered and what came of it; numbers, instants and codes only. */
export interface ScanSummary {
  readonly scanId: string;
  readonly source: 'host-report' | 'registry';
  readonly orderedAt: string;
  /** Null while it waits or runs. */
  readonly result: (ScanResult & { readonly finishedAt: string }) | null;
  /** Code with which all or some of what it saw was refused. */
  readonly refusedBecause: string | null;
}

/**
 * Schedules of scans, their results and their end before the time, as the facade and the command line use
 * them. It works without the workflow engine: the next round of the sweep acts on what stands in control.
 */
export interface ScanKeeper {
  /** @throws LetheError INVALID_INPUT or UNKNOWN_TENANT naming the field; nothing is changed then. */
  setSchedule(order: ScheduleOrder): Promise<ScanSchedule>;
  /** The schedule that counts now. @throws LetheError UNKNOWN_TENANT */
  schedule(tenantId: string): Promise<ScanSchedule>;
  /**
   * Ends a scan that waits or runs; false when it had a result already.
   *
   * @throws LetheError INVALID_INPUT for a scan that the tenant never ordered.
   */
  cancel(order: CancelledScan): Promise<boolean>;
  /** The newest scans, at most a hundred. @throws LetheError UNKNOWN_TENANT */
  list(tenantId: string): Promise<readonly ScanSummary[]>;
  /** @throws LetheError INVALID_INPUT for a scan that the tenant never ordered. */
  summary(tenantId: string, scanId: string): Promise<ScanSummary>;
}
