import type { Sql } from '../../contracts/sql';
import type { WaitReason } from '../../domain/pacing';

/** What can be seen by the worker alone; an order or an hour can be read from what was set. */
const SEEN_BY_WORKER: ReadonlySet<WaitReason> = new Set(['load', 'replica-lag']);

/**
 * Puts on record what a move waits for, so that everybody sees it who asks control only. The next permit of
 * the run says that it is over.
 *
 * @idempotency once for each step that gives its place up, which is once a minute.
 */
export async function recordWait(control: Sql, runId: string, reason: WaitReason): Promise<void> {
  if (!SEEN_BY_WORKER.has(reason)) return;
  await control.execute(
    'INSERT INTO pace_waits (run_id, reason, waited_at) VALUES (?, ?, lethe_now())',
    [runId, reason],
  );
}
