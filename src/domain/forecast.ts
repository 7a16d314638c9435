import {
  CapCount,
  COUNTINGS,
  type DelayingCap,
  type ForecastCaps,
  type ForecastTotals,
  type Placed,
  type Refusal,
} from './cap-counts';
import {
  DAY,
  HOUR,
  byInstant,
  formatInstant,
  later,
  parseInstant,
  type Nanoseconds,
} from './instants';
import type { RecordClass } from './record-class';

/**
 * Whether what is due can pass under the caps before it is promised to be gone. It plays the coming weeks
 * through: cohorts in the order of their windows, each at the first instant at which no cap refuses it.
 */

/** A cohort that waits for its window. */
export interface ForecastCohort {
  readonly tenantId: string;
  readonly runId: string;
  readonly dueOn: string;
  readonly recordClass: RecordClass;
  readonly records: number;
  readonly deleteNotBefore: string;
  readonly latestAt: string;
}

/** A cohort whose end was permitted already and counts against the caps. */
export interface ForecastUse {
  readonly tenantId: string;
  readonly runId: string;
  readonly dueOn: string;
  readonly recordClass: RecordClass;
  readonly records: number;
  readonly grantedAt: string;
}

/** What a forecast is made from. */
export interface ForecastInput {
  readonly now: string;
  readonly cohorts: readonly ForecastCohort[];
  /** Uses of the last 30 days. */
  readonly uses: readonly ForecastUse[];
  readonly caps: ForecastCaps;
  readonly totals: ForecastTotals;
}

/** When a cohort can end, and what stands in the way of its promise. */
export interface ForecastAnswer {
  readonly tenantId: string;
  readonly runId: string;
  readonly dueOn: string;
  /** First instant at which no cap refuses it; null when there is none. */
  readonly expectedAt: string | null;
  /** The cap that makes it miss its promise; null when it can be kept. */
  readonly atRisk: DelayingCap | null;
}

/** Destruction aims to end this long before the promise does. */
const MARGIN: Nanoseconds = 2n * HOUR;

/** Beyond this time after its promise nothing more is computed: it is missed in any case. */
const HORIZON: Nanoseconds = 60n * DAY;

/** A cohort in the queue with the instant at which it is tried next. */
interface Queued {
  readonly cohort: ForecastCohort;
  readonly order: number;
  readonly latest: Nanoseconds;
  readonly at: Nanoseconds;
  readonly delayedBy: DelayingCap | null;
}

/**
 * Plays the coming weeks through. A cohort counts like the engine counts it; shares are taken of what there
 * is now. The engine tries again every ten minutes, so the real instant lies a little later.
 *
 * @throws LetheError INVALID_INSTANT.
 */
export function forecast(input: ForecastInput): readonly ForecastAnswer[] {
  const now = parseInstant(input.now, 'now');
  const uses: Placed[] = input.uses
    .map(({ grantedAt, ...use }) => ({ ...use, at: parseInstant(grantedAt, 'grantedAt') }))
    .sort((a, b) => byInstant(a.at, b.at));
  const counts = COUNTINGS.map((counting) => new CapCount(input, counting, uses));
  const queue: Queued[] = input.cohorts
    .map((cohort, order) => ({
      cohort,
      order,
      latest: parseInstant(cohort.latestAt, 'latestAt'),
      at: later(now, parseInstant(cohort.deleteNotBefore, 'deleteNotBefore')),
      delayedBy: null,
    }))
    .sort(byTurn);
  const answers: ForecastAnswer[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const refusal = refusalAt(counts, next);
    if (refusal === null) {
      for (const count of counts) count.add({ ...next.cohort, at: next.at });
      answers.push(answerFor(next, next.at, next.delayedBy));
    } else if (refusal.until === null || refusal.until > next.latest + HORIZON) {
      answers.push(answerFor(next, null, refusal.cap));
    } else insert(queue, { ...next, at: refusal.until, delayedBy: refusal.cap });
  }
  return answers;
}

/** The first cap that refuses a cohort at the instant at which it is tried. */
function refusalAt(
  counts: readonly CapCount[],
  { cohort, at }: Pick<Queued, 'cohort' | 'at'>,
): Refusal | null {
  for (const count of counts) {
    const refusal = count.refusalAt(cohort, at);
    if (refusal !== null) return refusal;
  }
  return null;
}

const byTurn = (a: Queued, b: Queued): number => byInstant(a.at, b.at) || a.order - b.order;

/** Puts an entry where its turn is; the queue stays in order. */
function insert(queue: Queued[], entry: Queued): void {
  let [low, high] = [0, queue.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const there = queue[middle];
    if (there !== undefined && byTurn(there, entry) < 0) low = middle + 1;
    else high = middle;
  }
  queue.splice(low, 0, entry);
}

function answerFor(
  { cohort, latest }: Pick<Queued, 'cohort' | 'latest'>,
  at: Nanoseconds | null,
  delayedBy: DelayingCap | null,
): ForecastAnswer {
  const { tenantId, runId, dueOn } = cohort;
  const late = at === null || at > latest - MARGIN;
  const expectedAt = at === null ? null : formatInstant(at);
  return { tenantId, runId, dueOn, expectedAt, atRisk: late ? delayedBy : null };
}
