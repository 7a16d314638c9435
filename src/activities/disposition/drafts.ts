import type { DerivedWindow, DeriveWindow } from '../../contracts/windows';
import { circumstancesOf, factsOfCohort, type Governed } from '../control/governing-facts';
import type { TenantFacts } from '../control/tenant-facts';
import type { RunRow } from './run-rows';

/** A cohort as the first of its records defines it. */
export interface CohortDraft {
  readonly dueOn: string;
  /** Lower bound of its destruction by rule alone, before holds. */
  readonly earliestAt: string;
  readonly baseEarliestAt: string | null;
  /** No rule, and no request that comes later, allows its destruction before. @source AB-1 */
  readonly minimumAt: string;
}

/** The due day of an observation by rule alone: holds do not move it. */
export function bindDrafts(
  ports: { readonly derive: DeriveWindow },
  facts: TenantFacts,
  run: RunRow,
): (observedUntil: string) => CohortDraft {
  const unheld = { ...facts, holds: [] };
  return (observedUntil) => draftFrom(deriveFor(ports, unheld, governedBy(run, observedUntil)));
}

const governedBy = (run: RunRow, newestObservedAt: string | null): Governed => ({
  ...run,
  eventKind: run.eventKind as Governed['eventKind'],
  newestObservedAt,
  // Drafts are made without holds; only a hold over a range of collection asks for it.
  oldestObservedAt: null,
});

const deriveFor = (
  { derive }: { readonly derive: DeriveWindow },
  facts: TenantFacts,
  governed: Governed,
): DerivedWindow => derive(factsOfCohort(facts, governed), circumstancesOf(facts, governed));

function draftFrom({ dueOn, earliestAt, baseEarliestAt, minimumAt }: DerivedWindow): CohortDraft {
  // Without a due day nothing may be archived for destruction: keep it, and let somebody look.
  if (dueOn === null || earliestAt === null) throw new Error('an ended use without a due day');
  return { dueOn, earliestAt, baseEarliestAt, minimumAt: minimumAt ?? earliestAt };
}

/** The due day of a run that has no observations, by rule alone. */
export function draftOfRun(
  ports: { readonly derive: DeriveWindow },
  facts: TenantFacts,
  run: RunRow,
): CohortDraft {
  const governed = governedBy(run, null);
  return draftFrom(deriveFor(ports, { ...facts, holds: [] }, governed));
}
