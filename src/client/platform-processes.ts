import type { WorkflowClient } from '@temporalio/client';
import { LetheError } from '../domain/errors';
import { NOTICE_MESSAGE_NAMES, SWEEP_MESSAGE_NAMES } from '../contracts/messages';
import { NOTICE_WORKFLOW_ID } from '../contracts/notices';
import { SWEEP_WORKFLOW_ID, type SweepRound } from '../contracts/sweep';
import { tellProcess } from './ask-process';

/** Asks the sweep what its last look found. */
export const bindSweepStatus =
  (workflows: WorkflowClient): (() => Promise<SweepRound | null>) =>
  () =>
    workflows
      .getHandle(SWEEP_WORKFLOW_ID)
      .query<SweepRound | null>(SWEEP_MESSAGE_NAMES.sweepStatusQuery);

/** Has the sweep look now; safe to repeat. */
export const bindSweepNow =
  (workflows: WorkflowClient): (() => Promise<void>) =>
  () =>
    workflows.getHandle(SWEEP_WORKFLOW_ID).signal(SWEEP_MESSAGE_NAMES.sweepNowSignal);

/** The answer when the sweep has no process. */
export const noSweep = (): Promise<LetheError> =>
  Promise.resolve(
    new LetheError('ENGINE_UNAVAILABLE', 'the sweep does not run: a worker starts it'),
  );

/** Has notices delivered now; false when the process could not be told. */
export const tellDelivery = (workflows: WorkflowClient): Promise<boolean> =>
  tellProcess(workflows, NOTICE_WORKFLOW_ID, NOTICE_MESSAGE_NAMES.deliverNowSignal);
