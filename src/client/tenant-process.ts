import { randomUUID } from 'node:crypto';
import { WithStartWorkflowOperation, type WorkflowClient } from '@temporalio/client';
import { LetheError } from '../domain/errors';
import { lifecycleWorkflowId, type TenantId } from '../domain/identifiers';
import type { Command, CommandReceipt } from '../contracts/commands';
import type { ControlReader } from '../contracts/control-reader';
import { QUERY_NAMES } from '../contracts/messages';
import type { LifecycleStatus, ProcessStatus } from '../contracts/snapshot';
import { awaiting, lookAt, queryProcess, NOTHING_SEEN, SILENT_PROCESS } from './ask-process';
import { lifecycleBeginning } from './beginnings';

/** Sends a command to the process of a tenant; `subscribe` starts it or finds it. */
export function bindCommand(
  workflows: WorkflowClient,
  tenantId: TenantId,
  command: Command,
): () => Promise<CommandReceipt> {
  // The server knows an Update's id for one run only and would answer a refusal for ever: the id is of
  // this call, so that repeating inside it is one Update. Across calls the key decides, in control.
  const updateId = `${command.idempotencyKey}~${randomUUID()}`;
  if (command.kind === 'subscribe') return () => start(workflows, tenantId, { command, updateId });
  return () =>
    workflows
      .getHandle(lifecycleWorkflowId(tenantId))
      .executeUpdate<CommandReceipt, [Command]>(command.kind, { args: [command], updateId });
}

const start = (
  workflows: WorkflowClient,
  tenantId: TenantId,
  { command, updateId }: { readonly command: Command; readonly updateId: string },
): Promise<CommandReceipt> =>
  workflows.executeUpdateWithStart<
    (input: { tenantId: string }) => Promise<void>,
    CommandReceipt,
    [Command]
  >('subscribe', {
    args: [command],
    updateId,
    startWorkflowOperation: new WithStartWorkflowOperation('tenantLifecycle', {
      ...lifecycleBeginning(tenantId),
      args: [{ tenantId }],
      workflowIdConflictPolicy: 'USE_EXISTING',
    }),
  });

/**
 * State of a tenant: from its process, or from control when the engine does not answer.
 *
 * @throws LetheError UNKNOWN_TENANT when neither knows it.
 */
export async function readTenantStatus(
  workflows: WorkflowClient,
  control: Pick<ControlReader, 'status'>,
  tenantId: TenantId,
): Promise<LifecycleStatus> {
  const workflowId = lifecycleWorkflowId(tenantId);
  const told = await queryProcess<ProcessStatus | null>(
    workflows,
    workflowId,
    QUERY_NAMES.statusQuery,
  );
  if (told !== null) return awaiting(told, await lookAt(workflows, workflowId));
  const status = await control.status(tenantId);
  if (status === null) {
    throw new LetheError('UNKNOWN_TENANT', 'tenantId names no lifecycle; check the id', {
      field: 'tenantId',
    });
  }
  return awaiting(status, status.ended ? NOTHING_SEEN : SILENT_PROCESS);
}

/** Refuses to begin again what has ended. @throws LetheError LIFECYCLE_ENDED. */
export async function refuseWhenEnded(
  control: Pick<ControlReader, 'status'>,
  tenantId: TenantId,
): Promise<void> {
  const known = await control.status(tenantId);
  if (known?.ended === true) throw hasEnded();
}

/** The answer to whoever sends a command to a tenant that has no process. */
export async function noSuchProcess(
  control: Pick<ControlReader, 'status'>,
  tenantId: TenantId,
): Promise<LetheError> {
  const known = await control.status(tenantId);
  return known?.ended === true
    ? hasEnded()
    : new LetheError('NOT_SUBSCRIBED', 'the tenant is not subscribed: send subscribe first');
}

const hasEnded = (): LetheError =>
  new LetheError('LIFECYCLE_ENDED', 'the lifecycle has ended; its certificates remain');
