import { formatInstant, later, parseInstant } from '../instants';
import { addDays, dateOf, endOfDay } from './civil';
import { dutiesOf, type WindowContext } from './duties';
import { readHolds, type Facts } from './facts';
import { combineDuties } from './combine';
import { foldHolds } from './holds';
import { finishWindow, type Window } from './window';

/**
 * The window of something found stored that belongs to no run: it has its own rule's window, but
 * neither end lies before the discovery gives anybody a chance. While no rule asks for it at all
 * both ends stay open, and it is kept.
 *
 * @param discoveredAt - RFC 3339 instant at which it was found.
 * @throws LetheError INVALID_INSTANT or INVALID_CALENDAR naming the field.
 * @source ST-1, ST-2
 */
export function computeStrayWindow(
  facts: Facts,
  discoveredAt: string,
  context: WindowContext,
): Window {
  const discovered = parseInstant(discoveredAt, 'discoveredAt');
  const duties = dutiesOf(facts, context);
  const own = combineDuties(duties);
  if (own.earliest === null || own.latest === null) {
    return finishWindow({ facts, context, duties, unheld: own });
  }
  const { zone, parameters } = duties.terms;
  // Whatever chance the discovery gives, the promise of its own rule was missed if that had passed.
  const promised = foldHolds(own, readHolds(facts.holds), duties.terms);
  const passed = promised.latest !== null && promised.latest <= discovered;
  const missed = [...promised.breaches, ...(passed ? [promised.latest] : [])];
  const lastDay = addDays(dateOf(discovered, zone), parameters.strayDays);
  const unheld = {
    ...own,
    earliest: later(own.earliest, discovered),
    latest: later(own.latest, endOfDay(lastDay, zone)),
  };
  const extraSteps = [
    {
      rule: facts.recordClass === 'asset-basic-data' ? ('ST-1' as const) : ('ST-2' as const),
      text: `Found outside every run at ${formatInstant(discovered)}: not before that, and ${parameters.strayDays} days to end it.`,
      date: lastDay,
      at: formatInstant(unheld.latest),
    },
  ];
  return finishWindow({ facts, context, duties, unheld, extraSteps, missed });
}
