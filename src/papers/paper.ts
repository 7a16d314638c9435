/**
 * A paper: what a printed page says, without saying how it looks. The page for browsers and the PDF are
 * made from the same paper, so that they cannot say different things.
 */

/** Languages that papers are printed in. */
export const LANGUAGES = Object.freeze(['en', 'zh'] as const);

/** A language of papers. */
export type Language = (typeof LANGUAGES)[number];

/** Rows under a heading; the first cell of each row names it. */
export interface Section {
  readonly heading: string;
  /** A sentence between the heading and the rows. */
  readonly note?: string;
  /** Headings of the columns; left out where the first cell says enough. */
  readonly head?: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** One document in one language. */
export interface Paper {
  readonly language: Language;
  readonly title: string;
  /** Id that stands at the foot of every printed page. */
  readonly reference: string;
  /** What must not be overlooked: set apart from everything else. */
  readonly warnings: readonly string[];
  readonly statement: string;
  readonly sections: readonly Section[];
  /** How to check it. */
  readonly notice: string;
}

/** What documents call a language: the tags that readers and screen readers know. */
export const LANGUAGE_TAGS: Readonly<Record<Language, string>> = Object.freeze({
  en: 'en',
  zh: 'zh-CN',
});
