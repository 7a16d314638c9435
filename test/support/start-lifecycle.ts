import { WithStartWorkflowOperation, type WorkflowClient } from '@temporalio/client';
import type { CommandReceipt } from '../../src/contracts/commands';
import { TASK_QUEUES } from '../../src/contracts/task-queues';

/** Starts a tenant's process with its first command, past the facade. */
export const startLifecycle = (
  client: WorkflowClient,
  { workflowId, tenantId }: { readonly workflowId: string; readonly tenantId: string },
  command: unknown,
): Promise<CommandReceipt> =>
  client.executeUpdateWithStart<
    (input: { tenantId: string }) => Promise<void>,
    CommandReceipt,
    [unknown]
  >('subscribe', {
    args: [command],
    startWorkflowOperation: new WithStartWorkflowOperation('tenantLifecycle', {
      workflowId,
      taskQueue: TASK_QUEUES.workflows,
      args: [{ tenantId }],
      workflowIdConflictPolicy: 'USE_EXISTING',
    }),
  });
