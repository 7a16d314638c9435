import type { TenantFacts } from '../control/tenant-facts';
import { bindDrafts, type CohortDraft } from './drafts';
import type { RunRow } from './run-rows';

/** Observations that are known to be due on one day: all from the first to the last of them. */
interface Span {
  readonly draft: CohortDraft;
  from: string;
  to: string;
}

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
    if (after?.draft.dueOn === draft.dueOn) {
      after.from = observedUntil;
      return after.draft;
    }
    if (before?.draft.dueOn === draft.dueOn) {
      before.to = observedUntil;
      return before.draft;
    }
    spans.splice(at, 0, { draft, from: observedUntil, to: observedUntil });
    return draft;
  };
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
