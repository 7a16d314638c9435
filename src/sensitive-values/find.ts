import { indexHints } from './candidates';
import type { Detector, Severity } from './detector';
import { DETECTORS } from './detectors';
import { findNamedValue, findNamedValues } from './named-values';
import { findOptionValues } from './options';
import type { Span } from './span';

/** A secret as it was found; it lives only until it is hashed. */
export interface FoundSecret {
  readonly ruleId: string;
  readonly severity: Severity;
  readonly secret: string;
}

/** A name and what it stands for. */
export interface Assignment {
  readonly name: string;
  readonly value: string;
}

/** Nothing sensitive is shorter than this, its name included. */
const LENGTH_MIN = 5;
/** Matches of one detector that are reported of one text. */
const FOUND_MAX = 64;

/** Characters before a value that may tell what it is. */
const BEFORE_MAX = 64;

/**
 * Everything that any detector sees in a text, in the order of the detectors; places may overlap.
 *
 * @param before - what stands before the text where that was taken from.
 */
export function spansIn(text: string, before = ''): readonly Span[] {
  if (text.length < LENGTH_MIN) return NONE;
  const spans = [spansByForm(text, before), findNamedValues(text), findOptionValues(text)];
  return spans.every((each) => each.length === 0) ? NONE : spans.flat();
}

const NONE: readonly Span[] = Object.freeze([]);

const candidatesIn = indexHints(DETECTORS);

/** The same forms, asked for their presence only: that needs no places, which cost most of the time. */
const PRESENCE: ReadonlyMap<Detector, RegExp> = new Map(
  DETECTORS.map((detector) => [
    detector,
    new RegExp(detector.pattern.source, detector.pattern.flags.replace(/[dg]/g, '')),
  ]),
);

function spansByForm(text: string, before = ''): readonly Span[] {
  if (text.length < LENGTH_MIN) return NONE;
  const present = candidatesIn(text).filter((detector) => PRESENCE.get(detector)?.test(text));
  return present.length === 0
    ? NONE
    : present.flatMap((detector) => spansOf(detector, text, before));
}

/** What one detector sees. */
function spansOf(detector: Detector, text: string, before: string): readonly Span[] {
  const { id, covers, severity, pattern, isCertain } = detector;
  const spans: Span[] = [];
  for (const match of text.matchAll(pattern)) {
    const range =
      match.indices?.slice(1).find((group) => group !== undefined) ?? match.indices?.[0];
    if (range === undefined) continue;
    const [start, end] = range;
    const value = text.slice(start, end);
    if (!isOne(detector, value, contextOf(text, start, before))) continue;
    spans.push({ id, covers, severity, start, end, isCertain: isCertain?.(value) ?? true });
  }
  return spans;
}

const isOne = ({ isValid, isMeant }: Detector, value: string, before: string): boolean =>
  isValid?.(value) !== false && isMeant?.(value, before) !== false;

const contextOf = (text: string, at: number, before: string): string =>
  `${before.slice(-BEFORE_MAX)}${text.slice(Math.max(0, at - BEFORE_MAX), at)}`.slice(-BEFORE_MAX);

function foundIn(text: string, spans: readonly Span[]): readonly FoundSecret[] {
  const counts = new Map<string, number>();
  const known = new Set<string>();
  return spans.flatMap(({ id, covers, severity, start, end, isCertain }) => {
    const count = (counts.get(id) ?? 0) + 1;
    if (covers !== 'secret' || !isCertain || count > FOUND_MAX) return [];
    counts.set(id, count);
    const secret = text.slice(start, end);
    const place = `${start} ${end}`;
    // What two detectors see in one place is one secret.
    if (known.has(place)) return [];
    known.add(place);
    return [{ ruleId: id, severity, secret }];
  });
}

/**
 * Finds secrets in running text, in time proportional to its length. What it returns must be hashed and
 * forgotten. What may as well be harmless is not returned: a finding that is usually wrong is not read.
 * @source SD-1
 */
export const findSecrets = (text: string): readonly FoundSecret[] => foundIn(text, spansIn(text));

/** Finds secrets in one variable or label, whose value may contain spaces. */
export function findSecretsInEntry({ name, value }: Assignment): readonly FoundSecret[] {
  const text = `${name}=${value}`;
  const named = findNamedValue(name, value);
  return [...foundIn(text, spansByForm(text)), ...(named === null ? [] : foundIn(value, [named]))];
}

/** True when a text that is meant to be stored, like a name, is or holds a secret itself. */
export const holdsSecret = (text: string): boolean =>
  spansByForm(text).some(({ covers, isCertain }) => covers === 'secret' && isCertain);
