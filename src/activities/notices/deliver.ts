import type {
  DeliveryOutcome,
  NoticeActivities,
  NoticeSender,
  Receiver,
  ReceiverKind,
} from '../../contracts/notices';
import type { SqlPool } from '../../contracts/sql';
import type { Notice } from '../../domain/notices';
import { databaseNow } from '../control/tenant-facts';
import { insertRow } from '../control/command-context';
import { toSqlTime } from '../control/sql-text';
import { isTaken } from '../taken';
import { readNext, type NextDelivery } from './next-delivery';
import { readActiveReceiver } from './receiver-rows';
import { setAside } from './set-aside';

/** What delivering needs. */
export interface DeliveryPorts {
  /** The notifier's login. */
  readonly control: SqlPool;
  readonly senders: Readonly<Record<ReceiverKind, NoticeSender>>;
  /** Throws when the attempt was cancelled: nothing new is begun then. */
  readonly pulse: { readonly beat: (progress: { readonly step: string }) => void };
}

/** Notices that one call delivers at most: at twenty seconds each it ends within half an hour. */
const DELIVERED_MAX = 60;

type Delivered = Awaited<ReturnType<NoticeActivities['deliverNotices']>>;

/**
 * Delivers what is due to one receiver, in order, and stops at the first failure: what comes behind waits
 * for it, until it is taken or set aside. Nothing else waits, neither another receiver nor a tenant's process.
 *
 * Effect: a request or a mail per delivery, one row per attempt, and one for a notice that is set aside; a
 * receiver that says it is gone is disabled.
 * @idempotency what was delivered is not sent again, unless the row about it was lost: then once more with
 * the same id, which the receiver knows.
 * Bounds: 60 notices a call, a page of 200 in memory.
 */
export async function deliverNotices(
  ports: DeliveryPorts,
  { receiver: name }: { readonly receiver: string },
): Promise<Delivered> {
  let delivered = 0;
  for (;;) {
    ports.pulse.beat({ step: 'notices' });
    const receiver = await readActiveReceiver(ports.control, name);
    const next = receiver === null ? null : await readNext(ports.control, receiver);
    if (receiver === null || next === null || !(await isDue(ports.control, next))) {
      return { delivered, more: false };
    }
    const notices = next.notices.slice(0, DELIVERED_MAX - delivered);
    const page = await deliverPage(ports, receiver, { ...next, notices });
    delivered += page.delivered;
    if (!page.wentWell) return { delivered, more: false };
    if (delivered >= DELIVERED_MAX) return { delivered, more: true };
  }
}

const isDue = async (sql: SqlPool, { failing }: NextDelivery): Promise<boolean> =>
  failing === null || failing.nextAt <= (await databaseNow(sql));

async function deliverPage(
  ports: DeliveryPorts,
  receiver: Receiver,
  next: NextDelivery,
): Promise<{ readonly delivered: number; readonly wentWell: boolean }> {
  const { notices, passTo } = next;
  if (notices.length === 0) {
    const passed = { sequence: passTo, notices: 0, attempt: next.attempt };
    const isFirst = await record(ports, receiver, { ...next, ...passed });
    return { delivered: 0, wentWell: isFirst === 'recorded' };
  }
  const sender = ports.senders[receiver.kind];
  const togetherMax = next.alone ? 1 : sender.togetherMax;
  let { attempt } = next;
  let delivered = 0;
  while (delivered < notices.length) {
    ports.pulse.beat({ step: 'notices' });
    const some = notices.slice(delivered, delivered + togetherMax);
    const outcome = await sender.send(receiver, some);
    const sequence = outcome.delivered ? lastOf(some) : firstOf(some);
    const about = { line: next.line, sequence, notices: some.length, attempt };
    const recorded = await record(ports, receiver, { ...about, outcome });
    if (recorded === 'set-aside') return { delivered, wentWell: true };
    if (!outcome.delivered || recorded === 'late') return { delivered, wentWell: false };
    delivered += some.length;
    attempt = 1;
  }
  return { delivered, wentWell: true };
}

const firstOf = (notices: readonly Notice[]): number => notices[0]?.sequence ?? 0;
const lastOf = (notices: readonly Notice[]): number => notices.at(-1)?.sequence ?? 0;

interface Attempt {
  readonly line: string;
  readonly sequence: number;
  readonly notices: number;
  readonly attempt: number;
  /** Absent: there was nothing to send. */
  readonly outcome?: DeliveryOutcome;
}

/** `late` when another worker recorded the same attempt: it goes on with this receiver, this one stops. */
type Recorded = 'recorded' | 'late' | 'set-aside';

async function record(ports: DeliveryPorts, receiver: Receiver, of: Attempt): Promise<Recorded> {
  const { outcome } = of;
  const failure = outcome === undefined || outcome.delivered ? null : outcome.reason;
  try {
    return await ports.control.transaction(async (sql) => {
      const now = toSqlTime(await databaseNow(sql));
      await insertRow(sql, 'notice_attempts', {
        receiver: receiver.name,
        line: of.line,
        sequence: of.sequence,
        attempt: of.attempt,
        notices: of.notices,
        outcome: failure !== null ? 'failed' : outcome === undefined ? 'passed' : 'delivered',
        reason: failure ?? '',
        http_status: outcome?.httpStatus ?? null,
        attempted_at: now,
      });
      if (failure === 'gone') {
        const end = { ended_at: now, ended_by: 'receiver', cause: 'gone' };
        await insertRow(sql, 'notice_receiver_ends', { receiver: receiver.name, ...end });
      }
      const isRejected = failure === 'rejected' && of.notices === 1;
      return isRejected && (await setAside(sql, receiver.name, of)) ? 'set-aside' : 'recorded';
    });
  } catch (error) {
    if (isTaken(error)) return 'late';
    throw error;
  }
}
