import { isLetheError } from '../domain/errors';

/** `skipped`: it could not be looked at from here, e.g. for want of a login; `found` says why. */
export type CheckState = 'ok' | 'warn' | 'fail' | 'skipped';

/** What a check saw. */
export interface Seen {
  readonly state: CheckState;
  readonly found: string;
}

/** One check of the surroundings. */
export interface CheckResult extends Seen {
  readonly name: string;
  /** What to do; null when all is well. */
  readonly remedy: string | null;
}

export const ok = (found: string): Seen => ({ state: 'ok', found });
export const warn = (found: string): Seen => ({ state: 'warn', found });
export const fail = (found: string): Seen => ({ state: 'fail', found });
export const skipped = (found: string): Seen => ({ state: 'skipped', found });

/** Longest part of a foreign message that is shown. */
const MESSAGE_MAX = 200;

/**
 * Carries out one check. What goes wrong fails it; what this machine has no login or address for is
 * skipped, and says so.
 */
export async function look(
  name: string,
  remedy: string,
  work: () => Promise<Seen>,
): Promise<CheckResult> {
  const seen = await work().catch(failed);
  return { name, ...seen, remedy: seen.state === 'ok' ? null : remedy };
}

function failed(error: unknown): Seen {
  if (!isLetheError(error)) {
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return fail(line.slice(0, MESSAGE_MAX));
  }
  if (error.code === 'CONFIGURATION_INVALID') return skipped(error.message);
  return fail(`${error.code}: ${error.message}`);
}

/** Clocks further apart than this are worth a look, and further than that stop destruction. */
const SKEW_WARN_MS = 5_000;
const SKEW_FAIL_MS = 300_000;

/** Judges another clock by ours, read before and after it; in between it cannot be told better. */
export function judgeClock(theirs: number, before: number, after: number): Seen {
  const ahead = theirs > after ? theirs - after : Math.min(0, theirs - before);
  const found = `${(ahead / 1000).toFixed(1)} s ahead of this machine`;
  if (Math.abs(ahead) > SKEW_FAIL_MS) return fail(found);
  return Math.abs(ahead) > SKEW_WARN_MS ? warn(found) : ok(found);
}
