import { createHash } from 'node:crypto';
import { BOUNDS, INVISIBLE } from '../contracts/schemas/fingerprint-fields';

/** Longer texts are cut before anything else looks at them. */
const LONGEST = 8192;

/** Stands for a secret that was found in a text. */
export const REDACTED = '[redacted]';

/**
 * Texts that are secrets wherever they stand. Every pattern is linear: its parts cannot match the same
 * characters in two ways.
 */
const SECRETS: readonly RegExp[] = [
  /(?<=\b[a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@]+(?=@)/gi,
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY.*/g,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  /\bAKID[0-9A-Za-z]{28,40}\b/g,
  /\bLTAI[0-9A-Za-z]{12,24}\b/g,
  /\bgh[opsur]_[0-9A-Za-z]{30,255}\b/g,
  /\b(?:glpat|xox[abprs])-[0-9A-Za-z-]{10,255}/g,
  /\bnpm_[0-9A-Za-z]{30,64}\b/g,
  /\bAIza[0-9A-Za-z_-]{30,64}/g,
  /\bsk_live_[0-9A-Za-z]{16,128}\b/g,
  /\beyJ[0-9A-Za-z_-]{8,2000}\.[0-9A-Za-z_-]{8,4000}\.[0-9A-Za-z_-]{4,2000}/g,
  /(?<=(?:password|passwd|pwd|secret|token|api_?key|access_?key)=)[^\s&;]+/gi,
];

/** Cheap test for the patterns above: most texts hold none of these. */
const SUSPICIOUS = /:\/\/|-----|AKI|ASIA|LTAI|gh[opsur]_|glpat|xox|npm_|AIza|sk_live|eyJ|[a-z]=/i;

const INVISIBLES = new RegExp(INVISIBLE.source, 'gu');

/** A name, a version, a schedule: visible, without secrets, not longer than a name may be. */
export const nameText = (text: string): string => bounded(text, BOUNDS.name);

/** A path: visible, without secrets, not longer than a path may be. */
export const pathText = (text: string): string => bounded(text, BOUNDS.path);

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
  const short = text.length > LONGEST ? text.slice(0, LONGEST) : text;
  const shown = escapeInvisible(withoutSecrets(short));
  if (shown.length <= max && short.length === text.length) return shown;
  // Two long texts with the same beginning stay two.
  const tail = `~${sha256(text).slice(0, 12)}`;
  return `${shown.slice(0, max - tail.length).replace(/[\uD800-\uDBFF]$/, '')}${tail}`;
}

function withoutSecrets(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  return SECRETS.reduce((rest, secret) => rest.replace(secret, REDACTED), text);
}

/** Shows what nobody can see as `\u{202e}`, so that it can mislead neither a reader nor a terminal. */
function escapeInvisible(text: string): string {
  if (!INVISIBLE.test(text)) return text;
  return text.replace(
    INVISIBLES,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
