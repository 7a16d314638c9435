import type { Nanoseconds } from '../instants';
import type { RuleId } from '../retention-schedule';
import type { CivilDate } from './civil';

/** One step of a derivation, for programs and for people. */
export interface Step {
  readonly rule: RuleId;
  readonly text: string;
  /** Civil date that the step arrived at. */
  readonly date?: CivilDate;
  /** Instant that the step arrived at, UTC. */
  readonly at?: string;
  /** Working days counted. */
  readonly counted?: number;
  /** Days from Monday to Friday that were not counted. */
  readonly skipped?: readonly CivilDate[];
  /** Days of a weekend that were counted. */
  readonly madeUp?: readonly CivilDate[];
}

/** What one rule alone asks for: destroyed at `earliest` or later, and before `latest`. */
export interface Duty {
  readonly earliest: Nanoseconds;
  readonly latest: Nanoseconds;
  /** Civil day on which it falls due. */
  readonly dueOn: CivilDate;
  readonly rules: readonly RuleId[];
}
