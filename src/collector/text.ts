import { createHash } from 'node:crypto';
import { BOUNDS, INVISIBLE } from '../contracts/schemas/fingerprint-fields';
import { redactArguments, redactText } from '../sensitive-values';

/** Longer texts are cut once they are redacted: half a secret would not be recognised. */
const LONGEST = 8192;
/** Longer ones still are not looked through and so not shown at all: no name is as long as a book. */
const LOOKED_THROUGH_MAX = 4 * 1024 * 1024;

const INVISIBLES = new RegExp(INVISIBLE.source, 'gu');

/** A name, a version, a schedule: visible, without secrets, not longer than a name may be. */
export const nameText = (text: string): string => bounded(text, BOUNDS.name);

/** Any text: visible, without secrets, not longer than `max` characters. */
export const shortText = (text: string, max: number): string => bounded(text, max);

/** A path: visible, without secrets, not longer than a path may be. */
export const pathText = (text: string): string => bounded(text, BOUNDS.path);

/** A command line as it stands in a file, or null when nothing is in it. */
export const commandOrNull = (text: string | null | undefined): string | null => {
  const trimmed = text?.trim() ?? '';
  return trimmed === '' ? null : bounded(trimmed, BOUNDS.command);
};

/**
 * A command line from its words, or null when there are none. Each word is looked at as a whole, because
 * a password may hold spaces; what is longer than a command line may be is cut after that.
 */
export const wordsOrNull = (words: readonly string[]): string | null =>
  words.length === 0 ? null : commandOrNull(redactArguments(words));

/** The text made fit, or null when nothing is in it. */
export const nameOrNull = (text: string | null | undefined): string | null => {
  const trimmed = text?.trim() ?? '';
  return trimmed === '' ? null : nameText(trimmed);
};

/** The path made fit, or null when nothing is in it. */
export const pathOrNull = (text: string | null | undefined): string | null =>
  text === undefined || text === null || text === '' ? null : pathText(text);

/** At most as many items as a record may have; sorted and each once, so that order says nothing. */
export function listText(items: Iterable<string>, fit = nameText): string[] {
  const distinct = new Set<string>();
  for (const item of items) if (item !== '') distinct.add(fit(item));
  return [...distinct].sort(byText).slice(0, BOUNDS.list);
}

/** Order of code units: the same on every machine, whatever its language. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** SHA-256 of a text's UTF-8 bytes in hexadecimal. */
export const sha256 = (text: string | Uint8Array): string =>
  createHash('sha256').update(text).digest('hex');

function bounded(text: string, max: number): string {
  if (text.length > LOOKED_THROUGH_MAX) return `(${text.length} characters, not shown)`;
  const redacted = redactText(text);
  const shown = escapeInvisible(redacted.slice(0, LONGEST));
  if (shown.length <= max && redacted.length <= LONGEST) return shown;
  // Two long texts with the same beginning stay two; what was redacted is not in the digest either.
  const tail = `~${sha256(redacted).slice(0, 12)}`;
  return `${shown.slice(0, max - tail.length).replace(/[\uD800-\uDBFF]$/, '')}${tail}`;
}

/** Shows what nobody can see as `\u{202e}`, so that it can mislead neither a reader nor a terminal. */
function escapeInvisible(text: string): string {
  if (!INVISIBLE.test(text)) return text;
  return text.replace(
    INVISIBLES,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
