import type { WorkflowClient } from '@temporalio/client';

/** The engine gave no answer in time; what was sent may still be carried out. */
export class NoAnswerInTime extends Error {}

/**
 * Runs calls to the engine and stops waiting after `milliseconds`, also while a connection is being made
 * or no worker is there to answer. The calls are cancelled then; what the server has accepted goes on.
 *
 * @throws NoAnswerInTime
 */
export async function within<T>(
  client: WorkflowClient,
  milliseconds: number,
  work: () => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new NoAnswerInTime('the workflow engine gave no answer in time'));
      controller.abort();
    }, milliseconds);
  });
  try {
    return await Promise.race([client.withAbortSignal(controller.signal, work), tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** gRPC codes after which the same request may be sent again: nothing was decided about it. */
const TRANSIENT_CODES = new Set([
  /* DEADLINE_EXCEEDED */ 4, /* RESOURCE_EXHAUSTED */ 8, /* ABORTED */ 10, /* UNAVAILABLE */ 14,
]);

/** A command was accepted by a run that ended before it was finished; the next run answers it. */
const CUT_OFF = 'AcceptedUpdateCompletedWorkflow';

/** True when sending again, under the same key, is the right thing to do. */
export function isTransient(error: unknown): boolean {
  for (let cause = error, depth = 0; depth < 5; depth += 1) {
    if (typeof cause !== 'object' || cause === null) return false;
    const {
      code,
      type,
      cause: next,
    } = cause as { code?: unknown; type?: unknown; cause?: unknown };
    if (typeof code === 'number' && TRANSIENT_CODES.has(code)) return true;
    if (type === CUT_OFF) return true;
    cause = next;
  }
  return false;
}

/** Pauses between attempts, in milliseconds; the driver has repeated each of them by itself before. */
const PAUSES_MS = [250, 1000];

/** Runs `work` again after a transient failure, a bounded number of times. */
export async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (const pause of PAUSES_MS) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return work();
}
