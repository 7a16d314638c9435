import { byInstant, later, type Nanoseconds } from '../instants';
import type { Period } from './facts';

/** What remains of several periods of use. */
export interface MergedUse {
  /** `none`: there was no period at all; `open`: still in use; `ended`: over. */
  readonly state: 'none' | 'open' | 'ended';
  /** Latest end reached; null unless the use ended. */
  readonly endedAt: Nanoseconds | null;
  /** Periods that came too late to continue the use. */
  readonly ignored: readonly Period[];
}

/**
 * Merges periods in order of their start. A period continues the use when it starts before the
 * instant at which the data of the use so far may be destroyed; from the first one that starts at or
 * after it, all are another use, of data that were not there before.
 *
 * @param earliestOf - earliest destruction by the termination rule alone after an end; the engine
 * passes the function of a cohort, so that one event is merged alike for all its members.
 * @source AB-2, CC-3
 */
export function mergeUse(
  periods: readonly Period[],
  earliestOf: (end: Nanoseconds) => Nanoseconds,
): MergedUse {
  const [first, ...rest] = [...periods].sort((a, b) => byInstant(a.start, b.start));
  if (first === undefined) return { state: 'none', endedAt: null, ignored: [] };
  let end = first.end;
  for (const [index, period] of rest.entries()) {
    if (end === null) break;
    if (period.start >= earliestOf(end)) {
      return { state: 'ended', endedAt: end, ignored: rest.slice(index) };
    }
    end = period.end === null ? null : later(end, period.end);
  }
  return { state: end === null ? 'open' : 'ended', endedAt: end, ignored: [] };
}
