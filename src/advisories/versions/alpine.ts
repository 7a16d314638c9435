import { compareDigits } from './debian';

/** Words between the numbers and the revision; those before nothing make a version earlier. */
const BEFORE = ['alpha', 'beta', 'pre', 'rc'];
const AFTER = ['cvs', 'svn', 'git', 'hg', 'p'];

const WORD = `_(?:${[...BEFORE, ...AFTER].join('|')})(?![a-z])\\d*`;
const VERSION = new RegExp(
  `^(\\d+(?:\\.\\d+)*)([a-z]?)((?:${WORD})*)(?:~([0-9a-f]+))?(?:-r(\\d+))?`,
);

/** Kinds of parts in the order in which they may stand; where others are equal, an earlier kind is later. */
const KINDS = Object.freeze({
  first: 0,
  number: 1,
  letter: 2,
  word: 3,
  wordNumber: 4,
  commit: 5,
  revision: 6,
  end: 7,
  noVersion: 8,
});

interface Part {
  readonly kind: number;
  readonly text: string;
}

/**
 * Order of Alpine versions: numbers, a letter, words such as `_rc1` or `_p2`, a commit, and the revision
 * of the package. What does not go on as a version is compared as far as it is one.
 *
 * @returns Number.NaN when one of them does not even begin like a version.
 */
export function compareAlpine(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  if (left === null || right === null) return Number.NaN;
  for (let at = 0; ; at += 1) {
    const [one, other] = [left[at], right[at]];
    if (one === undefined || other === undefined) return 0;
    const difference = one.kind === other.kind ? compareText(one, other) : compareKind(one, other);
    if (difference !== 0) return difference;
  }
}

function partsOf(version: string): readonly Part[] | null {
  const text = version.trim();
  const found = VERSION.exec(text);
  if (found === null) return null;
  const [all, numbers = '', letter, words = '', commit, revision] = found;
  const part = (kind: number, value: string | undefined): readonly Part[] =>
    value === undefined || value === '' ? [] : [{ kind, text: value }];
  return [
    ...numbers
      .split('.')
      .flatMap((digits, at) => part(at === 0 ? KINDS.first : KINDS.number, digits)),
    ...part(KINDS.letter, letter),
    ...[...words.matchAll(/_([a-z]+)(\d*)/g)].flatMap(([, word, digits]) => [
      ...part(KINDS.word, word),
      ...part(KINDS.wordNumber, digits),
    ]),
    ...part(KINDS.commit, commit),
    ...part(KINDS.revision, revision),
    { kind: all.length === text.length ? KINDS.end : KINDS.noVersion, text: '' },
  ];
}

const isBefore = ({ kind, text }: Part): boolean => kind === KINDS.word && BEFORE.includes(text);

function compareKind(a: Part, b: Part): number {
  if (isBefore(a)) return -1;
  if (isBefore(b)) return 1;
  return b.kind - a.kind;
}

/** A number behind the first that begins with zero is read as digits after a decimal point. */
function compareText(a: Part, b: Part): number {
  if (a.kind === KINDS.word) return placeOf(a.text) - placeOf(b.text);
  const isFraction = a.kind === KINDS.number && (a.text.startsWith('0') || b.text.startsWith('0'));
  const isNumber = ![KINDS.letter, KINDS.commit].some((kind) => kind === a.kind);
  if (isNumber && !isFraction) return compareDigits(a.text, b.text);
  return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
}

const placeOf = (word: string): number => [...BEFORE, ...AFTER].indexOf(word);
