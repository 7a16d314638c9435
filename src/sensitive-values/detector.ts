/** How urgent a finding is. */
export type Severity = 'critical' | 'high' | 'medium' | 'low';

/** What a detector looks for: what gives access, or what tells of a person. */
export type Covers = 'secret' | 'personal-data';

/** Recognises one kind of sensitive value by its form. */
export interface Detector {
  /** Stands in the mark that replaces a value, and names its count. */
  readonly id: string;
  readonly covers: Covers;
  readonly severity: Severity;
  /** In lower case: one of them stands in every text that holds such a value. Empty: no such word. */
  readonly hints: readonly string[];
  /**
   * Global, with indices. The first group that takes part is the value, without a group the whole match.
   * Work is proportional to the text, also to a hostile one: a match starts only where a word does, and
   * no two repetitions that follow each other can take the same characters.
   */
  readonly pattern: RegExp;
  /** Characters of the shortest text that can hold one; told where the hints say little. */
  readonly least?: number;
  /** Check digits and the like: false for what only looks like such a value. */
  readonly isValid?: (value: string) => boolean;
  /** False where what stands before it tells that it is something else. */
  readonly isMeant?: (value: string, before: string) => boolean;
  /** False for what is redacted to be safe and too often harmless to be reported as found. */
  readonly isCertain?: (value: string) => boolean;
}

type Checks = Pick<Detector, 'least' | 'isValid' | 'isMeant' | 'isCertain'>;

const detector =
  (covers: Covers) =>
  (
    ...[id, severity, hints, pattern, checks]: [
      id: string,
      severity: Severity,
      hints: readonly string[],
      pattern: RegExp,
      checks?: Checks,
    ]
  ): Detector =>
    Object.freeze({ id, covers, severity, hints, pattern, ...checks });

/** A detector of what gives access. */
export const secret = detector('secret');

/** A detector of what tells of a person. */
export const personal = detector('personal-data');
