import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure } from '@temporalio/workflow';
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

/** The stable code at the root of a failed activity or child; `INTERNAL` for anything unforeseen. */
export function causeOf(error: unknown): string {
  if (error instanceof ApplicationFailure) return error.type ?? 'INTERNAL';
  if (error instanceof ActivityFailure || error instanceof ChildWorkflowFailure) {
    return causeOf(error.cause);
  }
  // A defect of the process itself must fail its task, loudly, and not be waited out.
  throw error;
}

/** True when a signal found no process: it ended, or was never there. */
export function isGone(error: unknown): boolean {
  return error instanceof Error && /not found|already completed/i.test(error.message);
}
