import { HOUR, later, type Nanoseconds } from '../instants';
import type { PolicyParameters, RuleId } from '../retention-schedule';
import { addDays, addMonths, dateOf, endOfDay, type CivilDate } from './civil';
import type { Duty } from './derivation';

/** When an observation was made and which rules its kind is under. */
export interface Observation {
  readonly collectedAt: Nanoseconds;
  readonly statutoryLog: boolean;
}

/** Where and under which numbers days are counted. */
export interface Terms {
  readonly zone: string;
  readonly parameters: PolicyParameters;
}

/** A day that a rule asks for. */
export interface DatedRule {
  readonly rule: RuleId;
  readonly date: CivilDate;
}

/** Days before which an observation must be kept, whatever is asked. @source AB-1, CC-4 */
function minimumDays(observation: Observation, terms: Terms): readonly DatedRule[] {
  const { parameters, zone } = terms;
  const collectedOn = dateOf(observation.collectedAt, zone);
  const days: DatedRule[] = [{ rule: 'AB-1', date: addDays(collectedOn, parameters.minimumDays) }];
  if (observation.statutoryLog) {
    days.push({ rule: 'CC-4', date: addMonths(collectedOn, parameters.statutoryMonths) });
  }
  return days;
}

/** The latest day; of equal days the first one named. */
function latestDay(first: DatedRule, ...rest: readonly DatedRule[]): DatedRule {
  return rest.reduce((latest, day) => (day.date > latest.date ? day : latest), first);
}

/** The last day of the minimum, and the rule it comes from. @source AB-1 */
export function minimumDay(observation: Observation, terms: Terms): DatedRule {
  const [first, ...rest] = minimumDays(observation, terms) as [DatedRule, ...DatedRule[]];
  return latestDay(first, ...rest);
}

/** Due day of an observation after the last linked service ended, and the rule that decides it. */
function dueDayOfAsset(observation: Observation, endedAt: Nanoseconds, terms: Terms): DatedRule {
  const afterEnd = addDays(dateOf(endedAt, terms.zone), terms.parameters.afterTerminationDays);
  return latestDay({ rule: 'AB-3', date: afterEnd }, ...minimumDays(observation, terms));
}

/** Instant before which an observation is too young: civil days can be shorter than 24 hours. */
export const minimumElapsed = (observation: Observation, parameters: PolicyParameters): bigint =>
  observation.collectedAt + BigInt(parameters.minimumHours) * HOUR;

/** What the end of the services asks for an observation. @source AB-1, AB-3 */
export function assetTermination(
  observation: Observation,
  endedAt: Nanoseconds,
  terms: Terms,
): Duty {
  const due = dueDayOfAsset(observation, endedAt, terms);
  return {
    earliest: later(endOfDay(due.date, terms.zone), minimumElapsed(observation, terms.parameters)),
    latest: endOfDay(addDays(due.date, terms.parameters.windowDays), terms.zone),
    dueOn: due.date,
    rules: [due.rule],
  };
}

/** What the end of the Feature asks for configuration data. @source CC-3 */
export function featureTermination(endedAt: Nanoseconds, terms: Terms): Duty {
  const { parameters, zone } = terms;
  const due = addMonths(dateOf(endedAt, zone), parameters.afterFeatureEndMonths);
  return {
    earliest: endOfDay(due, zone),
    latest: endOfDay(addDays(due, parameters.windowDays), zone),
    dueOn: due,
    rules: ['CC-3'],
  };
}
