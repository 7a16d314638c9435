import { LetheError } from '../errors';
import { parseInstant, type Nanoseconds } from '../instants';
import type { Duty } from './derivation';
import { readPeriods, readRequests, type Facts, type Request } from './facts';
import { mergeUse, type MergedUse } from './merge-use';
import {
  assetRequest,
  configurationRequest,
  type RequestDuty,
  type RequestTerms,
} from './requests';
import {
  forEachPolicy,
  strictestDuty,
  strictestParameters,
  type PoliciesInForce,
  type StrictestDuty,
} from './strictest';
import { assetTermination, featureTermination, type Observation } from './termination';
import { chooseCalendars, namedCalendars, type CalendarSet } from './working-calendar';

/** Everything besides the facts that a window depends on; all of it is recorded with the window. */
export interface WindowContext {
  readonly policies: PoliciesInForce;
  readonly calendars: CalendarSet;
  /** Version of the time zone database of this process. */
  readonly tzdata: string;
}

/** What the termination rule and the requests ask for, before they are combined. */
export interface Duties {
  readonly use: MergedUse;
  /** Null while the use is open, and when there never was any. */
  readonly termination: StrictestDuty<Duty> | null;
  /** Requests that cover the record, in order of receipt. */
  readonly requests: readonly Request[];
  readonly dutyOf: (request: Request) => StrictestDuty<RequestDuty>;
  /** The stricter of each number, for what is not counted once for each version. */
  readonly terms: RequestTerms;
}

/**
 * Reads the facts and works out what each rule alone asks for, by the strictest of the versions in force.
 *
 * @throws LetheError INVALID_INSTANT or INVALID_CALENDAR naming the field.
 */
export function dutiesOf(facts: Facts, context: WindowContext): Duties {
  const requests = readRequests(facts.deletionRequests);
  const choose = requests.length > 0 ? chooseCalendars : namedCalendars;
  const common = { zone: facts.zone, calendars: choose(facts.calendars, context.calendars) };
  const terms: RequestTerms = { ...common, parameters: strictestParameters(context.policies) };
  const strictest = <D extends Duty>(rule: (terms: RequestTerms) => D): StrictestDuty<D> =>
    strictestDuty(
      forEachPolicy(context.policies, ({ parameters }) => rule({ ...common, parameters })),
    );
  if (facts.recordClass === 'console-configuration-data') {
    const terminationAt = (end: Nanoseconds): StrictestDuty<Duty> =>
      strictest((own) => featureTermination(end, own));
    return {
      ...used(readPeriods(facts.featurePeriods, 'featurePeriods'), terminationAt),
      requests,
      dutyOf: ({ received }) => strictest((own) => configurationRequest(received, own)),
      terms,
    };
  }
  const observation: Observation = {
    collectedAt: parseInstant(facts.collectedAt, 'collectedAt'),
    statutoryLog: facts.statutoryLog,
  };
  const terminationAt = (end: Nanoseconds): StrictestDuty<Duty> =>
    strictest((own) => assetTermination(observation, end, own));
  return {
    ...used(readPeriods(facts.links, 'links'), terminationAt),
    requests: requests.filter(({ received }) => observation.collectedAt <= received),
    dutyOf: ({ received }) => strictest((own) => assetRequest(received, observation, own)),
    terms,
  };
}

function used(
  periods: Parameters<typeof mergeUse>[0],
  terminationAt: (end: Nanoseconds) => StrictestDuty<Duty>,
): Pick<Duties, 'use' | 'termination'> {
  const use = mergeUse(periods, (end) => terminationAt(end).earliest);
  return { use, termination: use.endedAt === null ? null : terminationAt(use.endedAt) };
}

/**
 * Refuses an observation made after the use of every linked service had ended. Who explains facts
 * has mistyped one then; the engine does not ask, because a late-reported end makes such records.
 *
 * @throws LetheError INVALID_INPUT naming `collectedAt`.
 * @source AB-2
 */
export function assertObservedDuringUse(facts: Facts, context: WindowContext): void {
  if (facts.recordClass !== 'asset-basic-data') return;
  const { endedAt } = dutiesOf(facts, context).use;
  if (endedAt === null || parseInstant(facts.collectedAt, 'collectedAt') <= endedAt) return;
  throw new LetheError(
    'INVALID_INPUT',
    'collectedAt must not be later than the end of the use of the linked services; correct collectedAt or links',
    { field: 'collectedAt' },
  );
}
