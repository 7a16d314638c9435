import type { CapName, CapSetting } from './caps';
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

/** Caps that delay, with what comes later. */
type DelayingCap = Exclude<CapName, 'rows-per-batch' | 'loosening-hours'>;

/** What a forecast is made from. */
export interface ForecastInput {
  readonly now: string;
  readonly cohorts: readonly ForecastCohort[];
  /** Uses of the last 30 days. */
  readonly uses: readonly ForecastUse[];
  readonly caps: Readonly<
    Record<
      DelayingCap,
      {
        readonly inForce: CapSetting;
        readonly pending: (CapSetting & { readonly effectiveAt: string }) | null;
      }
    >
  >;
  /** What a share is taken of, as it is now. */
  readonly totals: {
    readonly tenants: number;
    readonly records: Readonly<Record<RecordClass, number>>;
    readonly busiestTenants: number;
    readonly busiestRecords: number;
  };
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

interface Placed extends Omit<ForecastUse, 'grantedAt'> {
  readonly at: Nanoseconds;
}

/** Beyond this time after its promise nothing more is computed: it is missed in any case. */
const HORIZON: Nanoseconds = 60n * DAY;

/** A cohort in the queue with the instant at which it is tried next. */
interface Queued {
  readonly cohort: ForecastCohort;
  readonly order: number;
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
  const placed: Placed[] = input.uses
    .map(({ grantedAt, ...use }) => ({ ...use, at: parseInstant(grantedAt, 'grantedAt') }))
    .sort((a, b) => byInstant(a.at, b.at));
  const queue: Queued[] = input.cohorts
    .map((cohort, order) => ({
      cohort,
      order,
      at: later(now, parseInstant(cohort.deleteNotBefore, 'deleteNotBefore')),
      delayedBy: null,
    }))
    .sort(byTurn);
  const answers: ForecastAnswer[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const refusal = refusalAt(input, placed, next);
    if (refusal === null) {
      placed.push({ ...next.cohort, at: next.at });
      answers.push(answerFor(next.cohort, next.at, next.delayedBy));
    } else if (refusal.until === null || refusal.until > latestOf(next.cohort) + HORIZON) {
      answers.push(answerFor(next.cohort, null, refusal.cap));
    } else insert(queue, { ...next, at: refusal.until, delayedBy: refusal.cap });
  }
  return answers;
}

const byTurn = (a: Queued, b: Queued): number => byInstant(a.at, b.at) || a.order - b.order;

const latestOf = ({ latestAt }: ForecastCohort): Nanoseconds => parseInstant(latestAt, 'latestAt');

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
  cohort: ForecastCohort,
  at: Nanoseconds | null,
  delayedBy: DelayingCap | null,
): ForecastAnswer {
  const { tenantId, runId, dueOn } = cohort;
  const late = at === null || at > latestOf(cohort) - MARGIN;
  const expectedAt = at === null ? null : formatInstant(at);
  return { tenantId, runId, dueOn, expectedAt, atRisk: late ? delayedBy : null };
}

interface Refusal {
  readonly cap: DelayingCap;
  /** When the oldest use that stands in the way is forgotten, or a looser cap counts; null: never. */
  readonly until: Nanoseconds | null;
}

/** What a cap counts: over how long, which uses, and how much one of them weighs. */
interface Counting {
  readonly cap: DelayingCap;
  readonly length: Nanoseconds;
  readonly total: (input: ForecastInput, cohort: ForecastCohort) => number;
  readonly weigh: (
    uses: readonly Placed[],
    cohort: ForecastCohort,
  ) => { readonly used: number; readonly own: number };
}

const recordsOf = (uses: readonly { readonly records: number }[]): number =>
  uses.reduce((sum, { records }) => sum + records, 0);

const otherTenants = (uses: readonly Placed[], cohort: ForecastCohort): number =>
  new Set(uses.map(({ tenantId }) => tenantId).filter((id) => id !== cohort.tenantId)).size;

const COUNTINGS: readonly Counting[] = [
  {
    cap: 'unusual-tenants-per-day',
    length: DAY,
    total: ({ totals }) => totals.busiestTenants,
    weigh: (uses, cohort) => ({ used: otherTenants(uses, cohort), own: 1 }),
  },
  {
    cap: 'unusual-records-per-day',
    length: DAY,
    total: ({ totals }) => totals.busiestRecords,
    weigh: (uses, { records }) => ({ used: recordsOf(uses), own: records }),
  },
  {
    cap: 'cohorts-per-hour',
    length: HOUR,
    total: () => 0,
    weigh: (uses) => ({ used: uses.length, own: 1 }),
  },
  {
    cap: 'store-share-per-day',
    length: DAY,
    total: ({ totals }, { recordClass }) => totals.records[recordClass],
    weigh: (uses, { recordClass, records }) => ({
      used: recordsOf(uses.filter((use) => use.recordClass === recordClass)),
      own: records,
    }),
  },
  {
    cap: 'tenants-per-30-days',
    length: 30n * DAY,
    total: ({ totals }) => totals.tenants,
    weigh: (uses, cohort) => ({ used: otherTenants(uses, cohort), own: 1 }),
  },
];

/** Place of the first use after an instant. */
function firstAfter(placed: readonly Placed[], instant: Nanoseconds): number {
  let [low, high] = [0, placed.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const there = placed[middle];
    if (there !== undefined && there.at <= instant) low = middle + 1;
    else high = middle;
  }
  return low;
}

function refusalAt(
  input: ForecastInput,
  placed: readonly Placed[],
  { cohort, at }: Pick<Queued, 'cohort' | 'at'>,
): Refusal | null {
  for (const counting of COUNTINGS) {
    const { cap, length } = counting;
    // Uses are in the order of their instants, and none is later than the one that is tried.
    const uses = placed.slice(firstAfter(placed, at - length));
    const { used, own } = counting.weigh(uses, cohort);
    const allowed = allowedAt(input, counting, { cohort, at });
    if (used + own > allowed) {
      return { cap, until: nextChange(input, { cap, uses, length, at, alone: own > allowed }) };
    }
  }
  return null;
}

function allowedAt(
  input: ForecastInput,
  { cap, total }: Counting,
  { cohort, at }: Pick<Queued, 'cohort' | 'at'>,
): number {
  const { inForce, pending } = input.caps[cap];
  const takesEffect = pending !== null && parseInstant(pending.effectiveAt, 'effectiveAt') <= at;
  const { amount, share } = takesEffect ? pending : inForce;
  return Math.max(amount, Math.floor((share * total(input, cohort)) / 1000));
}

function nextChange(
  input: ForecastInput,
  refused: {
    readonly cap: DelayingCap;
    readonly uses: readonly Placed[];
    readonly length: Nanoseconds;
    readonly at: Nanoseconds;
    /** True when the cohort alone is more than the cap: waiting for others does not help. */
    readonly alone: boolean;
  },
): Nanoseconds | null {
  const { pending } = input.caps[refused.cap];
  const effective = pending === null ? null : parseInstant(pending.effectiveAt, 'effectiveAt');
  const looser = effective !== null && effective > refused.at ? effective : null;
  const oldest = refused.alone ? undefined : refused.uses[0];
  const forgotten = oldest === undefined ? null : oldest.at + refused.length;
  if (looser === null || forgotten === null) return looser ?? forgotten;
  return looser < forgotten ? looser : forgotten;
}
