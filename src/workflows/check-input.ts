import { workflowInfo } from '@temporalio/workflow';
import { refuse } from '../contracts/field-checks';
import { parseId } from '../domain/identifiers';
import { checked } from './failures';

/** The fields of an input, which anybody with a client can make up; of no object, none. */
const fieldsOf = (input: unknown): Readonly<Record<string, unknown>> =>
  typeof input === 'object' && input !== null ? (input as Readonly<Record<string, unknown>>) : {};

/**
 * Ends a process at once that was started with something else than a tenant and words: left alone, it
 * would fail its task for ever and keep the name from the process that belongs there.
 *
 * @throws ApplicationFailure INVALID_TENANT_ID or INVALID_INPUT naming the field.
 */
export function assertInput(input: unknown, ...words: readonly string[]): void {
  const fields = fieldsOf(input);
  checked(() => {
    parseId('TenantId', fields['tenantId'], 'tenantId');
    for (const word of words) {
      if (typeof fields[word] !== 'string') refuse('INVALID_INPUT', word, 'must be a text');
    }
  });
}

/** True when the run before this one handed its state over; nobody else's state counts. */
export const isContinued = (): boolean => workflowInfo().continuedFromExecutionRunId !== undefined;
