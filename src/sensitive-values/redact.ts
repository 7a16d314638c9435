import { DETECTOR_IDS } from './detectors';
import { spansIn } from './find';
import { findNamedValue } from './named-values';
import { findInArguments } from './options';
import type { Span } from './span';

const MARK = /\[redacted:([a-z0-9-]{1,40})\]/g;

/** What stands in the place of a value that a detector saw. */
const markOf = (id: string): string => `[redacted:${id}]`;

/** Numbers of marks by detector. */
export type MarkCounts = Map<string, number>;

/** Adds the marks in a text to the counts; what only looks like a mark is not counted. */
export function countMarks(text: string, counts: MarkCounts): void {
  if (!text.includes('[redacted:')) return;
  for (const [, id = ''] of text.matchAll(MARK)) {
    if (DETECTOR_IDS.has(id)) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
}

/** A value that touched another one is seen once that is gone; more rounds than this are never needed. */
const ROUNDS_MAX = 8;

/**
 * Replaces every sensitive value in a text by a mark that names its detector. Redacting again changes
 * nothing: a mark is left alone, and only one of a known detector is a mark. @source SD-1
 */
export function redactText(text: string): string {
  let shown = text;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const next = replaced(shown, spansIn(shown));
    if (next === shown) break;
    shown = next;
  }
  return shown;
}

/** A value that stands alone under a name, as a variable or a label does. */
function redactEntry(name: string, value: string): string {
  const named = findNamedValue(name, value);
  return replaced(value, [...spansIn(value, `${name}=`), ...(named === null ? [] : [named])]);
}

/** A command line from its words, each of which may contain spaces. */
export function redactArguments(words: readonly string[]): string {
  const spans = findInArguments(words);
  const shown = words.map((word, index) => {
    const span = spans[index] ?? null;
    const [, option = '', name = '', value = ''] = /^(-{0,2}([\w.-]+)=)([^]*)$/.exec(word) ?? [];
    if (option !== '') return `${option}${redactEntry(name, value)}`;
    const before = index === 0 ? '' : `${words[index - 1] ?? ''} `;
    return replaced(word, [...spansIn(word, before), ...(span === null ? [] : [span])]);
  });
  return redactText(shown.join(' '));
}

function replaced(text: string, seen: readonly Span[]): string {
  if (seen.length === 0) return text;
  const marks = marksIn(text);
  const spans = seen.filter(
    ({ start, end }) =>
      end > start && !marks.some((mark) => mark.start <= start && end <= mark.end),
  );
  let shown = '';
  let at = 0;
  for (const { id, start, end } of merged(spans)) {
    shown += text.slice(at, start) + markOf(id);
    at = end;
  }
  return shown + text.slice(at);
}

function marksIn(text: string): readonly { readonly start: number; readonly end: number }[] {
  if (!text.includes('[redacted:')) return [];
  return [...text.matchAll(MARK)].flatMap(({ 0: mark, 1: id = '', index }) =>
    DETECTOR_IDS.has(id) ? [{ start: index, end: index + mark.length }] : [],
  );
}

/** Places that overlap become one, named by the detector that comes first. */
function merged(spans: readonly Span[]): readonly Pick<Span, 'id' | 'start' | 'end'>[] {
  const ranked = spans
    .map((span, rank) => ({ ...span, rank }))
    .sort((a, b) => a.start - b.start || a.rank - b.rank);
  const places: { id: string; start: number; end: number; rank: number }[] = [];
  for (const { id, start, end, rank } of ranked) {
    const last = places.at(-1);
    if (last === undefined || start >= last.end) places.push({ id, start, end, rank });
    else {
      if (rank < last.rank) Object.assign(last, { id, rank });
      last.end = Math.max(last.end, end);
    }
  }
  return places;
}
