import { drawnAt, isDrawnByLot, isSurelySecret, isSwitch, whatSays } from './names';
import { HIGH_ENTROPY, NAMED, spanOf, type Span } from './span';

/**
 * A name and what separates it from its value: `NAME=`, `"name": `, `name: `. A colon alone is also what
 * separates a path from its mode or an image from its tag, so it needs a space or a quotation mark.
 */
export const NAME =
  /(?<![\w.-])([\w.-]+)(?:\\?["'])?[ \t]{0,4}(?:=>|:=|=|:(?=[ \t"'\\]))[ \t]{0,4}/g;

/** A value from its beginning: in quotation marks, or up to the next space or mark. */
export const VALUE = /\\?"((?:[^"\\]|\\[^])*)|\\?'((?:[^'\\]|\\[^])*)|((?:[^\s"'\\]|\\[^])+)/dy;

/** Values that stand behind the name of a secret. Work is proportional to the text. */
export function findNamedValues(text: string): readonly Span[] {
  if (!text.includes('=') && !text.includes(':')) return [];
  const spans: Span[] = [];
  let covered = 0;
  for (const match of text.matchAll(NAME)) {
    const at = match.index + match[0].length;
    if (at < covered) continue;
    const span = valueAt(text, at, match[1] ?? '');
    if (span === null) continue;
    spans.push(span);
    covered = span.end;
  }
  return spans;
}

function valueAt(text: string, at: number, name: string): Span | null {
  const says = whatSays(name);
  if (says === 'nothing') return null;
  if (says === 'suspicious') {
    const drawn = drawnAt(text, /["']/.test(text[at] ?? '') ? at + 1 : at);
    return drawn === null ? null : spanOf(HIGH_ENTROPY, drawn, false);
  }
  const range = rangeAt(text, at);
  if (range === null) return null;
  const value = text.slice(...range);
  if (isSwitch(value)) return null;
  return spanOf(NAMED, range, says === 'secret' && isSurelySecret(value));
}

function rangeAt(text: string, at: number): readonly [number, number] | null {
  VALUE.lastIndex = at;
  const groups = VALUE.exec(text)?.indices?.slice(1) ?? [];
  return groups.find((group) => group !== undefined) ?? null;
}

/** The whole value of one variable, label or argument, when its name says that it is a secret. */
export function findNamedValue(name: string, value: string): Span | null {
  const says = whatSays(name);
  const whole = [0, value.length] as const;
  if (says === 'nothing' || isSwitch(value)) return null;
  if (says === 'suspicious') return isDrawnByLot(value) ? spanOf(HIGH_ENTROPY, whole, false) : null;
  return spanOf(NAMED, whole, says === 'secret' && isSurelySecret(value));
}
