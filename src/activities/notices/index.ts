import type { NoticeActivities, NoticeRound, SetAsideTotal } from '../../contracts/notices';
import { databaseNow } from '../control/tenant-facts';
import { deliverNotices, type DeliveryPorts } from './deliver';
import { readNext } from './next-delivery';
import { orderNew } from './order-notices';
import { readActiveReceivers } from './receiver-rows';
import { totalSetAside } from './set-aside';

/** The platform's own duty to tell. */
export function createNoticeActivities(ports: DeliveryPorts): NoticeActivities {
  return {
    orderNotices: (input) => orderNotices(ports, input),
    deliverNotices: (input) => deliverNotices(ports, input),
  };
}

/** Receivers that a person is shown. */
const FAILING_MAX = 10;

/** Effect: places in the order. @idempotency what has a place keeps it. */
async function orderNotices(
  { control, pulse }: DeliveryPorts,
  input: { readonly thorough: boolean },
): Promise<NoticeRound> {
  const more = await orderNew(control, input);
  const receivers = await readActiveReceivers(control);
  const asOf = await databaseNow(control);
  const due: string[] = [];
  const failing: NoticeRound['failing'][number][] = [];
  const aside: SetAsideTotal[] = [];
  for (const receiver of receivers) {
    pulse.beat({ step: 'notices' });
    aside.push(...(await totalSetAside(control, receiver.name)));
    const next = await readNext(control, receiver);
    if (next === null) continue;
    if (next.failing !== null) failing.push(next.failing);
    if (next.failing === null || next.failing.nextAt <= asOf) due.push(receiver.name);
  }
  failing.sort((a, b) => (a.since < b.since ? -1 : 1));
  aside.sort((a, b) => (a.since < b.since ? -1 : 1));
  const waiting = failing.map(({ nextAt }) => nextAt).filter((nextAt) => nextAt > asOf);
  return {
    asOf,
    receivers: receivers.length,
    due,
    nextAt: waiting.sort()[0] ?? null,
    failing: failing.slice(0, FAILING_MAX),
    failingTotal: failing.length,
    setAside: aside.slice(0, FAILING_MAX),
    more,
  };
}
