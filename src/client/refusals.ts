import {
  NamespaceNotFoundError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { FAILURES, isLetheError, LetheError, type FailureCode } from '../domain/errors';
import { isTransient, NoAnswerInTime } from './bounded';

/**
 * Says in the engine's own codes why something failed.
 *
 * @param missing - what it means that no process answers to the name.
 */
export async function explainFailure(
  error: unknown,
  missing: () => Promise<LetheError>,
): Promise<unknown> {
  if (isLetheError(error)) return error;
  if (error instanceof WorkflowUpdateFailedError && !isTransient(error)) {
    return refusalOf(error.cause) ?? error;
  }
  if (error instanceof WorkflowNotFoundError) return missing();
  return engineFailure(error);
}

function engineFailure(error: unknown): LetheError {
  if (error instanceof WorkflowExecutionAlreadyStartedError) {
    return new LetheError(
      'NOT_PERMITTED',
      'the id belongs to a process that has ended; take a new one',
      {
        cause: error,
      },
    );
  }
  if (error instanceof NamespaceNotFoundError) {
    return new LetheError(
      'CONFIGURATION_INVALID',
      'the workflow engine has no such namespace; check LETHE_TEMPORAL_NAMESPACE or run lethe migrate',
      { field: 'LETHE_TEMPORAL_NAMESPACE', cause: error },
    );
  }
  if (
    error instanceof NoAnswerInTime ||
    error instanceof WorkflowUpdateRPCTimeoutOrCancelledError
  ) {
    return new LetheError(
      'OUTCOME_UNKNOWN',
      'no answer came in time, and it may have been accepted; send it again under the same key',
      { cause: error },
    );
  }
  return new LetheError(
    'ENGINE_UNAVAILABLE',
    'the workflow engine cannot be reached; send it again under the same key',
    { cause: error },
  );
}

/** The domain's own refusal inside a failed Update. */
function refusalOf(cause: unknown): LetheError | null {
  const { type, message, details } = (cause ?? {}) as {
    type?: string | null;
    message?: string;
    details?: readonly ({ field?: string | null } | undefined)[] | null;
  };
  if (type === undefined || type === null || !Object.hasOwn(FAILURES, type)) return null;
  const code = type as FailureCode;
  const field = details?.[0]?.field;
  return new LetheError(
    code,
    message ?? FAILURES[code].summary,
    field === undefined || field === null ? {} : { field },
  );
}
