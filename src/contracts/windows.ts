import type { Facts } from '../domain/windows/facts';

/** A window with what led to it; instants UTC, null when nothing is due or a hold is open. */
export interface DerivedWindow {
  readonly earliestAt: string | null;
  readonly deleteNotBefore: string | null;
  readonly latestAt: string | null;
  readonly provisional: boolean;
  /** True when the law makes `latestAt` later than a version of the policy promised. */
  readonly requiredByLaw: boolean;
  readonly breaches: readonly string[];
  /** The rule that decides, e.g. `AB-3`. */
  readonly because: string;
  /** Civil day on which it is due; null while nothing is. */
  readonly dueOn: string | null;
  /** `earliest` of the termination rule alone: a period that starts before it continues the use. */
  readonly baseEarliestAt: string | null;
  /** No version of the policy lets the observation go before, whatever is asked; null for configuration. */
  readonly minimumAt: string | null;
  /** Rules, dates and versions, as plain JSON. */
  readonly derivation: Readonly<Record<string, unknown>>;
}

/** What a window depends on beside the facts themselves. */
export interface Circumstances {
  /** When it was found stored outside every run; null for what belongs to one. */
  readonly discoveredAt: string | null;
  /** Versions of the policy in force since the obligation began, the oldest first. */
  readonly policyVersions: readonly number[];
}

/** Computes a window; calendars, zone rules and known policies are bound by the composition root. */
export type DeriveWindow = (facts: Facts, circumstances: Circumstances) => DerivedWindow;
