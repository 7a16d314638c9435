import { formatInstant } from '../instants';
import type { PolicyParameters } from '../retention-schedule';
import type { Unheld } from './combine';
import type { Facts } from './facts';
import type { Duty, Step } from './derivation';
import type { Duties } from './duties';
import type { RequestDuty } from './requests';
import type { PoliciesInForce } from './strictest';
import type { Terms } from './termination';
import type { WorkingDayCount } from './working-days';

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

/** Says what became of the periods of use. @source AB-2, CC-3 */
export function useSteps(facts: Facts, duties: Duties): readonly Step[] {
  const asset = facts.recordClass === 'asset-basic-data';
  const what = asset ? 'linked services' : 'Feature';
  const { state, endedAt, ignored } = duties.use;
  const steps: Step[] = [];
  if (state === 'none') {
    steps.push({ rule: asset ? 'AB-2' : 'CC-1', text: `No use of the ${what} is on record.` });
  } else if (endedAt === null) {
    steps.push({
      rule: asset ? 'AB-2' : 'CC-1',
      text: `The use of the ${what} goes on: its end asks for nothing yet.`,
    });
  } else {
    steps.push({
      rule: asset ? 'AB-2' : 'CC-3',
      text: `The use of the ${what} ended; the day of the end is not counted.`,
      at: formatInstant(endedAt),
    });
  }
  if (ignored.length > 0) {
    steps.push({
      rule: asset ? 'AB-2' : 'CC-3',
      text: `${plural(ignored.length, 'later period')} of use began after these data were due and ${ignored.length === 1 ? 'does' : 'do'} not continue their use.`,
    });
  }
  return steps;
}

/** Says when the termination rule alone lets the data go. @source AB-3, CC-3 */
export function terminationSteps(duty: Duty, { parameters }: Terms): readonly Step[] {
  const [rule = 'AB-3'] = duty.rules;
  const why: Partial<Record<typeof rule, string>> = {
    'AB-1': `The ${parameters.minimumDays}-day minimum ends last`,
    'AB-3': `The ${parameters.afterTerminationDays} days after the end of the services end last`,
    'CC-3': `${plural(parameters.afterFeatureEndMonths, 'month')} after the end of the Feature`,
    'CC-4': `The ${parameters.statutoryMonths} months of a statutory log end last`,
  };
  return [
    {
      rule,
      text: `${why[rule] ?? rule}: due when this day has ended.`,
      date: duty.dueOn,
      at: formatInstant(duty.earliest),
    },
    {
      rule,
      text: 'One more day is the window in which destruction happens; gone before this instant.',
      at: formatInstant(duty.latest),
    },
  ];
}

/** Says how the deciding request was counted. @source CC-2, DR-1 */
export function requestSteps(
  { duty, received }: NonNullable<Unheld['deciding']>,
  { parameters }: Terms,
): readonly Step[] {
  const [rule = 'CC-2'] = duty.rules;
  return [
    {
      rule,
      text: 'The deletion request decides; its day of receipt is not counted.',
      at: formatInstant(received),
    },
    ...duty.counts.map((count) => countStep(count, duty, parameters)),
    ...(duty.rules.includes('DR-1') ? minimumSteps(duty) : []),
    {
      rule,
      text: 'The request alone lets the data go from this instant.',
      date: duty.dueOn,
      at: formatInstant(duty.earliest),
    },
    {
      rule,
      text: 'The request alone wants the data gone before this instant.',
      at: formatInstant(duty.latest),
    },
  ];
}

function minimumSteps(duty: RequestDuty): readonly Step[] {
  const [, minimum] = duty.rules;
  if (minimum === undefined) return [];
  return [
    {
      rule: minimum,
      text: 'The minimum stands against the request until this day has ended.',
      date: duty.dueOn,
      at: formatInstant(duty.earliest),
    },
  ];
}

function countStep(
  count: WorkingDayCount,
  duty: Pick<RequestDuty, 'count' | 'counts'>,
  { requestWorkingDays, requestProvisionalWorkingDays }: PolicyParameters,
): Step {
  const fewer = plural(requestWorkingDays - requestProvisionalWorkingDays, 'day');
  const estimate = count.provisional
    ? ` The calendar is not published that far: ${fewer} fewer are counted, but not less than the settled part.`
    : '';
  const first = duty.counts.length > 1 ? 'end first and decide' : 'decide';
  const verdict = count === duty.count ? first : 'do not end before those that decide';
  return {
    rule: 'CC-2',
    text: `${plural(count.counted, 'working day')} in calendar ${count.calendar} ${verdict}.${estimate}`,
    date: count.lastDay,
    counted: count.counted,
    skipped: count.skipped,
    madeUp: count.madeUp,
  };
}

/** Says which versions of the policy count, where there is more than one. @source CC-4 */
export function policySteps(policies: PoliciesInForce, unheld: Unheld): readonly Step[] {
  const [rule] = unheld.rule;
  if (policies.length === 1 || rule === undefined || unheld.latest === null) return [];
  const versions = policies.map(({ version }) => version).join(', ');
  const steps: Step[] = [
    {
      rule,
      text: `In force since the obligation began: ${versions}. The latest beginning and the earliest end of them count.`,
      at: formatInstant(unheld.latest),
    },
  ];
  if (unheld.requiredByLaw) {
    steps.push({
      rule: 'CC-4',
      text: 'The law asks for longer keeping than an earlier version promised: the end of the version that keeps longest stands.',
      at: formatInstant(unheld.latest),
    });
  }
  return steps;
}
