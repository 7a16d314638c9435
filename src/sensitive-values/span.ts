import type { Covers, Severity } from './detector';

/** Where a sensitive value stands in a text. */
export interface Span {
  readonly id: string;
  readonly covers: Covers;
  readonly severity: Severity;
  readonly start: number;
  readonly end: number;
  /** False for what is redacted to be safe and is no finding. */
  readonly isCertain: boolean;
}

/** Detectors that know a value by what stands before it. */
export const NAMED = 'named-secret';
export const NAMED_OPTION = 'password-option';
export const HIGH_ENTROPY = 'high-entropy-value';

/** A span of a value that its name or its option gives away. */
export const spanOf = (
  id: string,
  [start, end]: readonly [number, number],
  isCertain: boolean,
): Span => ({ id, covers: 'secret', severity: 'high', start, end, isCertain });
