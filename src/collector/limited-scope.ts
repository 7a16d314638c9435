import type { Scope } from './scope';

/** Work that may still be done. */
export interface Allowance {
  /** False once nothing is left. */
  take(steps: number): boolean;
}

/** So many steps; what is taken is taken from `whole` as well. */
export function createAllowance(steps: number, whole?: Allowance): Allowance {
  let left = steps;
  return {
    take: (taken) => {
      left -= taken;
      return left >= 0 && (whole?.take(taken) ?? true);
    },
  };
}

/** Bytes of one file of a person. */
const FILE_MAX = 64 * 1024;
const BYTES_OF_STEP = 4 * 1024;
const NAMES_OF_STEP = 16;

/**
 * The same scope with a limit on the work, for what people may fill as they like. What is left unread
 * then is noted once, under `place`.
 */
export function limitedScope(scope: Scope, allowance: Allowance, place: string): Scope {
  let isNoted = false;
  const isAllowed = (steps: number): boolean => {
    if (allowance.take(steps)) return true;
    if (!isNoted) scope.trouble('too-many', place);
    isNoted = true;
    return false;
  };
  const text: Scope['text'] = (path) => {
    if (!isAllowed(1)) return undefined;
    const found = scope.text(path, FILE_MAX);
    return isAllowed(Math.ceil((found?.length ?? 0) / BYTES_OF_STEP)) ? found : undefined;
  };
  return {
    ...scope,
    text,
    lines: (path) => text(path)?.split(/\r?\n/) ?? [],
    list: (path) => {
      if (!isAllowed(1)) return [];
      const names = scope.list(path);
      return isAllowed(Math.ceil(names.length / NAMES_OF_STEP)) ? names : [];
    },
  };
}
