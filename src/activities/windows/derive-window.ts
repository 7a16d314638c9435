import type { PinnedPolicy, PolicyShelf } from '../../domain/retention-schedule';
import { LetheError } from '../../domain/errors';
import { formatInstant, parseInstant } from '../../domain/instants';
import type { WindowContext } from '../../domain/windows/duties';
import type { Facts } from '../../domain/windows/facts';
import { computeStrayWindow } from '../../domain/windows/stray';
import { strictestParameters, type PoliciesInForce } from '../../domain/windows/strictest';
import { minimumElapsed } from '../../domain/windows/termination';
import { computeWindow, type Window } from '../../domain/windows/window';
import type { DerivedWindow, DeriveWindow } from '../../contracts/windows';

/** What a window depends on that a machine has: its policies, calendars and time zone rules. */
export type DerivationBasis = Omit<WindowContext, 'policies'> & { readonly policies: PolicyShelf };

/**
 * Binds calendars, policies and time zone rules of this machine to the pure window function. It runs in
 * activities only: two machines may know different rules, so a result is recorded and never recomputed
 * on replay.
 *
 * @throws LetheError CONFIGURATION_INVALID when a version in force is not known here: its numbers may be
 * stricter than all that are, so nothing is computed without it.
 */
export function bindDeriveWindow(basis: DerivationBasis): DeriveWindow {
  return (facts, { discoveredAt, policyVersions }) => {
    const context = { ...basis, policies: inForce(basis.policies, policyVersions) };
    const window =
      discoveredAt === null
        ? computeWindow(facts, context)
        : computeStrayWindow(facts, discoveredAt, context);
    return asDerived(window, minimumOf(facts, context.policies));
  };
}

function inForce(shelf: PolicyShelf, versions: readonly number[]): PoliciesInForce {
  const [first, ...rest] = versions.map((version) => known(shelf, version));
  if (first === undefined) throw new RangeError('an obligation is under at least one policy');
  return [first, ...rest];
}

function known(shelf: PolicyShelf, version: number): PinnedPolicy {
  const policy = shelf.get(version);
  if (policy !== undefined) return policy;
  throw new LetheError(
    'CONFIGURATION_INVALID',
    `policies: version ${version} is in force and this build does not know it; deploy the build that reviewed it`,
    { field: 'policies' },
  );
}

/** The minimum as elapsed time, for the key store's own floor. @source AB-1 */
function minimumOf(facts: Facts, policies: PoliciesInForce): string | null {
  if (facts.recordClass !== 'asset-basic-data') return null;
  const collectedAt = parseInstant(facts.collectedAt, 'collectedAt');
  const observation = { collectedAt, statutoryLog: facts.statutoryLog };
  return formatInstant(minimumElapsed(observation, strictestParameters(policies)));
}

function asDerived(window: Window, minimumAt: string | null): DerivedWindow {
  return {
    earliestAt: window.earliestAt,
    deleteNotBefore: window.deleteNotBefore,
    latestAt: window.latestAt,
    provisional: window.provisional,
    requiredByLaw: window.requiredByLaw,
    breaches: window.breaches,
    because: window.rule[0] ?? 'AB-2',
    dueOn: window.dueOn,
    baseEarliestAt: window.base?.earliestAt ?? null,
    minimumAt,
    derivation: {
      steps: window.steps,
      rules: window.rule,
      lastDay: window.lastDay,
      policyVersion: window.policyVersion,
      policyVersions: window.policyVersions,
      calendarVersions: window.calendarVersions,
      tzdata: window.tzdata,
    },
  };
}
