import type { Language } from './paper';
import { en } from './words-en';
import { zh } from './words-zh';

/** The dictionary of a language. */
export type Words = typeof en;

/** Every language's words; one that lacks a word does not compile. */
export const WORDS: Readonly<Record<Language, Words>> = Object.freeze({ en, zh });

/** Puts values into the places that a sentence names in braces. */
export const filled = (
  sentence: string,
  values: Readonly<Record<string, string | number>>,
): string => sentence.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));

/** The word of a list for a name; the name itself when an older document has one that is gone. */
export const wordFor = (list: Readonly<Record<string, string>>, name: string): string =>
  list[name] ?? name;
