import { randomUUID } from 'node:crypto';
import { WithStartWorkflowOperation, WorkflowClient, type Connection } from '@temporalio/client';
import { LetheError } from '../domain/errors';
import { holdWorkflowId, lifecycleWorkflowId, parseId, type TenantId } from '../domain/identifiers';
import type {
  Command,
  CommandBodies,
  CommandKind,
  CommandReceipt,
  ConfigurationKind,
  RepositoryScan,
} from '../contracts/commands';
import type { ControlReader } from '../contracts/control-reader';
import type { HoldAcknowledgement, HoldRelease, HoldStatus, PlaceHold } from '../contracts/holds';
import {
  HOLD_MESSAGE_NAMES,
  QUERY_NAMES,
  SIGNAL_NAMES,
  SWEEP_MESSAGE_NAMES,
} from '../contracts/messages';
import { parseConfiguration } from '../contracts/schemas/configuration';
import type { DueDay, LifecycleStatus, ProcessStatus } from '../contracts/snapshot';
import type { BodyStaging } from '../contracts/stores';
import { SWEEP_WORKFLOW_ID, type SweepRound } from '../contracts/sweep';
import { assertCommand } from '../contracts/validate-command';
import { assertPlaceHold, assertRelease } from '../contracts/validate-hold';
import {
  awaiting,
  findAwaitedStore,
  PROCESS_WAIT_MS,
  queryProcess,
  SILENT_PROCESS,
} from './ask-process';
import { holdBeginning, lifecycleBeginning } from './beginnings';
import { persistently, within } from './bounded';
import { assertReportShape } from './check-report';
import { checkedGrant, checkedScan, type SharingOrder } from './check-sharing';
import { explainFailure } from './refusals';

/** Who sends a command and under which key it may be repeated. */
export interface CommandHeader {
  readonly tenantId: string;
  readonly idempotencyKey: string;
  readonly requestedBy: string;
}

/** A change of one setting; the body is checked strictly by its kind. */
export interface ConfigurationChange {
  readonly configurationKind: ConfigurationKind;
  readonly settingId: string;
  readonly body: unknown;
}

/** A hold with its ground still in hand. */
export interface HoldOrder extends Omit<PlaceHold, 'ground'> {
  /** Why, and who asked for it: content, so it goes through staging. */
  readonly ground: unknown;
}

/** What the facade needs. */
export interface LifecycleClientOptions {
  /** `Connection.lazy` is best: then status and deadlines work while the engine is away. */
  readonly connection: Connection;
  readonly namespace: string;
  readonly control: Pick<ControlReader, 'status' | 'deadlines' | 'hold'>;
  /** Only needed by the methods that carry a body. */
  readonly staging?: BodyStaging;
  /** Replaces the client made from `connection`, e.g. by one whose workflows have a virtual clock. */
  readonly workflowClient?: WorkflowClient;
  /** How long a command may take before its outcome counts as unknown, in milliseconds. */
  readonly commandTimeoutMs?: number;
}

const COMMAND_WAIT_MS = 120_000;
/** A hold is acknowledged only when older permits are dead: their longest lease and the statement limit. */
const HOLD_WAIT_MS = 15 * 60_000;

/**
 * The facade for the console backend, and the only module that talks to Temporal. Every command is
 * answered with a receipt or refused with a stable code; sending the same command again under its key is
 * always safe, and after a transient failure it does so by itself.
 */
export class LifecycleClient {
  private readonly workflows: WorkflowClient;

  constructor(private readonly options: LifecycleClientOptions) {
    this.workflows =
      options.workflowClient ??
      new WorkflowClient({ connection: options.connection, namespace: options.namespace });
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
    const { idempotencyKey, requestedBy } = header;
    const command: Command<K> = { kind, idempotencyKey, requestedBy, body };
    assertCommand(kind, command);
    if (kind === 'subscribe') await this.refuseWhenEnded(tenantId);
    // The server knows an Update's id for one run only and would answer a refusal for ever: the id is of
    // this call, so that repeating inside it is one Update. Across calls the key decides, in control.
    const updateId = `${idempotencyKey}~${randomUUID()}`;
    return this.ask(
      this.options.commandTimeoutMs ?? COMMAND_WAIT_MS,
      () =>
        kind === 'subscribe'
          ? this.start(tenantId, command, updateId)
          : this.workflows
              .getHandle(lifecycleWorkflowId(tenantId))
              .executeUpdate<CommandReceipt, [Command]>(kind, { args: [command], updateId }),
      () => this.noProcess(tenantId),
    );
  }

  /**
   * Sends a signed deletion order; it ends nothing until somebody else approves it.
   * @throws LetheError PLAN_CHANGED when something else would go by now; preview and order again.
   */
  async submitOrder(header: CommandHeader, order: string): Promise<CommandReceipt> {
    return this.command('submitOrder', header, { order });
  }

  /** Sends the signed approval of another person. @throws LetheError FOUR_EYES for the same one. */
  async approveOrder(header: CommandHeader, approval: string): Promise<CommandReceipt> {
    return this.command('approveOrder', header, { approval });
  }

  /** Sends a signed denial of an order that was not approved yet. */
  async denyOrder(header: CommandHeader, denial: string): Promise<CommandReceipt> {
    return this.command('denyOrder', header, { denial });
  }

  /** Sends a signed revocation; REQUEST_IRREVOCABLE once destruction has begun. */
  async revokeOrder(header: CommandHeader, revocation: string): Promise<CommandReceipt> {
    return this.command('revokeOrder', header, { revocation });
  }

  /**
   * Checks a configuration body, stages it and sends the change.
   *
   * @throws LetheError INVALID_INPUT naming the field of the body, before anything is staged.
   * @source DC-3
   */
  async changeConfiguration(
    header: CommandHeader,
    { configurationKind, settingId, body }: ConfigurationChange,
  ): Promise<CommandReceipt> {
    const checked = parseConfiguration(configurationKind, body);
    const staged = await this.staging().configuration.stage(header.tenantId, checked);
    return this.command('changeConfiguration', header, { ...staged, configurationKind, settingId });
  }

  /**
   * Checks a host's report, stages it and orders its scan.
   *
   * @throws LetheError INVALID_INPUT naming the field of the report, before anything is staged.
   * @source DC-1
   */
  async requestHostScan(header: CommandHeader, report: unknown): Promise<CommandReceipt> {
    assertReportShape(report);
    const staged = await this.staging().reports.stage(header.tenantId, report);
    return this.command('requestScan', header, { source: 'host-report', report: staged });
  }

  /**
   * Checks what the customer shares, stages it and records the authorization.
   *
   * @throws LetheError naming the field, before anything is staged.
   * @source SH-1
   */
  async grantSharing(header: CommandHeader, order: SharingOrder): Promise<CommandReceipt> {
    const grant = checkedGrant(header, order);
    const staged = await this.staging().configuration.stage(header.tenantId, grant);
    const { authorizationId } = order;
    return this.command('grantSharing', header, { ...staged, authorizationId });
  }

  /**
   * Checks which repository is to be read, stages it and orders its scan.
   *
   * @throws LetheError naming the field, before anything is staged.
   * @source DC-2, SH-1
   */
  async requestRepositoryScan(
    header: CommandHeader,
    order: RepositoryScan,
  ): Promise<CommandReceipt> {
    const scan = checkedScan(header, order);
    const staged = await this.staging().configuration.stage(header.tenantId, scan);
    return this.command('requestScan', header, { ...staged, source: 'registry' });
  }

  /** State of the tenant: from its process, or from control when the engine does not answer. */
  async status(tenantId: string): Promise<LifecycleStatus> {
    const id = parseId('TenantId', tenantId, 'tenantId');
    const workflowId = lifecycleWorkflowId(id);
    const told = await queryProcess<ProcessStatus | null>(
      this.workflows,
      workflowId,
      QUERY_NAMES.statusQuery,
    );
    if (told !== null) return awaiting(told, await findAwaitedStore(this.workflows, workflowId));
    const status = await this.options.control.status(id);
    if (status === null) {
      throw new LetheError('UNKNOWN_TENANT', 'tenantId names no lifecycle', { field: 'tenantId' });
    }
    return awaiting(status, status.ended ? null : SILENT_PROCESS);
  }

  /** All due days of the tenant, from control: a process carries only the next ten. */
  async deadlines(tenantId: string): Promise<readonly DueDay[]> {
    return this.options.control.deadlines(parseId('TenantId', tenantId, 'tenantId'));
  }

  /**
   * Stages the ground of a hold and places it.
   *
   * @throws LetheError naming the field, before anything is staged.
   * @source CC-4
   */
  async placeHoldWithGround({ ground, ...order }: HoldOrder): Promise<HoldAcknowledgement> {
    const unstaged = { stagingId: `st_${'0'.repeat(32)}`, digest: '0'.repeat(64) };
    assertPlaceHold({ ...order, ground: unstaged });
    const tenantId = order.scopes[0]?.tenantId ?? '';
    const staged = await this.staging().grounds.stage(tenantId, ground);
    return this.placeHold({ ...order, ground: staged });
  }

  /** Places a legal hold through its own process and waits until it is in force. @source CC-4 */
  async placeHold(order: PlaceHold): Promise<HoldAcknowledgement> {
    assertPlaceHold(order);
    const holdId = parseId('HoldId', order.holdId, 'holdId');
    const updateId = randomUUID();
    return this.ask(
      HOLD_WAIT_MS,
      () =>
        this.workflows.executeUpdateWithStart<
          (input: PlaceHold) => Promise<unknown>,
          HoldAcknowledgement,
          []
        >(HOLD_MESSAGE_NAMES.awaitAcknowledgementUpdate, {
          updateId,
          startWorkflowOperation: new WithStartWorkflowOperation('holdPlacement', {
            ...holdBeginning(holdId, order.scopes.length),
            args: [order],
            workflowIdConflictPolicy: 'USE_EXISTING',
            workflowIdReusePolicy: 'REJECT_DUPLICATE',
          }),
        }),
      noSuchHold,
    );
  }

  /** Releases a hold; two different people. */
  async releaseHold(
    holdId: string,
    order: { readonly requestedBy: string; readonly approvedBy: string },
  ): Promise<HoldRelease> {
    assertRelease(order);
    const id = parseId('HoldId', holdId, 'holdId');
    const updateId = randomUUID();
    return this.ask(
      HOLD_WAIT_MS,
      () =>
        this.workflows
          .getHandle(holdWorkflowId(id))
          .executeUpdate<HoldRelease, [typeof order]>(HOLD_MESSAGE_NAMES.releaseHoldUpdate, {
            args: [order],
            updateId,
          }),
      noSuchHold,
    );
  }

  /** State of a hold: from its process, or from control when the engine does not answer. */
  async holdStatus(holdId: string): Promise<HoldStatus> {
    const id = parseId('HoldId', holdId, 'holdId');
    const fromProcess = await queryProcess<HoldStatus>(
      this.workflows,
      holdWorkflowId(id),
      HOLD_MESSAGE_NAMES.holdStatusQuery,
    );
    if (fromProcess !== null) return fromProcess;
    const record = await this.options.control.hold(id);
    if (record === null) throw await noSuchHold();
    const { release } = record;
    return {
      holdId: id,
      state: release === null ? 'in-force' : 'released',
      // What was gone at the placement is known to the process and to the key store, not to control.
      acknowledgement: null,
      release: release === null ? null : { holdId: id, releasedAt: release.releasedAt },
    };
  }

  /** Tells the tenant's process that facts changed in control; false when it could not be told. */
  async tellFactsChanged(tenantId: string): Promise<boolean> {
    const id = parseId('TenantId', tenantId, 'tenantId');
    try {
      await within(this.workflows, PROCESS_WAIT_MS, () =>
        this.workflows.getHandle(lifecycleWorkflowId(id)).signal(SIGNAL_NAMES.factsChangedSignal),
      );
      return true;
    } catch {
      // The process reads the facts again before it acts, so it needs no telling.
      return false;
    }
  }

  /**
   * What the last look at certified data found.
   *
   * @throws LetheError ENGINE_UNAVAILABLE when the platform's process does not answer.
   * @source ST-1
   */
  async sweepStatus(): Promise<SweepRound | null> {
    return this.ask(
      COMMAND_WAIT_MS,
      () =>
        this.workflows
          .getHandle(SWEEP_WORKFLOW_ID)
          .query<SweepRound | null>(SWEEP_MESSAGE_NAMES.sweepStatusQuery),
      noSweep,
    );
  }

  /** Looks now at what is due, without waiting for the timer; safe to repeat. */
  async sweepNow(): Promise<void> {
    return this.ask(
      COMMAND_WAIT_MS,
      () => this.workflows.getHandle(SWEEP_WORKFLOW_ID).signal(SWEEP_MESSAGE_NAMES.sweepNowSignal),
      noSweep,
    );
  }

  private start(tenantId: TenantId, command: Command, updateId: string): Promise<CommandReceipt> {
    return this.workflows.executeUpdateWithStart<
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
  }

  private async ask<T>(
    milliseconds: number,
    work: () => Promise<T>,
    missing: () => Promise<LetheError>,
  ): Promise<T> {
    try {
      return await within(this.workflows, milliseconds, () => persistently(work));
    } catch (error) {
      throw await explainFailure(error, missing);
    }
  }

  private async refuseWhenEnded(tenantId: TenantId): Promise<void> {
    const known = await this.options.control.status(tenantId);
    if (known?.ended === true) throw await this.noProcess(tenantId);
  }

  private async noProcess(tenantId: TenantId): Promise<LetheError> {
    const known = await this.options.control.status(tenantId);
    return known?.ended === true
      ? new LetheError('LIFECYCLE_ENDED', 'the lifecycle has ended; its certificates remain')
      : new LetheError('NOT_SUBSCRIBED', 'the tenant is not subscribed: send subscribe first');
  }

  private staging(): BodyStaging {
    if (this.options.staging !== undefined) return this.options.staging;
    throw new LetheError('CONFIGURATION_INVALID', 'this client was made without staging', {
      field: 'staging',
    });
  }
}

const noSuchHold = (): Promise<LetheError> =>
  Promise.resolve(
    new LetheError('UNKNOWN_HOLD', 'holdId names no hold in force', { field: 'holdId' }),
  );

const noSweep = (): Promise<LetheError> =>
  Promise.resolve(
    new LetheError('ENGINE_UNAVAILABLE', 'the sweep does not run: a worker starts it'),
  );
