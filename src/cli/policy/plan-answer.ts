import type { PlannedEnds, WindowPlan } from '../../contracts/window-plans';
import { facts, table } from '../output';

/** A plan as people read it: what moves, where to and why; what moves earlier first. */
export function planText(plan: WindowPlan, head: Parameters<typeof facts>[0]): string {
  const { totals, moves } = plan;
  const rows = [...moves].sort((a, b) => rank(a) - rank(b));
  const shown = table(
    ['', 'tenant', 'due on', 'record class', 'not before', '', 'latest', '', 'why'],
    rows.map(({ tenantId, dueOn, recordClass, from, to, begins, ends, overdue, because }) => [
      ...[flagOf({ begins, ends, overdue }), tenantId, dueOn, recordClass],
      ...[moved(from, to, 'deleteNotBefore'), begins],
      ...[moved(from, to, 'latestAt'), ends, because],
    ]),
  );
  const counts: Parameters<typeof facts>[0] = [
    ['tenants with due days', totals.tenants],
    ['due days', totals.dueDays],
    ['end EARLIER', totals.endEarlier],
    ['end later', totals.endLater],
    ['begin EARLIER', totals.beginEarlier],
    ['begin later', totals.beginLater],
    ['overdue at once', totals.nowOverdue],
    ['held back by a hold', totals.heldBack],
  ];
  const list = moves.length === 0 ? 'no date moves\n' : shown;
  return `${list}\n${facts([...head, ...counts])}`;
}

type Flags = Pick<WindowPlan['moves'][number], 'begins' | 'ends' | 'overdue'>;

function flagOf({ begins, ends, overdue }: Flags): string {
  if (overdue) return 'OVERDUE';
  return begins === 'earlier' || ends === 'earlier' ? 'EARLIER' : '';
}

const rank = (move: Flags): number => ['OVERDUE', 'EARLIER', ''].indexOf(flagOf(move));

const moved = (from: PlannedEnds, to: PlannedEnds, field: keyof PlannedEnds): string =>
  from[field] === to[field]
    ? (to[field] ?? 'open')
    : `${from[field] ?? 'open'} -> ${to[field] ?? 'open'}`;
