import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ChildWorkflowFailure,
  isCancellation,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import { FAILURES, isLetheError } from '../domain/errors';

/**
 * Turns a failure of the domain into one that fails the Update and not the workflow task: a plain error
 * thrown in a handler would block the tenant's process until somebody repairs it.
 */
function asApplicationFailure(error: unknown): unknown {
  if (!isLetheError(error)) return error;
  return ApplicationFailure.create({
    type: error.code,
    message: error.message,
    nonRetryable: !FAILURES[error.code].retryable,
    details: [{ field: error.field ?? null }],
  });
}

/** Runs a synchronous check and translates its failure. */
export function checked<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw asApplicationFailure(error);
  }
}

/**
 * The stable code at the root of a failed activity or child; `INTERNAL` for one without a type. What somebody
 * did to a child, such as to terminate it, has a code too: it must not end the process that waits for it.
 *
 * @throws the error itself when this process was cancelled, or has a defect: that must fail its task,
 * loudly, and not be waited out.
 */
export function causeOf(error: unknown): string {
  if (isCancellation(error) && CancellationScope.current().consideredCancelled) throw error;
  if (error instanceof ApplicationFailure) return error.type ?? 'INTERNAL';
  if (error instanceof ActivityFailure || error instanceof ChildWorkflowFailure) {
    return endedFromOutside(error.cause) ?? causeOf(error.cause);
  }
  throw error;
}

/** How the server or a person ended an activity or a child; null when it failed by itself. */
function endedFromOutside(cause: unknown): string | null {
  if (cause instanceof TerminatedFailure) return 'TERMINATED';
  if (cause instanceof CancelledFailure) return 'CANCELLED';
  if (cause instanceof TimeoutFailure) return 'TIMED_OUT';
  return null;
}

/** True when a signal found no process: it ended, or was never there. */
export function isGone(error: unknown): boolean {
  return error instanceof Error && /not found|already completed/i.test(error.message);
}
