import { actor, refuse } from '../../contracts/field-checks';
import type { Sql, SqlPool } from '../../contracts/sql';
import { derivedId, insertRow } from '../control/command-context';
import { toSqlTime } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import { lastSequence } from './order-notices';
import { listReceivers, named } from './register';
import { readSetAside } from './set-aside';

/** What is to be delivered again. */
export interface ReplayOrder {
  readonly name: string;
  /** Absent: nothing again; what waits is tried now. */
  readonly from?: number;
  /** Absent: to what is the last one now. */
  readonly to?: number;
  readonly requestedBy: string;
}

/**
 * Has notices delivered again, with their ids of the first time, or what waits tried at once.
 *
 * Effect: one row in control; the process delivers.
 * @idempotency asking again delivers again; receivers know the ids.
 * @throws LetheError INVALID_INPUT naming the field, also for a receiver that is not told any more.
 */
export async function requestReplay(
  control: SqlPool,
  order: ReplayOrder,
): Promise<{
  readonly replayId: string;
  readonly from: number | null;
  readonly to: number | null;
}> {
  actor(order.requestedBy, 'requestedBy');
  return control.transaction(async (sql) => {
    await refuseEnded(sql, order.name);
    const range = await rangeOf(sql, order);
    return { replayId: await insertReplay(sql, order, range), ...range };
  });
}

/**
 * Has everything delivered again that a receiver has set aside, at most a hundred notices, each by itself, so
 * that one that is refused once more does not take the others along.
 *
 * Effect: one row per notice in control; the process delivers.
 * @idempotency what was asked for and waits is not asked for twice.
 * @returns the places of what is delivered again.
 * @throws LetheError INVALID_INPUT naming the field, also for a receiver that is not told any more.
 */
export async function replaySetAside(
  control: SqlPool,
  order: Pick<ReplayOrder, 'name' | 'requestedBy'>,
): Promise<readonly number[]> {
  actor(order.requestedBy, 'requestedBy');
  return control.transaction(async (sql) => {
    await refuseEnded(sql, order.name);
    const waiting = (await readSetAside(sql, order.name)).filter(({ askedAgain }) => !askedAgain);
    const places = waiting.map(({ sequence }) => sequence);
    for (const place of places) await insertReplay(sql, order, { from: place, to: place });
    return places;
  });
}

async function refuseEnded(sql: Sql, name: string): Promise<void> {
  if (named(await listReceivers(sql), name).ended === null) return;
  refuse('INVALID_INPUT', 'name', 'is a disabled receiver; register it under another name');
}

async function insertReplay(
  sql: Sql,
  { name, requestedBy }: Pick<ReplayOrder, 'name' | 'requestedBy'>,
  { from, to }: { readonly from: number | null; readonly to: number | null },
): Promise<string> {
  const now = await databaseNow(sql);
  const replayId = derivedId('rp', name, now, requestedBy);
  await insertRow(sql, 'notice_replays', {
    replay_id: replayId,
    receiver: name,
    from_sequence: from,
    to_sequence: to,
    requested_at: toSqlTime(now),
    requested_by: requestedBy,
  });
  return replayId;
}

async function rangeOf(
  sql: Sql,
  { from, to }: ReplayOrder,
): Promise<{ readonly from: number | null; readonly to: number | null }> {
  if (from === undefined) {
    if (to !== undefined) refuse('INVALID_INPUT', 'to', 'goes with from');
    return { from: null, to: null };
  }
  const last = await lastSequence(sql);
  const end = to ?? last;
  if (from < 1 || from > last) {
    refuse('INVALID_INPUT', 'from', `must be the place of a notice, from 1 to ${last}`);
  }
  if (end < from || end > last) {
    refuse('INVALID_INPUT', 'to', `must be the place of a notice, from ${from} to ${last}`);
  }
  return { from, to: end };
}
