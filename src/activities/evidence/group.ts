/** Collects what is added while a commit runs, and commits it together afterwards. */
interface Group<T> {
  /** Resolves when the item is committed; rejects with the reason that is its own. */
  readonly add: (item: T) => Promise<void>;
}

interface Waiting<T> {
  readonly item: T;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Makes many small commits cost as much as few large ones. Nothing waits for a clock: an item that comes
 * alone is committed at once, those that come meanwhile go together.
 *
 * When a commit fails for a reason that may be one item's own, each is tried alone, so that none fails for
 * another's fault.
 *
 * @param limits - how many go together, and which failures are everybody's.
 */
export function createGroup<T>(
  commit: (items: readonly T[]) => Promise<void>,
  limits: { readonly together: number; readonly isOfAll: (error: unknown) => boolean },
): Group<T> {
  let waiting: Waiting<T>[] = [];
  let running = false;
  const commitAlone = async (one: Waiting<T>): Promise<void> => {
    await commit([one.item]).then(one.resolve, one.reject);
  };
  const commitTogether = async (some: readonly Waiting<T>[]): Promise<void> => {
    try {
      await commit(some.map(({ item }) => item));
      for (const { resolve } of some) resolve();
    } catch (error) {
      if (some.length === 1 || limits.isOfAll(error)) {
        for (const { reject } of some) reject(error);
      } else {
        for (const one of some) await commitAlone(one);
      }
    }
  };
  const run = async (): Promise<void> => {
    running = true;
    while (waiting.length > 0) {
      const length = powerOfTwoWithin(Math.min(waiting.length, limits.together));
      const some = waiting.slice(0, length);
      waiting = waiting.slice(length);
      await commitTogether(some);
    }
    running = false;
  };
  return {
    add: (item) =>
      new Promise<void>((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        if (!running) void run();
      }),
  };
}

/** Groups of few different sizes need few different statements. */
const powerOfTwoWithin = (count: number): number => 2 ** Math.floor(Math.log2(count));
