import { condition } from '@temporalio/workflow';
import { causeOf } from './failures';
import type { Tenant } from './tenant';

/** How long what is blocked waits before it is tried again. */
export const BLOCKED_RETRY = '10 minutes';

/**
 * Takes in what was told. Facts that cannot be read, because a worker does not know a policy in force or a
 * login was taken away, are shown to a person and read again later: nothing is done on older ones.
 *
 * @returns false when they could not be read.
 */
export async function hearing(tenant: Tenant, hear: () => Promise<void>): Promise<boolean> {
  try {
    await hear();
    return true;
  } catch (error) {
    const blockedOn = causeOf(error);
    tenant.raise(blockedOn);
    tenant.waitFor(blockedOn);
    const before = tenant.facts;
    await condition(() => tenant.facts !== before, BLOCKED_RETRY, {
      summary: `the facts cannot be read: ${blockedOn}; look again`,
    });
    return false;
  }
}

/**
 * A step that cannot go on by itself is shown to a person and tried again later: the process of a tenant
 * never ends before its promises do.
 */
export async function keepingAtIt(
  tenant: Tenant,
  step: () => Promise<string | null>,
  options: { readonly wakesForDue: boolean } = { wakesForDue: false },
): Promise<void> {
  let blockedOn: string | null;
  try {
    blockedOn = await step();
    tenant.raise(null);
  } catch (error) {
    blockedOn = causeOf(error);
    // What an operator ordered, a pause or quiet hours, needs no person to look at it.
    tenant.raise(blockedOn.startsWith('throttle:') ? null : blockedOn);
  }
  if (blockedOn === null) return;
  tenant.waitFor(blockedOn);
  if (options.wakesForDue) tenant.timer.aimAtDue(tenant.facts);
  const isAwaited = (): boolean => tenant.isTold || (options.wakesForDue && tenant.timer.hasRung);
  await condition(isAwaited, BLOCKED_RETRY, {
    summary: `blocked on ${blockedOn}; look again`,
  });
}

/** What became of an activity that is not allowed to end the process that asked for it. */
export type Answered<T> =
  | { readonly answer: T; readonly refusal: null }
  | { readonly answer: null; readonly refusal: string };

/** Waits for an activity; one that was refused for good gives its code. */
export async function answered<T>(activity: Promise<T>): Promise<Answered<T>> {
  try {
    return { answer: await activity, refusal: null };
  } catch (error) {
    return { answer: null, refusal: causeOf(error) };
  }
}

/** What a process that looks again and again knows: the last answer, and what a later look was refused for. */
export interface LastLook<T> {
  readonly lastRound?: T;
  readonly refusal?: string;
}

/** What is known after one more look. */
export const lookedAgain = <T>(
  before: LastLook<T>,
  { answer, refusal }: Answered<T>,
): LastLook<T> => (refusal === null ? { lastRound: answer } : { ...before, refusal });
