import type { OrderState, Page, PageLevel, RequestState } from '../domain/deletion-request';
import type { RecordClass } from '../domain/record-class';

/** An order as people see it; its signed text stays in control. */
export interface OrderRecord {
  readonly orderId: string;
  readonly tenantId: string;
  readonly requestIds: readonly string[];
  readonly scope: readonly RecordClass[];
  readonly state: OrderState;
  /** SHA-256 of the signed order, which approvals name. */
  readonly digest: string;
  readonly planDigest: string;
  readonly reason: string;
  readonly signerKid: string;
  readonly orderedBy: string;
  readonly issuedAt: string;
  readonly submittedAt: string;
  /** An order that nobody approved by then has expired. */
  readonly approveUntil: string;
  readonly expiresAt: string;
  readonly approvedBy: readonly string[];
  readonly approvedAt: string | null;
  readonly stopped: { readonly by: string; readonly at: string; readonly reason: string } | null;
}

/** A deletion request as people see it. */
export interface RequestRecord {
  readonly requestId: string;
  readonly recordClass: RecordClass;
  readonly receivedAt: string;
  readonly withdrawnAt: string | null;
  readonly state: RequestState;
  /** Contractual end of what it covers; null while it is not known, over, or a hold is open. */
  readonly latestAt: string | null;
  /** The order in force, or the newest one; null without any. */
  readonly orderId: string | null;
  /** Something of it waits, and no approved order covers it. */
  readonly waitsForOrder: boolean;
  /** When somebody is called next because nobody approved it. */
  readonly nextPage: Page | null;
  readonly paged: readonly PageLevel[];
}

/** A tenant's requests and orders. */
export interface OrderOverview {
  readonly tenantId: string;
  readonly asOf: string;
  readonly requests: readonly RequestRecord[];
  readonly orders: readonly OrderRecord[];
}
