import type { BackupSet } from '../domain/backups';
import type { BreakerCause, BreakerScope, CapName, CapSetting } from '../domain/caps';
import type { ForecastAnswer } from '../domain/forecast';
import type { PaceWarning } from '../domain/pacing';
import type { HostingService, RecordClass } from '../domain/record-class';
import type { ApprovalRule, AuthorityChange, SignerRecord } from './authority';
import type { DecisionAudit } from './decisions';
import type { GroundKind, ReleaseRequest } from './holds';
import type { OrderOverview } from './order-records';
import type { DeletionPlan } from './orders';
import type { Band, DueDay, ProcessStatus } from './snapshot';
import type { PolicyActivation } from './window-plans';

/** A due day with the tenant it belongs to and how near its own end is. */
export interface TenantDueDay extends DueDay {
  readonly tenantId: string;
  readonly band: Band;
}

/** Which due days of all tenants are wanted; an absent field restricts nothing. */
export interface DeadlineFilter {
  readonly band?: Band;
  /** Only due days whose `latestAt` lies before this instant (RFC 3339). */
  readonly before?: string;
}

/** Due days over all tenants, nearest first. */
export interface DeadlineList {
  readonly dueDays: readonly TenantDueDay[];
  /** False when more tenants match than one answer covers: narrow the filter, nothing else is hidden. */
  readonly complete: boolean;
}

/** One page of tenants in the order of their ids. */
export interface TenantPage {
  readonly tenantIds: readonly string[];
  /** Pass it as `after` for the next page; null on the last one. */
  readonly next: string | null;
}

/** One page of holds in force in the order of their ids. */
export interface HoldPage {
  readonly holdIds: readonly string[];
  /** Pass it as `after` for the next page; null on the last one. */
  readonly next: string | null;
}

/** One computed window of a cohort; the one with the highest number counts. */
export interface WindowVersion {
  readonly windowNumber: number;
  readonly earliestAt: string | null;
  readonly deleteNotBefore: string | null;
  readonly latestAt: string | null;
  readonly computedAt: string;
  /** The steps that led to it: rules, dates, days counted, versions of policy, calendars and zones. */
  readonly derivation: Readonly<Record<string, unknown>>;
}

/** What one scope of a hold covers; null restricts nothing. */
export interface HoldScopeRecord {
  readonly tenantId: string;
  readonly recordClass: RecordClass | null;
  readonly hostingService: HostingService | null;
  readonly assetId: string | null;
  readonly collectedFrom: string | null;
  readonly collectedTo: string | null;
}

/** A release that two people decided. */
export interface HoldReleaseRecord {
  readonly releasedAt: string;
  readonly releasedBy: string;
  readonly approvedBy: string;
}

/** A hold with its scopes and its release, without the words about its ground (which are content). */
export interface HoldRecord {
  readonly holdId: string;
  readonly placedAt: string;
  readonly placedBy: string;
  readonly reviewOn: string;
  /** True from its day of review on, until somebody has looked at it or it is released. */
  readonly needsReview: boolean;
  /** Null in holds of before. */
  readonly matter: string | null;
  readonly groundKind: GroundKind | null;
  readonly owner: string | null;
  readonly groundDigest: string;
  readonly scopes: readonly HoldScopeRecord[];
  /** The newest request to release it that lives and was neither approved nor withdrawn. */
  readonly request: ReleaseRequest | null;
  /** A release that takes effect later; the hold is in force until then. */
  readonly approved: (HoldReleaseRecord & { readonly approvedAt: string }) | null;
  /** A release that has taken effect; null while the hold is in force. */
  readonly release: HoldReleaseRecord | null;
}

/** Which holds are wanted; an absent field restricts nothing. */
export interface HoldFilter {
  readonly tenantId?: string;
  readonly inForce?: boolean;
  /** Only holds in force whose day of review has come. */
  readonly dueForReview?: boolean;
  /** Only ids behind this one: the `next` of the page before. */
  readonly after?: string;
}

/** Holds over all tenants in the order of placement, a page of ids at a time. */
export interface HoldList {
  readonly holds: readonly HoldRecord[];
  /** Pass it as `after` for the next page; null on the last one. */
  readonly next: string | null;
}

/** A certificate as the evidence store has it, without its body. */
export interface CertificateSummary {
  readonly certificateId: string;
  readonly tenantId: string;
  readonly runId: string;
  readonly dueOn: string;
  readonly digest: string;
  readonly issuedAt: string;
}

/** A certificate with the exact text that its digest covers. */
export interface StoredCertificate extends CertificateSummary {
  readonly body: string;
}

/** What somebody asked for; a second person approves it before it expires. */
export interface LiftRequest {
  readonly requestedBy: string;
  readonly reason: string;
  readonly requestedAt: string;
  readonly expiresAt: string;
  readonly expired: boolean;
}

/** A freeze and who lifted it; two different people do. */
export interface FreezeRecord {
  readonly freezeId: string;
  /** `global`, or a tenant id. */
  readonly scope: string;
  readonly placedAt: string;
  readonly placedBy: string;
  readonly liftedBy: readonly string[];
  readonly inForce: boolean;
  /** The newest request to lift it, also when it has expired or was approved. */
  readonly request: LiftRequest | null;
}

/** One setting of a cap in its history. */
export interface CapValue extends CapSetting {
  readonly recordedAt: string;
  /** Later than `recordedAt` for one that loosens. */
  readonly effectiveAt: string;
  readonly setBy: string;
  readonly reason: string;
}

/** A cap with everything that was ever set, oldest first. */
export interface CapRecord {
  readonly cap: CapName;
  readonly inForce: CapValue | null;
  /** Takes effect later, unless another setting replaces it. */
  readonly pending: CapValue | null;
  readonly history: readonly CapValue[];
}

/** A trip of the circuit breaker; open while `reset` is null. */
export interface TripRecord {
  readonly tripId: string;
  readonly scope: BreakerScope;
  readonly cause: BreakerCause;
  readonly tenantId: string | null;
  readonly runId: string | null;
  readonly dueOn: string | null;
  readonly trippedAt: string;
  readonly reset: {
    readonly resetBy: string;
    readonly reason: string;
    readonly resetAt: string;
  } | null;
}

/** A registered backup as people see it. */
export interface BackupRecord extends BackupSet {
  readonly location: string;
  readonly registeredBy: string;
  readonly expiredBy: string | null;
  /** Its date has passed and nobody has reported that it is gone. */
  readonly overdue: boolean;
  /** It is to live longer than backups of clear data may. */
  readonly tooLong: boolean;
}

/** A due day of one of the tenants of a hold. */
export interface HeldDueDay extends DueDay {
  readonly tenantId: string;
}

/**
 * Reads control and evidence for people, also when the workflow engine is away. It sees ids, counts,
 * instants and digests, never tenant content, and it changes nothing.
 */
export interface ControlReader {
  /** Null when the tenant never subscribed. */
  status(tenantId: string): Promise<ProcessStatus | null>;
  /** All due days of a tenant that are not over, nearest first. */
  deadlines(tenantId: string): Promise<readonly DueDay[]>;
  /** Due days that a hold keeps, and those that it withheld of others, over all of its tenants. */
  deadlinesUnder(holdId: string): Promise<readonly HeldDueDay[]>;
  deadlinesOf(filter: DeadlineFilter): Promise<DeadlineList>;
  listTenants(page?: { readonly after?: string; readonly limit?: number }): Promise<TenantPage>;
  /** Every window a cohort ever had, newest first; empty when there is no such cohort. */
  windowsOf(tenantId: string, runId: string, dueOn: string): Promise<readonly WindowVersion[]>;
  listHoldsInForce(page?: { readonly after?: string; readonly limit?: number }): Promise<HoldPage>;
  holdsOf(tenantId: string): Promise<readonly HoldRecord[]>;
  listHolds(filter: HoldFilter): Promise<HoldList>;
  /** Null when there is no such hold. */
  hold(holdId: string): Promise<HoldRecord | null>;
  /** How far the archive and the move of the tenant's runs are. */
  progress(tenantId: string): Promise<readonly RunProgress[]>;
  /** Freezes over everything and, with a tenant, over that tenant; also lifted ones. */
  freezes(tenantId?: string): Promise<readonly FreezeRecord[]>;
  /** When the cohorts that are due next can end under the caps, over all tenants. */
  forecast(): Promise<readonly ForecastAnswer[]>;
  /** Registered backups, newest first. */
  backups(): Promise<readonly BackupRecord[]>;
  caps(): Promise<readonly CapRecord[]>;
  /** Versions of the policy that came into force, the oldest first. */
  policyActivations(): Promise<readonly PolicyActivation[]>;
  /** Trips of the circuit breaker, open ones first. */
  trips(): Promise<readonly TripRecord[]>;
  /**
   * What the named requests would end, or all standing ones: read with a login that only reads.
   *
   * @throws LetheError UNKNOWN_TENANT, or UNKNOWN_REQUEST when one of them does not stand.
   */
  deletionPlan(tenantId: string, requestIds?: readonly string[]): Promise<DeletionPlan>;
  /** Requests and orders of a tenant. @throws LetheError UNKNOWN_TENANT */
  orders(tenantId: string): Promise<OrderOverview>;
  /** An order as it was signed; null when the tenant has none under that id. */
  signedOrder(
    tenantId: string,
    orderId: string,
  ): Promise<{ readonly document: string; readonly digest: string; readonly asOf: string } | null>;
  /** The registry of signers, ended keys too. */
  signers(): Promise<readonly SignerRecord[]>;
  /** Proposed changes of the registry, the newest first. */
  authorityChanges(): Promise<readonly AuthorityChange[]>;
  /** Rules of approvals, the one in force first. */
  approvalRules(): Promise<readonly ApprovalRule[]>;
  /** Whether releases, lifts, looser caps and resets need signatures now. */
  decisionsSigned(): Promise<boolean>;
  /** Signed decisions that were carried out, verified again. */
  signedDecisions(): Promise<DecisionAudit>;
  certificatesOf(tenantId: string): Promise<readonly CertificateSummary[]>;
  /** Null when there is no such certificate. */
  certificate(certificateId: string): Promise<StoredCertificate | null>;
}

/** How far the archive and the move of one run are. */
export interface RunProgress {
  readonly runId: string;
  readonly phase: 'sealing' | 'verifying' | 'moving' | 'moved';
  /** While a run is sealed nobody has counted what is left. */
  readonly rows: { readonly done: number; readonly left: number | null };
  readonly bytes: { readonly done: number; readonly left: number | null };
  /** Of the last minute. */
  readonly rowsPerSecond: number;
  /** Null while nothing moves, or while it is not known how much is left. */
  readonly estimatedEndAt: string | null;
  /** When live rows must have moved, so that backups in clear end before the promise does. */
  readonly moveBy: string;
  /** End of the run's first window; null when it is not known, or a hold is open. */
  readonly latestAt: string | null;
  /** `freeze`, `paused`, `quiet-hours`, `replica-lag`, `load`, the code of a cap or breaker that stopped it, or null. */
  readonly waitsFor: string | null;
  /** `tight`: less than a day would be left before one of the two instants. */
  readonly warning: PaceWarning | null;
  /** The estimate, or the present moment, lies behind one of the two instants. */
  readonly isLate: boolean;
}
