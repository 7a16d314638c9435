import {
  Client,
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type Connection,
} from '@temporalio/client';
import { FAILURES, LetheError, type FailureCode } from '../domain/errors';
import {
  holdWorkflowId,
  lifecycleWorkflowId,
  parseId,
  type HoldId,
  type TenantId,
} from '../domain/identifiers';
import type { Command, CommandBodies, CommandKind, CommandReceipt } from '../contracts/commands';
import type { HoldAcknowledgement, HoldRelease, PlaceHold } from '../contracts/holds';
import { HOLD_MESSAGE_NAMES, QUERY_NAMES } from '../contracts/messages';
import type { DueDay, LifecycleStatus } from '../contracts/snapshot';
import { TASK_QUEUES } from '../contracts/task-queues';
import { assertCommand } from '../contracts/validate-command';
import { assertPlaceHold, assertRelease } from '../contracts/validate-hold';

/** Who sends a command and under which key it may be repeated. */
export interface CommandHeader {
  readonly tenantId: string;
  readonly idempotencyKey: string;
  readonly requestedBy: string;
}

/** Reads control when the workflow engine is away, and fills in what a process does not carry. */
export interface ControlReader {
  status(tenantId: string): Promise<LifecycleStatus | null>;
  deadlines(tenantId: string): Promise<readonly DueDay[]>;
}

/** What the facade needs. */
export interface LifecycleClientOptions {
  readonly connection: Connection;
  readonly namespace: string;
  readonly control: ControlReader;
}

/**
 * The facade for the console backend, and the only module that talks to Temporal. Every command is
 * answered with a receipt or refused with a stable code; sending the same command again under its key is
 * always safe.
 */
export class LifecycleClient {
  private readonly client: Client;

  constructor(private readonly options: LifecycleClientOptions) {
    this.client = new Client({ connection: options.connection, namespace: options.namespace });
  }

  /**
   * Sends a command to the tenant's process; `subscribe` starts it.
   *
   * @throws LetheError with the code of the refusal; nothing has changed then. OUTCOME_UNKNOWN and
   * ENGINE_UNAVAILABLE mean: send it again under the same key.
   */
  async command<K extends CommandKind>(
    kind: K,
    header: CommandHeader,
    body: CommandBodies[K],
  ): Promise<CommandReceipt> {
    const tenantId = parseId('TenantId', header.tenantId, 'tenantId');
    const command: Command<K> = {
      kind,
      idempotencyKey: header.idempotencyKey,
      requestedBy: header.requestedBy,
      body,
    };
    assertCommand(kind, command);
    try {
      return kind === 'subscribe'
        ? await this.start(tenantId, command)
        : await this.client.workflow
            .getHandle(lifecycleWorkflowId(tenantId))
            .executeUpdate<CommandReceipt, [Command]>(kind, { args: [command] });
    } catch (error) {
      throw await this.explain(error, tenantId);
    }
  }

  /** State of the tenant: from its process, or from control when the engine does not answer. */
  async status(tenantId: string): Promise<LifecycleStatus> {
    const id = parseId('TenantId', tenantId, 'tenantId');
    const fromProcess = await this.query<LifecycleStatus | null>(id, QUERY_NAMES.statusQuery);
    const status = fromProcess ?? (await this.options.control.status(id));
    if (status === null) {
      throw new LetheError('UNKNOWN_TENANT', 'tenantId names no lifecycle', { field: 'tenantId' });
    }
    return status;
  }

  /** All due days of the tenant, from control: a process carries only the next ten. */
  async deadlines(tenantId: string): Promise<readonly DueDay[]> {
    return this.options.control.deadlines(parseId('TenantId', tenantId, 'tenantId'));
  }

  /** Places a legal hold through its own process and waits until it is in force. @source CC-4 */
  async placeHold(order: PlaceHold): Promise<HoldAcknowledgement> {
    assertPlaceHold(order);
    const holdId = parseId('HoldId', order.holdId, 'holdId');
    try {
      return await this.client.workflow.executeUpdateWithStart<
        (input: PlaceHold) => Promise<unknown>,
        HoldAcknowledgement,
        []
      >('awaitAcknowledgement', {
        startWorkflowOperation: new WithStartWorkflowOperation('holdPlacement', {
          workflowId: holdWorkflowId(holdId),
          taskQueue: TASK_QUEUES.workflows,
          args: [order],
          workflowIdConflictPolicy: 'USE_EXISTING',
          workflowIdReusePolicy: 'REJECT_DUPLICATE',
          staticSummary: `legal hold over ${order.scopes.length} scopes`,
        }),
      });
    } catch (error) {
      throw await this.explain(error, null);
    }
  }

  /** Releases a hold; two different people. */
  async releaseHold(
    holdId: string,
    order: { readonly requestedBy: string; readonly approvedBy: string },
  ): Promise<HoldRelease> {
    assertRelease(order);
    const id: HoldId = parseId('HoldId', holdId, 'holdId');
    try {
      return await this.client.workflow
        .getHandle(holdWorkflowId(id))
        .executeUpdate<HoldRelease, [typeof order]>(HOLD_MESSAGE_NAMES.releaseHoldUpdate, {
          args: [order],
        });
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) {
        throw new LetheError('UNKNOWN_HOLD', 'holdId names no hold in force', { field: 'holdId' });
      }
      throw await this.explain(error, null);
    }
  }

  private async start(
    tenantId: TenantId,
    command: Command<'subscribe'> | Command,
  ): Promise<CommandReceipt> {
    const ended = await this.options.control.status(tenantId);
    if (ended?.ended === true) {
      throw new LetheError('LIFECYCLE_ENDED', 'the lifecycle has ended; its certificates remain');
    }
    return this.client.workflow.executeUpdateWithStart<
      (input: { tenantId: string }) => Promise<void>,
      CommandReceipt,
      [Command]
    >('subscribe', {
      args: [command],
      startWorkflowOperation: new WithStartWorkflowOperation('tenantLifecycle', {
        workflowId: lifecycleWorkflowId(tenantId),
        taskQueue: TASK_QUEUES.workflows,
        args: [{ tenantId }],
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `lifecycle of ${tenantId}`,
        priority: { fairnessKey: tenantId },
      }),
    });
  }

  private async query<T>(tenantId: TenantId, name: string): Promise<T | null> {
    try {
      return await this.client.workflow.getHandle(lifecycleWorkflowId(tenantId)).query<T>(name);
    } catch {
      // Whatever keeps the process from answering, control knows the facts.
      return null;
    }
  }

  private async explain(error: unknown, tenantId: TenantId | null): Promise<unknown> {
    if (error instanceof LetheError) return error;
    if (error instanceof WorkflowUpdateFailedError) return refusalOf(error.cause) ?? error;
    if (error instanceof WorkflowNotFoundError && tenantId !== null) {
      const known = await this.options.control.status(tenantId);
      return known?.ended === true
        ? new LetheError('LIFECYCLE_ENDED', 'the lifecycle has ended; its certificates remain')
        : new LetheError('NOT_SUBSCRIBED', 'the tenant is not subscribed: send subscribe first');
    }
    return new LetheError(
      'ENGINE_UNAVAILABLE',
      'the workflow engine gave no answer; send the command again under the same key',
      { cause: error },
    );
  }
}

/** The domain's own refusal inside a failed Update. */
function refusalOf(cause: unknown): LetheError | null {
  const { type, message, details } = (cause ?? {}) as {
    type?: string | null;
    message?: string;
    details?: readonly ({ field?: string | null } | undefined)[] | null;
  };
  if (type === undefined || type === null || !(type in FAILURES)) return null;
  const field = details?.[0]?.field;
  return new LetheError(
    type as FailureCode,
    message ?? FAILURES[type as FailureCode].summary,
    field === undefined || field === null ? {} : { field },
  );
}
