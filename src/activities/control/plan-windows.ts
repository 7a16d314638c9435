import { mayCover } from '../../domain/hold-scope';
import type { Direction, PlannedEnds, WindowMove, WindowPlan } from '../../contracts/window-plans';
import type { Sql } from '../../contracts/sql';
import type { DeriveWindow } from '../../contracts/windows';
import { isWaiting, readCohorts, type CohortRow } from './cohort-rows';
import { nextWindow, normalOrNull, type FoundedWindow } from './next-window';
import { required, textRows } from './sql-text';
import { databaseNow, readTenantFacts, type TenantFacts } from './tenant-facts';

/** What would be different. */
export interface WindowChange {
  /** The rule as it would be computed. */
  readonly derive: DeriveWindow;
  /** A version of the policy that would be in force too. */
  readonly policyVersion?: number;
}

/**
 * Says for every tenant which windows would change, without changing any: the same function that
 * refreshes windows answers, on a login that can only read. Reading, so safe to repeat.
 *
 * @source AB-3, CC-2, CC-3, CC-4
 */
export async function planWindows(control: Sql, change: WindowChange): Promise<WindowPlan> {
  const asOf = await databaseNow(control);
  const moves: WindowMove[] = [];
  const tenants = await listTenantsWithCohorts(control);
  let dueDays = 0;
  let heldBack = 0;
  for (const tenantId of tenants) {
    const facts = await readTenantFacts(control, tenantId);
    if (facts === null) continue;
    const waiting = (await readCohorts(control, tenantId)).filter(({ state }) => isWaiting(state));
    dueDays += waiting.length;
    heldBack += waiting.filter((cohort) => isHeld(facts, cohort)).length;
    for (const cohort of waiting) moves.push(...moveOf(withVersion(facts, change), cohort, change));
  }
  return { asOf, moves, totals: totalsOf(moves, { tenants: tenants.length, dueDays, heldBack }) };
}

/** Tenants of which something was archived or sealed, in the order of their ids. */
export async function listTenantsWithCohorts(control: Sql): Promise<readonly string[]> {
  const rows = await textRows(control, 'SELECT DISTINCT tenant_id FROM cohorts ORDER BY tenant_id');
  return rows.map((row) => required(row, 'tenant_id'));
}

const withVersion = (facts: TenantFacts, { policyVersion }: WindowChange): TenantFacts =>
  policyVersion === undefined || facts.policyVersions.includes(policyVersion)
    ? facts
    : { ...facts, policyVersions: [...facts.policyVersions, policyVersion] };

const isHeld = ({ holds }: TenantFacts, cohort: CohortRow): boolean =>
  holds.some((hold) => hold.releasedAt === null && mayCover(hold, cohort));

function moveOf(
  facts: TenantFacts,
  cohort: CohortRow,
  { derive }: WindowChange,
): readonly WindowMove[] {
  const window = nextWindow(facts, cohort, derive);
  const from = endsOf(cohort);
  const to = endsOf(window);
  const begins = directionOf(from.deleteNotBefore, to.deleteNotBefore);
  const ends = directionOf(from.latestAt, to.latestAt);
  if (begins === 'same' && ends === 'same') return [];
  const { tenantId, now } = facts;
  const { runId, dueOn, recordClass } = cohort;
  const overdue = to.latestAt !== null && to.latestAt <= now;
  return [
    {
      ...{ tenantId, runId, dueOn, recordClass, from, to, begins, ends, overdue },
      requiredByLaw: window.requiredByLaw,
      because: reasonOf(window),
    },
  ];
}

const endsOf = ({
  earliestAt,
  deleteNotBefore,
  latestAt,
}: Pick<FoundedWindow, keyof PlannedEnds>): PlannedEnds => ({
  earliestAt: normalOrNull(earliestAt),
  deleteNotBefore: normalOrNull(deleteNotBefore),
  latestAt: normalOrNull(latestAt),
});

/** Null is infinitely late: what a hold keeps. */
function directionOf(from: string | null, to: string | null): Direction {
  if (from === to) return 'same';
  if (from === null) return 'earlier';
  return to === null || to > from ? 'later' : 'earlier';
}

/** The step that arrived at the end, or else the last one. */
function reasonOf({ derivation, latestAt }: FoundedWindow): string {
  const steps = derivation['steps'] as readonly { rule: string; text: string; at?: string }[];
  const step = steps.findLast(({ at }) => at === latestAt) ?? steps.at(-1);
  return step === undefined ? '' : `[${step.rule}] ${step.text}`;
}

function totalsOf(
  moves: readonly WindowMove[],
  counted: Pick<WindowPlan['totals'], 'tenants' | 'dueDays' | 'heldBack'>,
): WindowPlan['totals'] {
  const count = (isMeant: (move: WindowMove) => boolean): number => moves.filter(isMeant).length;
  return {
    ...counted,
    beginEarlier: count(({ begins }) => begins === 'earlier'),
    beginLater: count(({ begins }) => begins === 'later'),
    endEarlier: count(({ ends }) => ends === 'earlier'),
    endLater: count(({ ends }) => ends === 'later'),
    nowOverdue: count(({ overdue }) => overdue),
  };
}
