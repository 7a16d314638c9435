import type { TenantFacts } from '../control/tenant-facts';
import { bindDrafts, type CohortDraft } from './drafts';
import type { RunRow } from './run-rows';

/** Observations that are known to be due on one day: all from the first to the last of them. */
interface Span {
  readonly draft: CohortDraft;
  from: string;
  to: string;
}

/** How far beyond an observation is looked for the same due day: hosts are scanned one after the other. */
const LOOK_MS = 6 * 3_600_000;

/**
 * The cohort of an observation, with a derivation for a few instants of each due day instead of one for
 * every instant: what was seen later is never due earlier, so whatever lies between two observations of
 * one due day is due on that day. The draft is the one of the first observation of its day.
 *
 * @throws Error when two derivations contradict that order; nothing is archived then.
 */
export function bindDueDays(
  ports: Parameters<typeof bindDrafts>[0],
  facts: TenantFacts,
  run: RunRow,
): (observedUntil: string) => CohortDraft {
  const draftOf = bindDrafts(ports, facts, run);
  // In the order of time and of due days; at most one for each day.
  const spans: Span[] = [];
  return (observedUntil) => {
    const at = firstEndingAt(spans, observedUntil);
    const [before, after] = [spans[at - 1], spans[at]];
    if (after !== undefined && after.from <= observedUntil) return after.draft;
    const draft = draftOf(observedUntil);
    assertBetween(draft, before, after);
    const isSame = (instant: string): boolean => dueOnOf(draftOf, instant) === draft.dueOn;
    if (after?.draft.dueOn === draft.dueOn) {
      after.from = reach(observedUntil, -LOOK_MS, isSame);
      return after.draft;
    }
    if (before?.draft.dueOn === draft.dueOn) {
      before.to = reach(observedUntil, LOOK_MS, isSame);
      return before.draft;
    }
    const [from, to] = [-LOOK_MS, LOOK_MS].map((by) => reach(observedUntil, by, isSame));
    spans.splice(at, 0, { draft, from: from ?? observedUntil, to: to ?? observedUntil });
    return draft;
  };
}

/** An instant farther away when it is due on the same day, and the observation itself otherwise. */
function reach(observedUntil: string, byMs: number, isSame: (instant: string) => boolean): string {
  const milliseconds = new Date(Date.parse(observedUntil) + byMs).toISOString();
  const farther = `${milliseconds.slice(0, -1)}000Z`;
  return isSame(farther) ? farther : observedUntil;
}

/** The due day that an observation at an instant would have; none where there cannot be one. */
function dueOnOf(draftOf: ReturnType<typeof bindDrafts>, instant: string): string | null {
  try {
    return draftOf(instant).dueOn;
  } catch {
    // For instance an observation after the end of the use: nothing is concluded from it.
    return null;
  }
}

/** Place of the first span that ends at the instant or after it. */
function firstEndingAt(spans: readonly Span[], instant: string): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((spans[middle]?.to ?? '') < instant) low = middle + 1;
    else high = middle;
  }
  return low;
}

function assertBetween({ dueOn }: CohortDraft, before?: Span, after?: Span): void {
  if (
    (before === undefined || before.draft.dueOn <= dueOn) &&
    (after === undefined || dueOn <= after.draft.dueOn)
  )
    return;
  throw new Error('a later observation would be due earlier');
}
