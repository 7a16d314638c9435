import { later, type Nanoseconds } from '../instants';
import { addDays, dateOf, endOfDay } from './civil';
import type { Duty } from './derivation';
import type { Request } from './facts';
import { minimumDay, minimumElapsed, type Observation, type Terms } from './termination';
import type { WorkingCalendar } from './working-calendar';
import { countWorkingDays, strictestCount, type WorkingDayCount } from './working-days';

/** What a deletion request asks for, with the count that gave its last day. */
export interface RequestDuty extends Duty {
  readonly count: WorkingDayCount;
  readonly counts: readonly WorkingDayCount[];
}

/** Terms that also say in which calendars working days are counted; at least one. */
export interface RequestTerms extends Terms {
  readonly calendars: readonly WorkingCalendar[];
}

/**
 * What a request for configuration data asks for: at once, and by the end of the last working day
 * of the calendar that ends first.
 *
 * @throws LetheError INVALID_CALENDAR when a calendar has no data for the day of receipt.
 * @source CC-2
 */
export function configurationRequest(received: Nanoseconds, terms: RequestTerms): RequestDuty {
  const receivedOn = dateOf(received, terms.zone);
  const counts = terms.calendars.map((calendar) =>
    countWorkingDays(receivedOn, calendar, terms.parameters),
  );
  const count = strictestCount(counts);
  if (count === undefined) throw new RangeError('a request is counted in at least one calendar');
  return {
    earliest: received,
    latest: endOfDay(count.lastDay, terms.zone),
    dueOn: receivedOn,
    rules: ['CC-2'],
    count,
    counts,
  };
}

/**
 * What a request for asset data asks for: the minimum stands, then the time of a configuration
 * request, and never less than the window after the minimum.
 *
 * @throws LetheError INVALID_CALENDAR when a calendar has no data for the day of receipt.
 * @source DR-1, AB-1
 */
export function assetRequest(
  received: Nanoseconds,
  observation: Observation,
  terms: RequestTerms,
): RequestDuty {
  const { parameters, zone } = terms;
  const asked = configurationRequest(received, terms);
  const minimum = minimumDay(observation, terms);
  const waits = minimum.date >= asked.dueOn;
  return {
    ...asked,
    earliest: later(
      later(received, endOfDay(minimum.date, zone)),
      minimumElapsed(observation, parameters),
    ),
    latest: later(endOfDay(addDays(minimum.date, parameters.windowDays), zone), asked.latest),
    dueOn: waits ? minimum.date : asked.dueOn,
    rules: waits ? ['DR-1', minimum.rule] : ['DR-1'],
  };
}

/** A withdrawn request that had its turn: no request before it stood when it was withdrawn. */
export interface GovernedRequest extends Request {
  readonly withdrawn: Nanoseconds;
}

/** Which request decides, and which withdrawn ones decided before it. */
export interface Succession {
  readonly deciding: Request | null;
  readonly governed: readonly GovernedRequest[];
}

/**
 * The first request received that stands decides. A withdrawn one decided for a while unless an
 * earlier one stood all the time until it was withdrawn itself.
 *
 * @param requests - in order of receipt.
 */
export function successionOf(requests: readonly Request[]): Succession {
  const governed: GovernedRequest[] = [];
  let freeSince: Nanoseconds | null = null;
  for (const request of requests) {
    const { received, withdrawn } = request;
    if (withdrawn === null) return { deciding: request, governed };
    const since: Nanoseconds = freeSince === null ? received : later(received, freeSince);
    if (since < withdrawn) governed.push({ received, withdrawn });
    freeSince = freeSince === null ? withdrawn : later(freeSince, withdrawn);
  }
  return { deciding: null, governed };
}
