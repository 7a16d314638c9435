import { compareDigits } from './debian';

const VERSION = new RegExp(
  '^v?(?:(\\d+)!)?(\\d+(?:\\.\\d+)*)' +
    '(?:[-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?(\\d*))?' +
    '(?:-(\\d+)|[-_.]?(post|rev|r)[-_.]?(\\d*))?' +
    '(?:[-_.]?(dev)[-_.]?(\\d*))?' +
    '(?:\\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$',
);

const PRE_RANKS: Readonly<Record<string, number>> = {
  a: 0,
  alpha: 0,
  b: 1,
  beta: 1,
  c: 2,
  rc: 2,
  pre: 2,
  preview: 2,
};

/** A part that is missing, and whether that means earlier or later than every one that is there. */
const EARLIEST = -1;
const LATEST = 3;

interface Parts {
  readonly epoch: string;
  readonly release: readonly string[];
  readonly pre: readonly [rank: number, number: string];
  /** Null is before every number. */
  readonly post: string | null;
  /** Null is after every number. */
  readonly dev: string | null;
  readonly local: readonly string[] | null;
}

/**
 * Order of Python versions as PEP 440 defines it.
 *
 * @returns Number.NaN when one of them is malformed.
 */
export function comparePep440(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  if (left === null || right === null) return Number.NaN;
  return (
    compareDigits(left.epoch, right.epoch) ||
    compareReleases(left.release, right.release) ||
    left.pre[0] - right.pre[0] ||
    compareDigits(left.pre[1], right.pre[1]) ||
    compareOptional([left.post, right.post], -1) ||
    compareOptional([left.dev, right.dev], 1) ||
    compareLocal(left.local, right.local)
  );
}

/**
 * The same where one of them says which versions are meant: without a local label of its own it means
 * every build of a version, whatever label that has, as PEP 440 has it for specifiers.
 */
export function comparePep440Meant(a: string, b: string): number {
  const isLabelled = (version: string): boolean => version.includes('+');
  if (isLabelled(a) === isLabelled(b)) return comparePep440(a, b);
  return comparePep440(withoutLabel(a), withoutLabel(b));
}

const withoutLabel = (version: string): string => version.split('+', 1)[0] ?? '';

function partsOf(version: string): Parts | null {
  const found = VERSION.exec(version.trim().toLowerCase());
  if (found === null) return null;
  const [, epoch, release = '', pre, preNumber] = found;
  const [bare, post, postNumber, dev, devNumber, local] = found.slice(5);
  const afterRelease = bare ?? numberBehind(post, postNumber);
  const development = numberBehind(dev, devNumber);
  return {
    epoch: epoch ?? '0',
    release: release.split('.'),
    pre:
      pre === undefined
        ? withoutPre(afterRelease, development)
        : [PRE_RANKS[pre] ?? LATEST, preNumber ?? ''],
    post: afterRelease,
    dev: development,
    local: local === undefined ? null : local.split(/[-_.]/),
  };
}

/** A word without a number has the number zero. */
const numberBehind = (word: string | undefined, number = ''): string | null =>
  word === undefined ? null : number;

/** `1.0.dev1` comes before `1.0a1`; every other release without a pre-release after all of them. */
const withoutPre = (post: string | null, dev: string | null): Parts['pre'] => [
  post === null && dev !== null ? EARLIEST : LATEST,
  '',
];

function compareReleases(a: readonly string[], b: readonly string[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const difference = compareDigits(a[at] ?? '', b[at] ?? '');
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Compares numbers of which one may be missing. */
function compareOptional([a, b]: readonly [string | null, string | null], missing: -1 | 1): number {
  if (a !== null && b !== null) return compareDigits(a, b);
  if (a === b) return 0;
  return a === null ? missing : -missing;
}

function compareLocal(a: readonly string[] | null, b: readonly string[] | null): number {
  const [left, right] = [a ?? [], b ?? []];
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const difference = compareSegments(left[at], right[at]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Numbers come after words, and everything after nothing. */
function compareSegments(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(b === undefined) - Number(a === undefined);
  const [isNumberA, isNumberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumberA && isNumberB) return compareDigits(a, b);
  if (isNumberA !== isNumberB) return isNumberA ? 1 : -1;
  return a < b ? -1 : a > b ? 1 : 0;
}
