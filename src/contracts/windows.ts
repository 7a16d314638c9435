import type { Facts } from '../domain/windows/facts';

/** A window with what led to it; instants UTC, null when nothing is due or a hold is open. */
export interface DerivedWindow {
  readonly earliestAt: string | null;
  readonly deleteNotBefore: string | null;
  readonly latestAt: string | null;
  readonly provisional: boolean;
  readonly breaches: readonly string[];
  /** The rule that decides, e.g. `AB-3`. */
  readonly because: string;
  /** Civil day on which it is due; null while nothing is. */
  readonly dueOn: string | null;
  /** `earliest` of the termination rule alone: a period that starts before it continues the use. */
  readonly baseEarliestAt: string | null;
  /** Rules, dates and versions, as plain JSON. */
  readonly derivation: Readonly<Record<string, unknown>>;
}

/**
 * Computes a window; calendars, zone rules and policy are bound by the composition root.
 * `discoveredAt` is given for what was found stored outside every run.
 */
export type DeriveWindow = (facts: Facts, discoveredAt?: string | null) => DerivedWindow;
