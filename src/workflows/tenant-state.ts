import type { Command } from '../contracts/commands';
import type { LifecycleSnapshot } from '../contracts/snapshot';

/** What the tenant's process carries through continue-as-new: plain JSON, bounded. */
export interface TenantState {
  /** Version of this shape; older ones are converted on entry, never refused. */
  readonly stateSchema: 1;
  readonly snapshot: LifecycleSnapshot | null;
  /** Code of what a person must look at; null or absent: nothing. */
  readonly alarm?: string | null;
  /** Signalled commands that wait to be carried out, in the order of their arrival; at most `CARRIED_MAX`. */
  readonly queued?: readonly Command[];
  /** Facts changed and were not read again. */
  readonly refreshWanted?: boolean;
}

/** Waiting commands that one start takes along: about 400 B each, and a payload ends at 2 MiB. */
export const CARRIED_MAX = 2_500;

/** Input of the tenant's process. */
export interface TenantLifecycleInput {
  readonly tenantId: string;
  readonly state?: TenantState;
}

const NOTHING: Required<TenantState> = {
  stateSchema: 1,
  snapshot: null,
  alarm: null,
  queued: [],
  refreshWanted: false,
};

/** What the process starts with: nothing, or what the run before it carried; fields may be absent there. */
export function taken(state: TenantState | undefined): Required<TenantState> {
  return { ...NOTHING, ...state };
}

/** True when `next` is the newer reading of the facts; readings can arrive out of order. */
export function isNewer(current: LifecycleSnapshot | null, next: LifecycleSnapshot): boolean {
  if (current === null || next.revision > current.revision) return true;
  return next.revision === current.revision && next.asOf >= current.asOf;
}
