import { compareDigits } from './debian';

/** Words between the number and the revision; those before nothing make a version earlier. */
const BEFORE = ['alpha', 'beta', 'pre', 'rc'];
const AFTER = ['cvs', 'svn', 'git', 'hg', 'p'];

const VERSION =
  /^(\d+(?:\.\d+)*)([a-z]?)((?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)\d*)*)(?:~[0-9a-f]+)?(?:-r(\d+))?$/;

interface Parts {
  readonly numbers: readonly string[];
  readonly letter: string;
  readonly words: readonly { readonly rank: number; readonly number: string }[];
  readonly revision: string;
}

/**
 * Order of Alpine versions: numbers, a letter, words such as `_rc1` or `_p2`, and the revision of the
 * package. What is no such version compares with nothing.
 *
 * @returns Number.NaN when one of them is malformed.
 */
export function compareAlpine(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  if (left === null || right === null) return Number.NaN;
  return (
    compareNumbers(left.numbers, right.numbers) ||
    left.letter.localeCompare(right.letter, 'en') ||
    compareWords(left.words, right.words) ||
    compareDigits(left.revision, right.revision)
  );
}

function partsOf(version: string): Parts | null {
  const found = VERSION.exec(version.trim());
  if (found === null) return null;
  const [, numbers = '', letter = '', words = '', revision = '0'] = found;
  return {
    numbers: numbers.split('.'),
    letter,
    words: [...words.matchAll(/_([a-z]+)(\d*)/g)].map(([, word = '', number = '']) => ({
      rank: BEFORE.includes(word) ? BEFORE.indexOf(word) - BEFORE.length : AFTER.indexOf(word) + 1,
      number,
    })),
    revision,
  };
}

/** A number behind the first that begins with zero is read as digits after a decimal point. */
function compareNumbers(a: readonly string[], b: readonly string[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const [left, right] = [a[at], b[at]];
    if (left === undefined || right === undefined) return left === right ? 0 : left ? 1 : -1;
    const isFraction = at > 0 && (left.startsWith('0') || right.startsWith('0'));
    const difference = isFraction ? compareText(left, right) : compareDigits(left, right);
    if (difference !== 0) return difference;
  }
  return 0;
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** No word at all is between those before and those after. */
const NO_WORD = Object.freeze({ rank: 0, number: '' });

function compareWords(a: Parts['words'], b: Parts['words']): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const [left, right] = [a[at] ?? NO_WORD, b[at] ?? NO_WORD];
    const difference = left.rank - right.rank || compareDigits(left.number, right.number);
    if (difference !== 0) return difference;
  }
  return 0;
}
