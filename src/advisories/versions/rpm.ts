import { compareDigits } from './debian';

/**
 * Order of versions of Red Hat's package manager: epoch, then version, then release, each in runs of
 * digits and runs of letters. What stands between the runs only separates them, except for `~`, which
 * comes before the end, and `^`, which comes after it and before anything else that goes on.
 *
 * A side without a release says nothing about it: the other one's is not looked at.
 */
export function compareRpm(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  const byVersion =
    compareDigits(left.epoch, right.epoch) || compareRuns(left.version, right.version);
  if (byVersion !== 0 || left.release === null || right.release === null) return byVersion;
  return compareRuns(left.release, right.release);
}

/** Builds of a module stream carry its mark; they follow other versions than what has none. */
export const isOfModule = (version: string): boolean => version.includes('.module+');

function partsOf(text: string): {
  readonly epoch: string;
  readonly version: string;
  readonly release: string | null;
} {
  const [, epoch = '0', rest = ''] = /^(?:(\d{1,9}):)?(.*)$/s.exec(text.trim()) ?? [];
  const dash = rest.lastIndexOf('-');
  if (dash < 0) return { epoch, version: rest, release: null };
  return { epoch, version: rest.slice(0, dash), release: rest.slice(dash + 1) };
}

const RUN = /[0-9]+|[A-Za-z]+|[~^]/g;

function compareRuns(a: string, b: string): number {
  const [left, right] = [a.match(RUN) ?? [], b.match(RUN) ?? []];
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const difference = compareRun(left[at], right[at]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** What a run is: a smaller number comes first when two runs are of different kinds. */
function rankOf(run: string | undefined): number {
  if (run === '~') return 0;
  if (run === undefined) return 1;
  if (run === '^') return 2;
  return /^[0-9]/.test(run) ? 4 : 3;
}

function compareRun(a: string | undefined, b: string | undefined): number {
  const byKind = rankOf(a) - rankOf(b);
  if (byKind !== 0 || a === undefined || b === undefined) return byKind;
  if (rankOf(a) === 4) return compareDigits(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}
