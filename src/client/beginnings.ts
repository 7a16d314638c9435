import type { WorkflowStartOptions } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { TASK_QUEUES } from '../contracts/task-queues';
import {
  holdWorkflowId,
  lifecycleWorkflowId,
  type HoldId,
  type TenantId,
} from '../domain/identifiers';

/** Set at the start, where it costs nothing; what changes later is the process's own to set. */
const TENANT_ID = defineSearchAttributeKey('LetheTenantId', 'KEYWORD');

/** How a process begins, whoever begins it. */
type Beginning = Pick<
  WorkflowStartOptions,
  'workflowId' | 'taskQueue' | 'staticSummary' | 'typedSearchAttributes' | 'priority'
>;

/** How a tenant's process begins. */
export const lifecycleBeginning = (tenantId: TenantId): Beginning => ({
  workflowId: lifecycleWorkflowId(tenantId),
  taskQueue: TASK_QUEUES.workflows,
  staticSummary: `lifecycle of ${tenantId}`,
  typedSearchAttributes: [{ key: TENANT_ID, value: tenantId }],
  priority: { fairnessKey: tenantId },
});

/** How the process of a hold begins. */
export const holdBeginning = (holdId: HoldId, scopes: number): Beginning => ({
  workflowId: holdWorkflowId(holdId),
  taskQueue: TASK_QUEUES.workflows,
  staticSummary: `legal hold over ${scopes} scopes`,
});
