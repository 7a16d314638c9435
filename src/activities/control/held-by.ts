import { canDivide, mayCover } from '../../domain/hold-scope';
import type { DueDay, HeldBy } from '../../contracts/snapshot';
import { isWaiting, type CohortRow } from './cohort-rows';
import type { HoldFact, TenantFacts } from './tenant-facts';

/** Scopes of holds in force that may cover something of a due day. */
export const keepingHolds = (
  facts: Pick<TenantFacts, 'holds'>,
  cohort: CohortRow,
): readonly HoldFact[] =>
  facts.holds.filter((hold) => hold.releasedAt === null && mayCover(hold, cohort));

/** Whether a hold that keeps a due day leaves nothing of it that could go, as far as anybody knows. */
export const keepsWhole = (hold: HoldFact, cohort: CohortRow): boolean =>
  cohort.recordClass !== 'asset-basic-data' ||
  cohort.records === 0 ||
  !canDivide(hold) ||
  cohort.wholeUnder.includes(hold.holdId);

/** The holds in force that keep a due day, each once, in the order of placement. */
function heldBy(facts: Pick<TenantFacts, 'holds'>, cohort: CohortRow): readonly HeldBy[] {
  const whole = new Map<string, boolean>();
  for (const hold of keepingHolds(facts, cohort)) {
    whole.set(hold.holdId, whole.get(hold.holdId) === true || keepsWhole(hold, cohort));
  }
  return [...whole].map(([holdId, isWhole]) => ({ holdId, whole: isWhole }));
}

/** What keeps a due day that waits, and whether the rest of it can go. */
export function keptOf(
  cohort: CohortRow,
  facts: Pick<TenantFacts, 'holds'>,
): Pick<DueDay, 'heldBy' | 'divisibleFrom'> {
  const holds = isWaiting(cohort.state) ? heldBy(facts, cohort) : [];
  if (holds.length === 0) return {};
  const { splitNotBefore } = cohort;
  return { heldBy: holds, ...(splitNotBefore === null ? {} : { divisibleFrom: splitNotBefore }) };
}
