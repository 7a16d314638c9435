import { DAY, HOUR, byInstant, earlier, formatInstant, later, type Nanoseconds } from '../instants';
import type { RuleId } from '../retention-schedule';
import type { CivilDate } from './civil';
import type { Duty, Step } from './derivation';
import { combine, combineDuties, type Unheld } from './combine';
import { dutiesOf, type Duties, type WindowContext } from './duties';
import { readHolds, type Facts, type HoldPeriod } from './facts';
import { foldHolds, type HeldEnds } from './holds';
import { policySteps, requestSteps, terminationSteps, useSteps } from './narrate';
import { successionOf } from './requests';
import { namedCalendars } from './working-calendar';

/** The termination rule's answer alone: whether a later period of use still continues the old one. */
export interface BaseWindow {
  readonly earliestAt: string;
  readonly latestAt: string;
  readonly dueOn: CivilDate;
}

/** When a record must be destroyed, and why. Instants are UTC texts. */
export interface Window {
  /** Nothing is destroyed before; null when nothing is due or a hold is open. */
  readonly earliestAt: string | null;
  /** `earliestAt` plus the guard and, for requests, the cooling-off: when destruction may start. */
  readonly deleteNotBefore: string | null;
  /** Nothing is left at or after this instant. */
  readonly latestAt: string | null;
  /** Last working day of the deciding request; null without one. */
  readonly lastDay: CivilDate | null;
  readonly provisional: boolean;
  /** Promised instants that had passed when a hold came or a request was withdrawn. */
  readonly breaches: readonly string[];
  readonly steps: readonly Step[];
  /** The newest version of the policy that counts. */
  readonly policyVersion: string;
  /** All versions that count, the oldest first: those in force since the obligation began. */
  readonly policyVersions: readonly string[];
  /** True when the law makes `latestAt` later than a version of the policy promised. */
  readonly requiredByLaw: boolean;
  readonly calendarVersions: readonly string[];
  readonly tzdata: string;
  /** Civil day that names the cohort; null when nothing is due. Holds do not move it. */
  readonly dueOn: CivilDate | null;
  /** Rules that decide, the most important one first. */
  readonly rule: readonly RuleId[];
  readonly base: BaseWindow | null;
}

/**
 * The window of one record, or of a cohort when `collectedAt` is that of its newest member. The same
 * function serves the engine, the CLI and previews; equal arguments give equal windows.
 *
 * @throws LetheError INVALID_INSTANT or INVALID_CALENDAR naming the field.
 * @source AB-1, AB-2, AB-3, CC-2, CC-3, CC-4, DR-1
 */
export function computeWindow(facts: Facts, context: WindowContext): Window {
  const duties = dutiesOf(facts, context);
  const unheld = combineDuties(duties);
  return finishWindow({ facts, context, duties, unheld });
}

/** What finishWindow works on. */
export interface Unfinished {
  readonly facts: Facts;
  readonly context: WindowContext;
  readonly duties: Duties;
  readonly unheld: Unheld;
  /** Steps that led to `unheld` beyond those of the rules themselves. */
  readonly extraSteps?: readonly Step[];
  /** Promised instants that had passed before anybody knew. */
  readonly missed?: readonly Nanoseconds[];
}

/** Folds the holds in, adds guard and cooling-off, and writes the derivation down. */
export function finishWindow(unfinished: Unfinished): Window {
  const { facts, context, duties, unheld, extraSteps = [], missed = [] } = unfinished;
  const holds = readHolds(facts.holds);
  const withdrawn = withdrawnSteps(duties, holds);
  const held = foldHolds(unheld, holds, duties.terms);
  const start = destructionStart(unheld, held, duties);
  return {
    earliestAt: written(held.earliest),
    deleteNotBefore: written(start),
    latestAt: written(held.latest),
    lastDay: unheld.deciding?.duty.count.lastDay ?? null,
    provisional: unheld.deciding?.duty.count.provisional ?? false,
    breaches: [...new Set([...withdrawn.breaches, ...held.breaches, ...missed])]
      .sort(byInstant)
      .map(formatInstant),
    steps: [
      ...useSteps(facts, duties),
      ...(duties.termination === null ? [] : terminationSteps(duties.termination, duties.terms)),
      ...withdrawn.steps,
      ...decidingSteps(facts, duties, unheld),
      ...policySteps(context.policies, unheld),
      ...extraSteps,
      ...held.steps,
      ...startSteps(start, unheld, duties),
    ],
    policyVersion: (context.policies.at(-1) ?? context.policies[0]).version,
    policyVersions: context.policies.map(({ version }) => version),
    requiredByLaw: unheld.requiredByLaw,
    calendarVersions: namedCalendars(facts.calendars, context.calendars).map((c) => c.version),
    tzdata: context.tzdata,
    dueOn: unheld.dueOn,
    rule: decidingRules(unheld, held),
    base: duties.termination === null ? null : baseOf(duties.termination),
  };
}

/** The deciding rules once each, and the one that a hold stands on. */
const decidingRules = (unheld: Unheld, held: HeldEnds): readonly RuleId[] => [
  ...new Set<RuleId>([...unheld.rule, ...(held.steps.length > 0 ? (['CC-4'] as const) : [])]),
];

const written = (instant: Nanoseconds | null): string | null =>
  instant === null ? null : formatInstant(instant);

const baseOf = (termination: Duty): BaseWindow => ({
  earliestAt: formatInstant(termination.earliest),
  latestAt: formatInstant(termination.latest),
  dueOn: termination.dueOn,
});

/**
 * A request waits for its cooling-off unless the termination rule lets the data go sooner; the guard
 * keeps clear of clocks and time zone data that differ between machines.
 */
function destructionStart(unheld: Unheld, held: HeldEnds, duties: Duties): Nanoseconds | null {
  if (held.earliest === null) return null;
  const { parameters } = duties.terms;
  const guard = BigInt(parameters.guardHours) * HOUR;
  if (unheld.deciding === null) return held.earliest + guard;
  const cooled = unheld.deciding.received + BigInt(parameters.coolingOffDays) * DAY;
  const awaited =
    duties.termination === null ? cooled : earlier(cooled, duties.termination.earliest);
  return later(held.earliest, awaited) + guard;
}

function withdrawnSteps(
  duties: Duties,
  holds: readonly HoldPeriod[],
): { readonly breaches: readonly Nanoseconds[]; readonly steps: readonly Step[] } {
  const breaches: Nanoseconds[] = [];
  const steps: Step[] = [];
  for (const request of successionOf(duties.requests).governed) {
    const duty = duties.dutyOf(request);
    const window = combine(duties.termination, duty) ?? duty;
    const known = holds.filter((hold) => hold.placed < request.withdrawn);
    const held = foldHolds(window, known, duties.terms);
    const missed = held.latest !== null && request.withdrawn >= held.latest ? held.latest : null;
    breaches.push(...held.breaches, ...(missed === null ? [] : [missed]));
    steps.push({
      rule: duty.rules[0] ?? 'CC-2',
      text: `The request of ${formatInstant(request.received)} was withdrawn and counts as not made${missed === null ? '' : `, but ${formatInstant(missed)} had passed and stays recorded as missed`}.`,
      at: formatInstant(request.withdrawn),
    });
  }
  return { breaches, steps };
}

function decidingSteps(facts: Facts, duties: Duties, unheld: Unheld): readonly Step[] {
  const steps: Step[] = [];
  const rule = facts.recordClass === 'asset-basic-data' ? 'DR-1' : 'CC-2';
  if (duties.requests.length < facts.deletionRequests.length) {
    steps.push({
      rule,
      text: 'A request received before the observation was made does not cover it.',
    });
  }
  if (unheld.deciding === null) {
    if (unheld.earliest === null) steps.push({ rule, text: 'Nothing is due.' });
    return steps;
  }
  steps.push(...requestSteps(unheld.deciding, duties.terms));
  if (duties.termination !== null && unheld.latest !== null) {
    steps.push({
      rule,
      text: 'Request and end of use together: the earlier of both, for each end.',
      at: formatInstant(unheld.latest),
    });
  }
  return steps;
}

function startSteps(start: Nanoseconds | null, unheld: Unheld, duties: Duties): readonly Step[] {
  const [rule] = unheld.rule;
  if (start === null || rule === undefined) return [];
  const { guardHours, coolingOffDays } = duties.terms.parameters;
  const cooling =
    unheld.deciding === null ? '' : ` and at most ${coolingOffDays} days of cooling-off`;
  return [
    {
      rule,
      text: `Destruction may start after a guard of ${guardHours} hours${cooling}.`,
      at: formatInstant(start),
    },
  ];
}
