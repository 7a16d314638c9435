import { ApplicationFailure, Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { FAILURES, isLetheError } from '../domain/errors';
import type { Pulse } from '../activities/disposition/ports';

/** A quarter of the heartbeat timeout, in milliseconds. */
const HEARTBEAT_MS = 5_000;

/** Progress of the activity that runs; a cancelled one begins nothing new. */
export const activityPulse: Pulse = {
  beat: (progress) => {
    const context = Context.current();
    if (context.cancellationSignal.aborted) throw new CancelledFailure('the attempt was cancelled');
    context.heartbeat(progress);
  },
};

/** Resolves after `milliseconds`, or earlier with a failure when the activity is cancelled. */
export const activityPause = (milliseconds: number): Promise<void> =>
  Context.current().sleep(milliseconds);

/** Writes a line about a failure that has no stable code; the message stays on this machine. */
export type LogFailure = (activity: string, error: unknown) => void;

/**
 * Keeps an activity's heartbeat alive while it waits for a store, and gives its failures their stable
 * code: what enters a history has a code, the field and the remedy, and never a driver's own text.
 */
export function createActivityInterceptor(log: LogFailure): ActivityInboundCallsInterceptor {
  return {
    execute: async (input, next) => {
      const context = Context.current();
      const timer = setInterval(() => {
        context.heartbeat();
      }, HEARTBEAT_MS);
      try {
        return await next(input);
      } catch (error) {
        throw asFailure(error, (unforeseen) => {
          log(context.info.activityType, unforeseen);
        });
      } finally {
        clearInterval(timer);
      }
    },
  };
}

function asFailure(error: unknown, log: (error: unknown) => void): unknown {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (isLetheError(error)) {
    return ApplicationFailure.create({
      type: error.code,
      message: error.message,
      nonRetryable: !FAILURES[error.code].retryable,
      details: [{ field: error.field ?? null, store: error.store ?? null }],
    });
  }
  log(error);
  return ApplicationFailure.create({
    type: 'INTERNAL',
    message: `an unforeseen failure (${nameOf(error)}); the worker's log has the rest`,
    nonRetryable: false,
  });
}

const nameOf = (error: unknown): string =>
  error instanceof Error && /^[A-Za-z]{1,40}$/.test(error.name) ? error.name : 'Error';
