import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { UnreadReason } from '../../contracts/schemas/host-report';

/** What was read, or why it could not be. */
export type Read<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: UnreadReason };

const REASONS: Readonly<Record<string, UnreadReason>> = Object.freeze({
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  ESRCH: 'missing',
  EACCES: 'denied',
  EPERM: 'denied',
  EISDIR: 'not-regular',
  ENXIO: 'not-regular',
  ENODEV: 'not-regular',
});

/** Runs a system call and says in our words why it failed. */
export function attempt<Value>(call: () => Value): Read<Value> {
  try {
    return { ok: true, value: call() };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    return { ok: false, reason: REASONS[code] ?? 'unresolvable' };
  }
}

/** Goes on with what was read; a failure stays what it is. */
export const andThen = <From, To>(first: Read<From>, next: (value: From) => Read<To>): Read<To> =>
  first.ok ? next(first.value) : first;

/** The kernel's own word on what was opened: a directory may have become a link meanwhile. */
export function isInside(root: string, fd: number): boolean {
  if (root === '/') return true;
  const opened = attempt(() => readlinkSync(`/proc/self/fd/${fd}`));
  return opened.ok && (opened.value === root || opened.value.startsWith(join(root, '/')));
}
