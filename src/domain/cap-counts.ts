import type { CapName, CapSetting } from './caps';
import { DAY, HOUR, parseInstant, type Nanoseconds } from './instants';
import type { RecordClass } from './record-class';

/**
 * What each delaying cap counts while the coming weeks are played through. Time only goes forward there, so
 * a count takes what comes and lets go of what is forgotten; nothing is counted twice.
 */

/** Caps that delay, with what comes later. */
export type DelayingCap = Exclude<CapName, 'rows-per-batch' | 'loosening-hours'>;

/** How each of them is set, and how it will be. */
export type ForecastCaps = Readonly<
  Record<
    DelayingCap,
    {
      readonly inForce: CapSetting;
      readonly pending: (CapSetting & { readonly effectiveAt: string }) | null;
    }
  >
>;

/** What a share is taken of, as it is now. */
export interface ForecastTotals {
  readonly tenants: number;
  readonly records: Readonly<Record<RecordClass, number>>;
  readonly busiestTenants: number;
  readonly busiestRecords: number;
}

/** What counts of an end: whose it is, and how much. */
interface Weighed {
  readonly tenantId: string;
  readonly recordClass: RecordClass;
  readonly records: number;
}

/** An end that is permitted, or will be, at its instant. */
export interface Placed extends Weighed {
  readonly at: Nanoseconds;
}

/** Why a cohort cannot end at an instant. */
export interface Refusal {
  readonly cap: DelayingCap;
  /** When enough is forgotten of what stands in the way, or a looser cap counts; null: never. */
  readonly until: Nanoseconds | null;
}

/** Uses in the order of their instants, those before `first` forgotten. */
interface Recent {
  readonly uses: Placed[];
  first: number;
}

/** What the uses that are not forgotten amount to. */
interface Tally {
  add(use: Placed): void;
  forget(use: Placed): void;
  /** How much of it stands in the way of a cohort. */
  used(cohort: Weighed): number;
  /** The instant of the use with which at least so much is forgotten, when time goes on and nothing comes. */
  lastOf(cohort: Weighed, excess: number): Nanoseconds | null;
}

/** What a cap counts: over how long, which uses, and how much a cohort weighs. */
interface Counting {
  readonly cap: DelayingCap;
  readonly length: Nanoseconds;
  readonly total: (totals: ForecastTotals, cohort: Weighed) => number;
  readonly own: (cohort: Weighed) => number;
  readonly tally: (recent: Recent) => Tally;
}

/** Tenants other than the cohort's; whoever was used last is forgotten last. */
function otherTenants(): Tally {
  const tenants = new Map<string, { readonly uses: number; readonly at: Nanoseconds }>();
  return {
    add: ({ tenantId, at }) => {
      const uses = tenants.get(tenantId)?.uses ?? 0;
      // A map keeps the order in which its keys came.
      tenants.delete(tenantId);
      tenants.set(tenantId, { uses: uses + 1, at });
    },
    forget: ({ tenantId }) => {
      const known = tenants.get(tenantId);
      if (known === undefined || known.uses === 1) tenants.delete(tenantId);
      else tenants.set(tenantId, { ...known, uses: known.uses - 1 });
    },
    used: ({ tenantId }) => tenants.size - (tenants.has(tenantId) ? 1 : 0),
    lastOf: (cohort, excess) => {
      let rest = excess;
      for (const [tenantId, { at }] of tenants) {
        if (tenantId !== cohort.tenantId) rest -= 1;
        if (rest <= 0) return at;
      }
      return null;
    },
  };
}

/** A sum over the uses of each kind. */
const sum =
  (kind: (use: Weighed) => string, weight: (use: Weighed) => number) =>
  (recent: Recent): Tally => {
    const sums = new Map<string, number>();
    const change = (use: Weighed, by: number): void => {
      sums.set(kind(use), (sums.get(kind(use)) ?? 0) + by);
    };
    return {
      add: (use) => {
        change(use, weight(use));
      },
      forget: (use) => {
        change(use, -weight(use));
      },
      used: (cohort) => sums.get(kind(cohort)) ?? 0,
      lastOf: (cohort, excess) => {
        let rest = excess;
        for (let place = recent.first; place < recent.uses.length; place += 1) {
          const use = recent.uses[place];
          if (use === undefined || kind(use) !== kind(cohort)) continue;
          rest -= weight(use);
          if (rest <= 0) return use.at;
        }
        return null;
      },
    };
  };

const one = (): number => 1;
const all = (): string => '';
const recordsOf = ({ records }: Weighed): number => records;
const classOf = ({ recordClass }: Weighed): string => recordClass;

/** The delaying caps in the order in which the engine asks them. */
export const COUNTINGS: readonly Counting[] = Object.freeze([
  {
    cap: 'unusual-tenants-per-day',
    length: DAY,
    total: ({ busiestTenants }) => busiestTenants,
    own: one,
    tally: otherTenants,
  },
  {
    cap: 'unusual-records-per-day',
    length: DAY,
    total: ({ busiestRecords }) => busiestRecords,
    own: recordsOf,
    tally: sum(all, recordsOf),
  },
  { cap: 'cohorts-per-hour', length: HOUR, total: () => 0, own: one, tally: sum(all, one) },
  {
    cap: 'store-share-per-day',
    length: DAY,
    total: ({ records }, { recordClass }) => records[recordClass],
    own: recordsOf,
    tally: sum(classOf, recordsOf),
  },
  {
    cap: 'tenants-per-30-days',
    length: 30n * DAY,
    total: ({ tenants }) => tenants,
    own: one,
    tally: otherTenants,
  },
]);

/** The count of one cap, which follows the instants at which cohorts are tried. */
export class CapCount {
  private readonly recent: Recent = { uses: [], first: 0 };
  private readonly tally: Tally;
  private readonly loosenedAt: Nanoseconds | null;

  /** @param uses what counts already, in the order of their instants. */
  constructor(
    private readonly input: { readonly caps: ForecastCaps; readonly totals: ForecastTotals },
    private readonly counting: Counting,
    uses: readonly Placed[],
  ) {
    this.tally = counting.tally(this.recent);
    for (const use of uses) this.add(use);
    const { pending } = input.caps[counting.cap];
    this.loosenedAt = pending === null ? null : parseInstant(pending.effectiveAt, 'effectiveAt');
  }

  /** Counts an end that is not earlier than those before it. */
  add(use: Placed): void {
    this.recent.uses.push(use);
    this.tally.add(use);
  }

  /**
   * Whether the cap refuses a cohort at an instant, which is not earlier than the last one that was asked
   * about, and until when at least.
   */
  refusalAt(cohort: Weighed, at: Nanoseconds): Refusal | null {
    const { cap, length, own } = this.counting;
    this.forgetUntil(at - length);
    const room = this.allowedAt(cohort, at) - own(cohort);
    const excess = this.tally.used(cohort) - room;
    if (excess <= 0) return null;
    // A cohort that alone is more than the cap waits for a looser one.
    const last = room < 0 ? null : this.tally.lastOf(cohort, excess);
    const forgotten = last === null ? null : last + length;
    const looser = this.loosenedAt !== null && this.loosenedAt > at ? this.loosenedAt : null;
    if (looser === null || forgotten === null) return { cap, until: looser ?? forgotten };
    return { cap, until: looser < forgotten ? looser : forgotten };
  }

  private forgetUntil(instant: Nanoseconds): void {
    const { recent } = this;
    for (let use = recent.uses[recent.first]; use !== undefined; use = recent.uses[recent.first]) {
      if (use.at > instant) return;
      this.tally.forget(use);
      recent.first += 1;
    }
  }

  private allowedAt(cohort: Weighed, at: Nanoseconds): number {
    const { inForce, pending } = this.input.caps[this.counting.cap];
    const isLoosened = this.loosenedAt !== null && this.loosenedAt <= at;
    const { amount, share } = pending !== null && isLoosened ? pending : inForce;
    const total = this.counting.total(this.input.totals, cohort);
    return Math.max(amount, Math.floor((share * total) / 1000));
  }
}
