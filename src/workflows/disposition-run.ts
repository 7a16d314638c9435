import { ApplicationFailure, setWorkflowOptions, sleep } from '@temporalio/workflow';
import type { Progress, RunReference } from '../contracts/activities';
import { disposition, finishing } from './activity-options';
import { assertInput } from './check-input';

/** How long a blocked step waits before it is tried again: longer each time, up to the last one. */
const BLOCKED_PAUSES = ['5 seconds', '10 seconds', '20 seconds', '40 seconds', '1 minute'] as const;
/** How often in a row it is tried before the tenant's process is told, so that its other work goes on. */
const BLOCKED_TRIES = 6;

/** What a disposition run works on. */
export interface DispositionRunInput {
  readonly tenantId: string;
  readonly eventId: string;
  readonly mode: 'dispose' | 'restore';
}

setWorkflowOptions({ versioningBehavior: 'PINNED' }, dispositionRun);
/**
 * One event's disposition: fence and plan, seal into two copies, verify by somebody else, move the live
 * rows away, verify again. Or, when the tenant came back before the window, the way back.
 *
 * Never waits for a window: what it leaves behind waits in control.
 *
 * @idempotency every step resumes from control; a repeated step finds its work done.
 * @source AB-2
 */
export async function dispositionRun(input: DispositionRunInput): Promise<void> {
  assertInput(input, 'eventId', 'mode');
  const runIds = await plan(input);
  for (const runId of runIds) {
    const run = { tenantId: input.tenantId, runId, eventId: input.eventId };
    if (input.mode === 'restore') {
      await untilDone(disposition.restoreRun, run);
      continue;
    }
    await untilDone(disposition.sealAndCopy, run);
    await untilDone(finishing.verifyCopies, run);
    await untilDone(finishing.moveRows, run);
    await untilDone(finishing.verifyMoved, run);
  }
}

async function plan(input: DispositionRunInput): Promise<readonly string[]> {
  for (let blocked = 0; ; blocked += 1) {
    const planned = await disposition.planRuns(input);
    if (planned.progress.done) return planned.runIds;
    await pause(blocked, planned.progress.blockedOn ?? 'writers');
  }
}

async function untilDone(
  step: (run: RunReference) => Promise<Progress>,
  run: RunReference,
): Promise<void> {
  for (let blocked = 0; ;) {
    const progress = await step(run);
    if (progress.done) return;
    blocked = progress.blockedOn === null ? 0 : blocked + 1;
    if (progress.blockedOn === null) continue;
    if (blocked === BLOCKED_TRIES) {
      throw ApplicationFailure.nonRetryable('the run waits for something', progress.blockedOn);
    }
    await pause(blocked - 1, progress.blockedOn);
  }
}

/** A writer that is gone holds its lease for a minute: looking early costs little, looking late a lot. */
async function pause(blocked: number, on: string): Promise<void> {
  const last = BLOCKED_PAUSES.length - 1;
  await sleep(BLOCKED_PAUSES[Math.min(blocked, last)] ?? '1 minute', {
    summary: `blocked on ${on}`,
  });
}
