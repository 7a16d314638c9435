import type { PageLevel, RequestState } from '../domain/deletion-request';
import type { RecordClass } from '../domain/record-class';
import type { ReportPeriod, ReportTotals, RequestOutcome } from '../domain/request-report';

/** A due day that a request covers. */
export interface ReportedDueDay {
  readonly runId: string;
  readonly dueOn: string;
  /** Its contractual end; null while a hold is open. */
  readonly latestAt: string | null;
  /** When nothing of it could be read any more, as its certificate says; null without one. */
  readonly destroyedAt: string | null;
  readonly certificateId: string | null;
}

/** A hold that lay over what a request covers while it was open. */
export interface DelayingHold {
  readonly holdId: string;
  readonly placedAt: string;
  readonly releasedAt: string | null;
}

/** An order that was stopped, with one of the words that the protocol has for it. */
export interface ReportedStop {
  readonly orderId: string;
  readonly state: 'denied' | 'revoked';
  readonly reason: string;
  readonly by: string;
  readonly at: string;
}

/** One deletion request as the report shows it: ids, words, counts and instants. */
export interface ReportedRequest {
  readonly requestId: string;
  readonly tenantId: string;
  readonly zone: string;
  readonly recordClass: RecordClass;
  readonly receivedAt: string;
  /** Day of receipt in the tenant's zone. */
  readonly receivedOn: string;
  readonly state: RequestState;
  readonly outcome: RequestOutcome;
  /** Internal stop. */
  readonly internalDueAt: string;
  /** When all of it must be gone; null while a hold is open. */
  readonly latestAt: string | null;
  /** A count of working days that reaches beyond the published calendars. */
  readonly provisional: boolean;
  /** When the last of it had gone, or nothing was found of it; null while it is open. */
  readonly fulfilledAt: string | null;
  readonly withdrawnAt: string | null;
  /** Civil days from the receipt to its end, or until now. */
  readonly days: number;
  /** Promised ends that passed while something of it was left. */
  readonly missed: readonly string[];
  /** Who sent it; null when nobody's command is on record. */
  readonly requestedBy: string | null;
  readonly orderId: string | null;
  readonly orderedBy: string | null;
  readonly approvedBy: readonly string[];
  readonly approvedAt: string | null;
  readonly stops: readonly ReportedStop[];
  readonly holds: readonly DelayingHold[];
  /** Why somebody was called. */
  readonly paged: readonly PageLevel[];
  readonly dueDays: readonly ReportedDueDay[];
}

/** Every deletion request that was received in a period, over all tenants. */
export interface RequestReport {
  readonly period: ReportPeriod & {
    /** False: more requests can still be received in it. */
    readonly ended: boolean;
  };
  readonly asOf: string;
  readonly totals: ReportTotals;
  /** In the order of their receipt. */
  readonly requests: readonly ReportedRequest[];
}
