import type { PinnedPolicy, PolicyParameters } from '../retention-schedule';
import type { Duty } from './derivation';

/** Versions of the policy that have been in force since an obligation began, the oldest first; never none. */
export type PoliciesInForce = readonly [PinnedPolicy, ...PinnedPolicy[]];

/** Anything that happens once for each version; never none. */
type OneForEach<T> = readonly [T, ...T[]];

/** Applies the same rule to every version. */
export const forEachPolicy = <T>(
  policies: PoliciesInForce,
  rule: (policy: PinnedPolicy) => T,
): OneForEach<T> => {
  const [first, ...rest] = policies;
  return [rule(first), ...rest.map(rule)];
};

/** What several versions ask for together. */
export type StrictestDuty<D extends Duty> = D & {
  /** True when the law asks for longer keeping than the end that another version promised. */
  readonly requiredByLaw: boolean;
};

/**
 * What several versions of the policy ask for together: never earlier than one promised, never later.
 * The latest beginning and the earliest end count. Only the law can leave no time between the two,
 * because nothing else may lengthen a minimum; then the end of the version that keeps longest stands.
 *
 * @param duties - of each version, from the same facts.
 * @source CC-4
 */
export function strictestDuty<D extends Duty>(duties: OneForEach<D>): StrictestDuty<D> {
  const ends = duties.reduce((a, b) => (b.latest < a.latest ? b : a));
  const keeps = duties.reduce((a, b) => (isKeptLonger(b, a) ? b : a));
  const { earliest, dueOn, rules } = keeps;
  const requiredByLaw = ends.latest <= earliest;
  const latest = requiredByLaw ? keeps.latest : ends.latest;
  return { ...ends, earliest, latest, dueOn, rules, requiredByLaw };
}

/** Of two that begin alike the one that ends first is meant. */
const isKeptLonger = (one: Duty, other: Duty): boolean =>
  one.earliest === other.earliest ? one.latest < other.latest : one.earliest > other.earliest;

/** Whether the larger or the smaller number of two versions is the stricter one. */
const STRICTER: Readonly<Record<keyof PolicyParameters, (a: number, b: number) => number>> =
  Object.freeze({
    minimumDays: Math.max,
    minimumHours: Math.max,
    afterTerminationDays: Math.max,
    afterFeatureEndMonths: Math.max,
    requestWorkingDays: Math.min,
    requestProvisionalWorkingDays: Math.min,
    windowDays: Math.min,
    afterHoldDays: Math.min,
    guardHours: Math.max,
    coolingOffDays: Math.max,
    internalRequestStopDays: Math.min,
    statutoryMonths: Math.max,
    strayDays: Math.min,
    lastPublishedYear: Math.max,
  });

/** The stricter number of each parameter, for what is not counted once for each version. @source CC-4 */
export function strictestParameters(policies: PoliciesInForce): PolicyParameters {
  const [first, ...rest] = policies;
  return rest.reduce((strictest, { parameters }) => merge(strictest, parameters), first.parameters);
}

function merge(a: PolicyParameters, b: PolicyParameters): PolicyParameters {
  const names = Object.keys(STRICTER) as (keyof PolicyParameters)[];
  return Object.fromEntries(
    names.map((name) => [name, STRICTER[name](a[name], b[name])]),
  ) as unknown as PolicyParameters;
}
