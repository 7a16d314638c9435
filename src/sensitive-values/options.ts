import { isSurelySecret, isSwitch, whatSays } from './names';
import { ANY_PROGRAM, PROGRAMS, type Program } from './programs';
import { NAMED, NAMED_OPTION, spanOf, type Span } from './span';

/** A word of a shell line, with the quotation marks in it. */
export const WORD = /(?:"(?:[^"\\]|\\[^])*"?|'[^']*'?|\\[^]?|[^\s"'\\])+/g;
/** What surrounds a word in a list of JSON, in brackets or in quotation marks. */
const AROUND = /^[[({"'`,]+|[\])}"'`,;]+$/g;
/** An option that is a whole name, as `--password` or `-password`. */
const LONG_OPTION = /^--?([A-Za-z][\w.-]+)$/;
/** A key that tools are told to set, with the value in the next word. */
const SET_KEY =
  /^(?!\/etc\/)(?:aws_(?:secret_access_key|session_token)|--(?:src-|dest-)?creds|[\w./:-]*(?:password|passwd|_authToken))$/;
/** `/password:x` and `/pass:x`, as programs that come from Windows have it; a path in its place is a volume. */
const SLASHED = /^(\/([A-Za-z][\w-]{1,31}):)(?=.)/;
const SLASHED_ALONE = /^\/(?:password|passwd|passphrase|pwd)$/i;
/** Names of which nobody has a volume. */
const SURELY_SLASHED = /^(?:password|passwd|passphrase|pass|pwd)$/i;
const SEPARATOR = /^(?:[|;&]+|then|do|else)$/;

interface Reading {
  program: Program | null;
  /** What has to come before the options of the program has come. */
  isReady: boolean;
  /** Words that were no options since then. */
  words: number;
  /** Why the next word is a secret; null when it is not. */
  expects: { readonly id: string; readonly isCertain: boolean } | null;
}

/** A word and where it stands. */
interface Word {
  readonly text: string;
  readonly start: number;
}

/** Passwords that a command line gives to its programs. Work is proportional to the text. */
export function findOptionValues(text: string): readonly Span[] {
  // A word alone is given to nobody.
  if (!/\s/.test(text)) return [];
  const reading = startReading();
  const spans: Span[] = [];
  for (const { 0: raw, index } of text.matchAll(WORD)) {
    const lead = /^[[({"'`,]*/.exec(raw)?.[0].length ?? 0;
    // A command line in quotation marks is one word of the line around it.
    if (/\s/.test(raw)) {
      const inside = findOptionValues(raw.replace(/["'\\]/g, ' '));
      spans.push(...inside.map((span) => moved(span, index)));
    }
    const span = readWord(reading, { text: raw.replace(AROUND, ''), start: index + lead });
    if (span !== null) spans.push(span);
  }
  return spans;
}

/**
 * The same for words that are known to be words, as a process has them.
 *
 * @returns for each word what in it is a secret; null for nothing.
 */
export function findInArguments(words: readonly string[]): readonly (Span | null)[] {
  const reading = startReading();
  return words.map((text) => readWord(reading, { text, start: 0 }));
}

const startReading = (): Reading => ({ program: null, isReady: false, words: 0, expects: null });

const moved = (span: Span, by: number): Span => ({
  ...span,
  start: span.start + by,
  end: span.end + by,
});

function readWord(reading: Reading, word: Word): Span | null {
  const { expects } = reading;
  reading.expects = null;
  if (expects !== null && isValue(word.text)) {
    // `change_password` reads like a name whose value follows; the place after that counts all the same.
    isAtPlace(reading, word.text);
    return isSwitch(word.text) ? null : expectedSpan(expects, word);
  }
  const isNoted = noteProgram(reading, word.text);
  reading.expects = expectation(programAt(reading), word.text);
  if (!isNoted && isAtPlace(reading, word.text)) {
    return spanOf(NAMED_OPTION, rangeOf(word, 0), false);
  }
  return joinedSpan(programAt(reading), word);
}

/** The program whose options are read; null before what has to come first. */
const programAt = ({ isReady, program }: Reading): Program | null => (isReady ? program : null);

function joinedSpan(program: Program | null, word: Word): Span | null {
  const option = program?.joined?.exec(word.text)?.[1] ?? slashedOption(word.text);
  return option === undefined ? null : spanOf(NAMED_OPTION, rangeOf(word, option.length), false);
}

function slashedOption(text: string): string | undefined {
  const [, option = '', name = ''] = SLASHED.exec(text) ?? [];
  const value = text.slice(option.length);
  if (option === '' || isSwitch(value)) return undefined;
  const says = whatSays(name);
  const isMeant = (says === 'secret' || says === 'likely') && !value.startsWith('/');
  return isMeant || SURELY_SLASHED.test(name) ? option : undefined;
}

const expectedSpan = ({ id, isCertain }: NonNullable<Reading['expects']>, word: Word): Span =>
  spanOf(id, rangeOf(word, 0), isCertain && isSurelySecret(word.text));

/** True when the word is a program, ends one, or is the word that its options come after. */
function noteProgram(reading: Reading, text: string): boolean {
  const named = SEPARATOR.test(text) ? null : programOf(text);
  if (named !== undefined) {
    reading.program = named;
    reading.isReady = named?.after === undefined;
  } else if (!reading.isReady && reading.program?.after?.test(text) === true) {
    reading.isReady = true;
  } else return false;
  reading.words = 0;
  return true;
}

/** Counts the words that are no options, and says whether this one holds a password by its place. */
function isAtPlace(reading: Reading, text: string): boolean {
  const places = programAt(reading)?.places;
  if (places === undefined || text === '' || text === '--' || isOption(text)) return false;
  reading.words += 1;
  return places.includes(reading.words);
}

/** False for what ends a command, and for the next option. */
const isValue = (text: string): boolean => !/^[|;&]*$/.test(text) && !isOption(text);

/** `-x` and `--name`; a password may begin with a hyphen too, and then it looks like neither. */
const isOption = (text: string): boolean => /^--?[A-Za-z][\w-]*(?:=|$)/.test(text);

const rangeOf = ({ text, start }: Word, skip: number): readonly [number, number] => [
  start + skip,
  start + text.length,
];

function programOf(text: string): Program | undefined {
  const name = text.slice(Math.max(text.lastIndexOf('/'), text.lastIndexOf('=')) + 1);
  if (name.length > 64 || !ANY_PROGRAM.test(name)) return undefined;
  return PROGRAMS.find(({ names }) => names.test(name));
}

function expectation(program: Program | null, text: string): Reading['expects'] {
  if (program?.next?.test(text) === true) return { id: NAMED_OPTION, isCertain: false };
  if (SLASHED_ALONE.test(text)) return { id: NAMED_OPTION, isCertain: false };
  const named = LONG_OPTION.exec(text)?.[1];
  const says = named === undefined ? 'nothing' : whatSays(named);
  if (says === 'secret') return { id: NAMED, isCertain: text.startsWith('--') };
  if (says === 'likely' || SET_KEY.test(text)) return { id: NAMED, isCertain: false };
  return null;
}
