import type { FailureCode } from '../domain/errors';
import type { RecordLocation } from '../domain/inventory';
import type { RecordClass } from '../domain/record-class';

/** What one location holds of a tenant at this moment. */
export interface LiveCount {
  readonly location: RecordLocation;
  readonly recordClass: RecordClass;
  /** Null where nobody could count; that is not zero. */
  readonly records: number | null;
  /** Why nobody could count; null where somebody has. */
  readonly missing: FailureCode | null;
}

/**
 * Live counts as they stand beside a plan. No plan has them and no digest covers them: a tenant in use
 * writes while people read, so a digest over them would make every order stale before it is signed.
 */
export interface LiveView {
  readonly live: readonly LiveCount[];
  /** The database's clock before the first count. */
  readonly liveAsOf: string;
}
