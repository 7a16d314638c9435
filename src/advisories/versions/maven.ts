import { compareDigits } from './debian';

/** Words with a place of their own; an empty one is the release itself. */
const QUALIFIERS = ['alpha', 'beta', 'milestone', 'rc', 'snapshot', '', 'sp'];
const ALIASES: Readonly<Record<string, string>> = { ga: '', final: '', release: '', cr: 'rc' };
/** One letter before a digit stands for a word. */
const LETTERS: Readonly<Record<string, string>> = { a: 'alpha', b: 'beta', m: 'milestone' };

/** A number, a word, or what stands behind a hyphen. */
type Item = { readonly digits: string } | { readonly word: string } | readonly Item[];

/** Deeper nesting is no version. */
const DEPTH_MAX = 100;

/** Order of Maven versions as its own comparison defines it. */
export function compareMaven(a: string, b: string): number {
  return compareItems(parse(a), parse(b));
}

function parse(version: string): readonly Item[] {
  const root: Item[] = [];
  let list = root;
  let depth = 0;
  const open = (): void => {
    if ((depth += 1) > DEPTH_MAX) return;
    const inner: Item[] = [];
    list.push(inner);
    list = inner;
  };
  const tokens =
    version
      .toLowerCase()
      .slice(0, 512)
      .match(/\d+|[^\d.-]+|[.-]/g) ?? [];
  let wasSeparator = true;
  const separate = (token: string): void => {
    if (wasSeparator) list.push({ digits: '0' });
    if (token === '-') open();
  };
  const add = (token: string, next: string | undefined): void => {
    // Where digits meet letters there is a hyphen that nobody wrote.
    if (!wasSeparator) open();
    if (isNumber(token)) {
      list.push({ digits: token });
      return;
    }
    const before = next !== undefined && isNumber(next);
    // A word behind a dot is the same as one behind a hyphen, unless a separator follows it.
    if ((before || next === undefined) && list.length > 0) open();
    list.push({ word: wordOf(token, before) });
  };
  tokens.forEach((token, index) => {
    const isSeparator = token === '.' || token === '-';
    if (isSeparator) separate(token);
    else add(token, tokens[index + 1]);
    wasSeparator = isSeparator;
  });
  return normalized(root);
}

const isNumber = (token: string): boolean => /^\d/.test(token);

function wordOf(token: string, beforeDigit: boolean): string {
  const word = beforeDigit ? (LETTERS[token] ?? token) : token;
  return ALIASES[word] ?? word;
}

/** Items that say nothing are dropped before the end and before each list. */
function normalized(items: readonly Item[]): readonly Item[] {
  const kept: Item[] = [];
  for (const item of [...items].reverse()) {
    const full = isList(item) ? normalized(item) : item;
    const next = kept[0];
    const isDroppable = next === undefined || isList(next);
    if (!(isDroppable && isNothing(full))) kept.unshift(full);
  }
  return kept;
}

const isList = (item: Item): item is readonly Item[] => Array.isArray(item);

const isNothing = (item: Item): boolean =>
  isList(item) ? item.length === 0 : 'digits' in item ? /^0*$/.test(item.digits) : item.word === '';

function compareItems(a: readonly Item[], b: readonly Item[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const difference = compareItem(a[at], b[at]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function compareItem(a: Item | undefined, b: Item | undefined): number {
  if (a === undefined) return b === undefined ? 0 : -compareWithNothing(b);
  if (b === undefined) return compareWithNothing(a);
  const byRank = rankOf(a) - rankOf(b);
  return byRank !== 0 ? byRank : compareAlike(a, b);
}

/** Compares two items of one kind. */
function compareAlike(a: Item, b: Item): number {
  if (isList(a) || isList(b)) return isList(a) && isList(b) ? compareItems(a, b) : 0;
  if ('digits' in a) return 'digits' in b ? compareDigits(a.digits, b.digits) : 0;
  return 'word' in b ? compareWords(a.word, b.word) : 0;
}

/** Words come before lists, lists before numbers. */
const rankOf = (item: Item): number => (isList(item) ? 1 : 'digits' in item ? 2 : 0);

function compareWithNothing(item: Item): number {
  if (isList(item)) {
    for (const inner of item) {
      const difference = compareWithNothing(inner);
      if (difference !== 0) return difference;
    }
    return 0;
  }
  if ('digits' in item) return /^0*$/.test(item.digits) ? 0 : 1;
  return compareWords(item.word, '');
}

/** Known words in their order, unknown ones after them in the order of their letters. */
function compareWords(a: string, b: string): number {
  const [left, right] = [placeOf(a), placeOf(b)];
  if (left !== right) return left - right;
  return a < b ? -1 : a > b ? 1 : 0;
}

const placeOf = (word: string): number => {
  const place = QUALIFIERS.indexOf(word);
  return place < 0 ? QUALIFIERS.length : place;
};
