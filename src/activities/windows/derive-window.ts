import type { WindowContext } from '../../domain/windows/duties';
import { computeStrayWindow } from '../../domain/windows/stray';
import { computeWindow, type Window } from '../../domain/windows/window';
import type { DerivedWindow, DeriveWindow } from '../../contracts/windows';

/**
 * Binds calendars, policy and time zone rules of this machine to the pure window function. It runs in
 * activities only: two machines may know different rules, so a result is recorded and never recomputed
 * on replay.
 */
export function bindDeriveWindow(context: WindowContext): DeriveWindow {
  return (facts, discoveredAt = null) =>
    asDerived(
      discoveredAt === null
        ? computeWindow(facts, context)
        : computeStrayWindow(facts, discoveredAt, context),
    );
}

function asDerived(window: Window): DerivedWindow {
  return {
    earliestAt: window.earliestAt,
    deleteNotBefore: window.deleteNotBefore,
    latestAt: window.latestAt,
    provisional: window.provisional,
    breaches: window.breaches,
    because: window.rule[0] ?? 'AB-2',
    dueOn: window.dueOn,
    baseEarliestAt: window.base?.earliestAt ?? null,
    derivation: {
      steps: window.steps,
      rules: window.rule,
      lastDay: window.lastDay,
      policyVersion: window.policyVersion,
      calendarVersions: window.calendarVersions,
      tzdata: window.tzdata,
    },
  };
}
