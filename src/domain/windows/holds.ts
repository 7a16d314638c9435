import { formatInstant, later, type Nanoseconds } from '../instants';
import { addDays, dateOf, endOfDay } from './civil';
import type { Step } from './derivation';
import type { HoldPeriod } from './facts';
import type { Terms } from './termination';

/** Both ends of a window; null where it has none because nothing is due or a hold is open. */
export interface Ends {
  readonly earliest: Nanoseconds | null;
  readonly latest: Nanoseconds | null;
}

/** A window after its holds. */
export interface HeldEnds extends Ends {
  /** True when a hold is open: both ends are infinite, whatever came before or comes after. */
  readonly open: boolean;
  /** Each `latest` that had passed when a hold was placed. */
  readonly breaches: readonly Nanoseconds[];
  readonly steps: readonly Step[];
}

/**
 * Folds holds into a window in order of placement: destruction waits for the release and then has
 * the days after it. A hold that comes too late is honoured all the same, but what was promised
 * before it stays on record as missed.
 *
 * @param holds - in order of placement.
 * @source CC-4
 */
export function foldHolds(window: Ends, holds: readonly HoldPeriod[], terms: Terms): HeldEnds {
  const breaches: Nanoseconds[] = [];
  const steps: Step[] = [];
  let { earliest, latest } = window;
  let open = false;
  for (const hold of holds) {
    if (latest !== null && hold.placed >= latest) {
      breaches.push(latest);
      steps.push(lateHold(hold, latest));
    }
    if (hold.released === null) {
      open = true;
      [earliest, latest] = [null, null];
      steps.push(openHold(hold));
    } else if (earliest !== null && latest !== null) {
      const due = endOfDay(
        addDays(dateOf(hold.released, terms.zone), terms.parameters.afterHoldDays),
        terms.zone,
      );
      earliest = later(earliest, hold.released);
      latest = later(latest, due);
      steps.push(closedHold(hold.released, due, terms));
    }
  }
  return { earliest, latest, open, breaches, steps };
}

const lateHold = (hold: HoldPeriod, latest: Nanoseconds): Step => ({
  rule: 'CC-4',
  text: `The hold of ${formatInstant(hold.placed)} was placed at or after the latest instant of destruction; it is honoured, and that instant stays recorded as missed.`,
  at: formatInstant(latest),
});

const openHold = (hold: HoldPeriod): Step => ({
  rule: 'CC-4',
  text: `The hold of ${formatInstant(hold.placed)} is open: nothing may be destroyed until it is released.`,
  at: formatInstant(hold.placed),
});

const closedHold = (released: Nanoseconds, due: Nanoseconds, terms: Terms): Step => ({
  rule: 'CC-4',
  text: `A hold was released at ${formatInstant(released)}: not before that, and after it there is time until ${terms.parameters.afterHoldDays} days later have ended.`,
  at: formatInstant(due),
});
