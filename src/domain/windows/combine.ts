import { earlier, type Nanoseconds } from '../instants';
import type { RuleId } from '../retention-schedule';
import type { CivilDate } from './civil';
import type { Duty } from './derivation';
import type { Duties } from './duties';
import type { Ends } from './holds';
import { successionOf, type RequestDuty } from './requests';

/** The rules' answer before holds. */
export interface Unheld extends Ends {
  readonly dueOn: CivilDate | null;
  readonly rule: readonly RuleId[];
  readonly deciding: { readonly received: Nanoseconds; readonly duty: RequestDuty } | null;
  /** True when a rule that counts ends later than a version promised, because the law says so. */
  readonly requiredByLaw: boolean;
}

/** The earlier of both, for each end: a request never delays, and never extends. */
export function combine(termination: Duty | null, request: Duty | null): Duty | null {
  if (termination === null || request === null) return termination ?? request;
  const [first, second] =
    request.earliest < termination.earliest ? [request, termination] : [termination, request];
  return {
    earliest: first.earliest,
    latest: earlier(termination.latest, request.latest),
    dueOn: first.dueOn < second.dueOn ? first.dueOn : second.dueOn,
    rules: [...new Set([...first.rules, ...(second.latest < first.latest ? second.rules : [])])],
  };
}

const NOTHING_DUE = {
  earliest: null,
  latest: null,
  dueOn: null,
  rule: [],
  requiredByLaw: false,
} as const;

/** Combines what the termination rule and the deciding request ask for. */
export function combineDuties(duties: Duties): Unheld {
  const { deciding: request } = successionOf(duties.requests);
  const deciding =
    request === null ? null : { received: request.received, duty: duties.dutyOf(request) };
  const duty = combine(duties.termination, deciding === null ? null : deciding.duty);
  if (duty === null) return { ...NOTHING_DUE, deciding };
  const { earliest, latest, dueOn, rules } = duty;
  const requiredByLaw = [duties.termination, deciding?.duty ?? null].some(
    (one) => one?.latest === latest && one.requiredByLaw,
  );
  return { earliest, latest, dueOn, rule: rules, deciding, requiredByLaw };
}
