import type { DueDay } from '../contracts/snapshot';
import { table } from './output';

/** What is known of a hold beside its id. */
interface KnownHold {
  readonly holdId: string;
  /** When an approved release takes effect; null or absent while nobody has approved one. */
  readonly releasesAt?: string | null;
}

/** True for a due day that a hold keeps, or that a hold withheld of another one. */
const isKept = ({ heldBy = [], splitFrom }: DueDay): boolean =>
  heldBy.length > 0 || splitFrom !== undefined;

/**
 * Which due days holds keep: what was withheld of which run and under which hold, what is kept as a whole, and from
 * when the rest of the others goes. Empty when there is none.
 */
export function heldTable(
  days: readonly (DueDay & { readonly tenantId?: string })[],
  holds: readonly KnownHold[] = [],
): string {
  const kept = days.filter(isKept);
  if (kept.length === 0) return '';
  const overTenants = kept.some(({ tenantId }) => tenantId !== undefined);
  const columns = ['held run', 'due on', 'records', 'what is held', 'under', 'then'];
  return table(
    [...(overTenants ? ['tenant'] : []), ...columns],
    kept.map((day) => [
      ...(overTenants ? [day.tenantId ?? null] : []),
      ...[day.runId, day.dueOn, day.records, extentOf(day)],
      (day.heldBy ?? []).map(({ holdId }) => holdId).join(', '),
      outcomeOf(day, holds),
    ]),
  );
}

function extentOf({ splitFrom, heldBy = [], divisibleFrom }: DueDay): string {
  const kept =
    divisibleFrom === undefined || heldBy.some(({ whole }) => whole)
      ? 'all of it'
      : `a part; the rest goes from ${divisibleFrom} on`;
  if (splitFrom === undefined) return kept;
  const { runId, holdId, splitAt } = splitFrom;
  return `withheld of ${runId} under ${holdId} since ${splitAt}`;
}

/** What its release leads to; a hold is over at once only where it was released already. */
function outcomeOf({ heldBy = [], deleteNotBefore }: DueDay, holds: readonly KnownHold[]): string {
  const certified = 'a certificate of its own';
  if (heldBy.length === 0) return `goes from ${deleteNotBefore ?? '-'} on, with ${certified}`;
  const ends = heldBy.map(
    ({ holdId }) => holds.find((hold) => hold.holdId === holdId)?.releasesAt ?? null,
  );
  const last = ends.includes(null) ? null : (ends.sort().at(-1) ?? null);
  return last === null
    ? `released, it goes with ${certified}`
    : `released from ${last} on; goes after that with ${certified}`;
}
