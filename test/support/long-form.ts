/** True in the long form of the tests, `./dev test --long`. */
export const IS_LONG = process.env['LETHE_LONG_TESTS'] === '1';

/**
 * What chooses among more faults than a run has time for: the given seed, or any. It is printed, so that a
 * run can be repeated; runs with other seeds choose others.
 */
export const LONG_SEED = Number(
  process.env['LETHE_LONG_SEED'] ?? Math.floor(Math.random() * 2 ** 31),
);

/** A share of the deaths: the k-th of n parts that together are all of them. */
export interface Share {
  readonly part: number;
  readonly parts: number;
}

/** Reads `k/n`; nothing means everything. @throws when it is neither. */
export function readShare(text: string): Share {
  if (text === '') return { part: 1, parts: 1 };
  const [, part = 0, parts = 0] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (part < 1 || part > parts) throw new Error(`a part is given as k/n, such as 2/4, not ${text}`);
  return { part, parts };
}

/** What of a list belongs to a share. */
export const shareOf = <T>(all: readonly T[], { part, parts }: Share): readonly T[] =>
  all.filter((_, index) => index % parts === part - 1);

/** The share of this process. */
export const LONG_SHARE = readShare(process.env['LETHE_LONG_PART'] ?? '');

/** Kinds of life that the crash matrix plays: those that have this in their name; nothing means all. */
export const CHOSEN_STORY = process.env['LETHE_CRASH_STORY'] ?? '';
