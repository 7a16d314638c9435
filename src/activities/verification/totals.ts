import { createSetDigest, type SetDigest } from '../../archive-format';
import { LetheError } from '../../domain/errors';
import type { RecordLocation } from '../../domain/inventory';

/** Number and digest of a set of records, whatever the order in which they were read. */
export interface SetTotal {
  readonly records: number;
  readonly setDigest: string;
}

/** One record of a set. */
export interface SetMember {
  readonly location: RecordLocation;
  readonly assetId: string;
  readonly versionId: string;
  readonly content: Buffer;
}

/** Keys of a run's cohorts by due day: the digest of a set is keyed with its cohort's key. */
export type CohortKeys = ReadonlyMap<string, Buffer>;

/** Totals of records per due day and location, in bounded memory. */
export class Totals {
  private readonly sets = new Map<string, SetDigest>();

  constructor(private readonly keys: CohortKeys) {}

  /** Adds a record that is destroyed on `dueOn`. */
  add(dueOn: string, member: SetMember): void {
    const key = `${dueOn} ${member.location}`;
    const set = this.sets.get(key) ?? createSetDigest(this.keyOf(dueOn));
    this.sets.set(key, set);
    set.add(member);
  }

  private keyOf(dueOn: string): Buffer {
    const key = this.keys.get(dueOn);
    if (key !== undefined) return key;
    throw new LetheError(
      'VERIFICATION_FAILED',
      `a record is due on ${dueOn}, which was not sealed`,
    );
  }

  /** Number of all records. */
  get count(): number {
    let sum = 0;
    for (const set of this.sets.values()) sum += set.count;
    return sum;
  }

  /** What was added so far. */
  entries(): SetTotals {
    return new Map(
      [...this.sets].map(([key, set]) => [key, { records: set.count, setDigest: set.value() }]),
    );
  }
}

/** Every set by `<due day> <location>`. */
export type SetTotals = ReadonlyMap<string, SetTotal>;

/**
 * Compares two readings of the same records.
 *
 * @throws LetheError VERIFICATION_FAILED naming due day and location of the first difference.
 */
export function assertSameTotals(left: SetTotals, right: SetTotals, what: string): void {
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const [a, b] = [left.get(key) ?? NOTHING, right.get(key) ?? NOTHING];
    if (a.records === b.records && a.setDigest === b.setDigest) continue;
    throw new LetheError(
      'VERIFICATION_FAILED',
      `${what} differ at ${key}: ${a.records} and ${b.records} records`,
    );
  }
}

const NOTHING: SetTotal = Object.freeze({ records: 0, setDigest: '' });
