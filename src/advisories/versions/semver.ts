import { compareDigits } from './debian';

const VERSION = /^[v=\s]*(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

/**
 * Order of semantic versions, also of Go's with their `v` and pseudo-versions, which are ordinary
 * pre-releases. Build metadata say nothing. Missing numbers are zero, as advisories write them.
 *
 * @returns Number.NaN when one of them is malformed.
 */
export function compareSemver(a: string, b: string): number {
  const [left, right] = [VERSION.exec(a.trim()), VERSION.exec(b.trim())];
  if (left === null || right === null) return Number.NaN;
  for (const part of [1, 2, 3]) {
    const difference = compareDigits(left[part] ?? '0', right[part] ?? '0');
    if (difference !== 0) return difference;
  }
  return comparePrereleases(left[4], right[4]);
}

/** A version with a pre-release comes before the same one without. */
function comparePrereleases(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  const [left, right] = [a.split('.'), b.split('.')];
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const difference = compareIdentifiers(left[at], right[at]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function compareIdentifiers(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(b === undefined) - Number(a === undefined);
  const [isNumberA, isNumberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumberA && isNumberB) return compareDigits(a, b);
  if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Go's tool chain writes `1.22rc1` where a semantic version would be `1.22.0-rc1`; what its builders add
 * behind a hyphen, a space or a plus sign says nothing about the version.
 */
export const fromToolchain = (version: string): string =>
  version
    .replace(/[\s+-].*$/, '')
    .replace(/^(?:go)?(\d+\.\d+)(?:\.(\d+))?(rc|beta)(\d+)$/, '$1.0-$3.$4');
