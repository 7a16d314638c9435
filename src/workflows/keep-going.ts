import { condition } from '@temporalio/workflow';
import { causeOf } from './failures';
import type { Tenant } from './tenant';

/** How long what is blocked waits before it is tried again. */
const BLOCKED_RETRY = '10 minutes';

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
