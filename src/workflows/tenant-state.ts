import type { LifecycleSnapshot } from '../contracts/snapshot';

/** What the tenant's process carries through continue-as-new: plain JSON, bounded. */
export interface TenantState {
  /** Version of this shape; older ones are converted on entry, never refused. */
  readonly stateSchema: 1;
  readonly snapshot: LifecycleSnapshot | null;
  /** Code of what a person must look at; null or absent: nothing. */
  readonly alarm?: string | null;
}

/** Input of the tenant's process. */
export interface TenantLifecycleInput {
  readonly tenantId: string;
  readonly state?: TenantState;
}

/** True when `next` is the newer reading of the facts; readings can arrive out of order. */
export function isNewer(current: LifecycleSnapshot | null, next: LifecycleSnapshot): boolean {
  if (current === null || next.revision > current.revision) return true;
  return next.revision === current.revision && next.asOf >= current.asOf;
}
