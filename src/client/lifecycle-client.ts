import { WorkflowClient, type Connection } from '@temporalio/client';
import { LetheError } from '../domain/errors';
import { lifecycleWorkflowId, parseId } from '../domain/identifiers';
import type {
  Command,
  CommandBodies,
  CommandKind,
  CommandReceipt,
  RepositoryScan,
} from '../contracts/commands';
import type { ControlReader } from '../contracts/control-reader';
import type { SignedBy } from '../contracts/decisions';
import { actor } from '../contracts/field-checks';
import type { HoldAcknowledgement, HoldStatus, PlaceHold, ReleaseState } from '../contracts/holds';
import { SIGNAL_NAMES } from '../contracts/messages';
import type { ScanKeeper, ScanSchedule, ScanSummary } from '../contracts/scans';
import { parseConfiguration } from '../contracts/schemas/configuration';
import type { DueDay, LifecycleStatus } from '../contracts/snapshot';
import type { BodyStaging } from '../contracts/stores';
import type { SweepRound } from '../contracts/sweep';
import { assertCommand } from '../contracts/validate-command';
import { assertPlaceHold } from '../contracts/validate-hold';
import { tellProcess } from './ask-process';
import { persistently, within } from './bounded';
import type { CommandHeader, ConfigurationChange, HoldOrder, SharingOrder } from './caller-input';
import { assertReportShape } from './check-report';
import { checkedGrant, checkedScan, UNSTAGED } from './check-sharing';
import { bindDecision, bindPlacement, noSuchHold, readHoldStatus } from './hold-process';
import { bindSweepNow, bindSweepStatus, noSweep, tellDelivery } from './platform-processes';
import { explainFailure } from './refusals';
import { bindCommand, noSuchProcess, readTenantStatus, refuseWhenEnded } from './tenant-process';

/** What the facade needs. */
export interface LifecycleClientOptions {
  /** `Connection.lazy` is best: then status and deadlines work while the engine is away. */
  readonly connection: Connection;
  readonly namespace: string;
  readonly control: Pick<ControlReader, 'status' | 'deadlines' | 'hold'>;
  /** Only needed by the methods that carry a body. */
  readonly staging?: BodyStaging;
  /** Only needed by the methods about schedules and results of scans. */
  readonly scans?: ScanKeeper;
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
    if (kind === 'subscribe') await refuseWhenEnded(this.options.control, tenantId);
    return this.ask(
      this.options.commandTimeoutMs ?? COMMAND_WAIT_MS,
      bindCommand(this.workflows, tenantId, command),
      () => noSuchProcess(this.options.control, tenantId),
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
   * Checks which repositories are to be read, stages that and orders the scan. A scope (`shop/*`, `*`) reads every
   * repository that the registry's catalog lists in it, as one scan.
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

  /**
   * Has every repository that was scanned once scanned again after so many hours; null ends it. It takes effect
   * in the next round of the sweep, and works while the engine is away.
   *
   * @throws LetheError INVALID_INPUT or UNKNOWN_TENANT naming the field; nothing is changed then.
   * @source DC-2
   */
  async scheduleScans(
    { tenantId, requestedBy }: Omit<CommandHeader, 'idempotencyKey'>,
    order: { readonly everyHours: number | null },
  ): Promise<ScanSchedule> {
    const { everyHours } = order;
    actor(requestedBy, 'requestedBy');
    return this.scanKeeper().setSchedule({ tenantId, everyHours, setBy: requestedBy });
  }

  /** The schedule that counts now. @throws LetheError UNKNOWN_TENANT */
  async scanSchedule(tenantId: string): Promise<ScanSchedule> {
    return this.scanKeeper().schedule(tenantId);
  }

  /**
   * Ends a scan that waits or runs; what it has stored stays. False when it had a result already.
   *
   * @throws LetheError INVALID_INPUT for a scan that the tenant never ordered.
   */
  async cancelScan(
    { tenantId, requestedBy }: Omit<CommandHeader, 'idempotencyKey'>,
    scanId: string,
  ): Promise<boolean> {
    actor(requestedBy, 'requestedBy');
    return this.scanKeeper().cancel({ tenantId, scanId, cancelledBy: requestedBy });
  }

  /** The newest scans and what came of them. @throws LetheError UNKNOWN_TENANT */
  async scans(tenantId: string): Promise<readonly ScanSummary[]> {
    return this.scanKeeper().list(tenantId);
  }

  /** What came of one scan. @throws LetheError INVALID_INPUT for one that was never ordered. */
  async scanSummary(tenantId: string, scanId: string): Promise<ScanSummary> {
    return this.scanKeeper().summary(tenantId, scanId);
  }

  /** State of the tenant: from its process, or from control when the engine does not answer. */
  async status(tenantId: string): Promise<LifecycleStatus> {
    const id = parseId('TenantId', tenantId, 'tenantId');
    return readTenantStatus(this.workflows, this.options.control, id);
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
    assertPlaceHold({ ...order, ground: UNSTAGED });
    const tenantId = order.scopes[0]?.tenantId ?? '';
    const staged = await this.staging().grounds.stage(tenantId, ground);
    return this.placeHold({ ...order, ground: staged });
  }

  /** Places a legal hold through its own process and waits until it is in force. @source CC-4 */
  async placeHold(order: PlaceHold): Promise<HoldAcknowledgement> {
    assertPlaceHold(order);
    return this.ask(HOLD_WAIT_MS, bindPlacement(this.workflows, order), noSuchHold);
  }

  /** Asks to release a hold; it stays in force until somebody else approves and the delay is over. */
  async requestHoldRelease(
    holdId: string,
    order: { readonly requestedBy: string } & SignedBy,
  ): Promise<ReleaseState> {
    return this.decideOnHold('requestRelease', { holdId, order });
  }

  /** Approves the release of a hold, as somebody else than who asked. */
  async approveHoldRelease(
    holdId: string,
    order: { readonly approvedBy: string } & SignedBy,
  ): Promise<ReleaseState> {
    return this.decideOnHold('approveRelease', { holdId, order });
  }

  /** Withdraws a release that has not taken effect; one person is enough to keep. */
  async withdrawHoldRelease(
    holdId: string,
    order: { readonly withdrawnBy: string },
  ): Promise<ReleaseState> {
    return this.decideOnHold('withdrawRelease', { holdId, order });
  }

  /** Records that somebody looked at a hold, and when somebody must look again. */
  async reviewHold(
    holdId: string,
    order: { readonly reviewedBy: string; readonly reviewOn: string },
  ): Promise<ReleaseState> {
    return this.decideOnHold('review', { holdId, order });
  }

  /** State of a hold: from its process, or from control when the engine does not answer. */
  async holdStatus(holdId: string): Promise<HoldStatus> {
    const id = parseId('HoldId', holdId, 'holdId');
    return readHoldStatus(this.workflows, this.options.control, id);
  }

  /** Tells the tenant's process that facts changed in control; false when it could not be told. */
  async tellFactsChanged(tenantId: string): Promise<boolean> {
    const id = lifecycleWorkflowId(parseId('TenantId', tenantId, 'tenantId'));
    // The process reads the facts again before it acts, so it needs no telling.
    return tellProcess(this.workflows, id, SIGNAL_NAMES.factsChangedSignal);
  }

  /**
   * What the last look at certified data found.
   *
   * @throws LetheError ENGINE_UNAVAILABLE when the platform's process does not answer.
   * @source ST-1
   */
  async sweepStatus(): Promise<SweepRound | null> {
    return this.ask(COMMAND_WAIT_MS, bindSweepStatus(this.workflows), noSweep);
  }

  /** Looks now at what is due, without waiting for the timer; safe to repeat. */
  async sweepNow(): Promise<void> {
    return this.ask(COMMAND_WAIT_MS, bindSweepNow(this.workflows), noSweep);
  }

  /** Has notices delivered now; false when the process could not be told and looks by itself, later. */
  async deliverNoticesNow(): Promise<boolean> {
    return tellDelivery(this.workflows);
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

  private decideOnHold(
    decision: Parameters<typeof bindDecision>[1],
    order: Parameters<typeof bindDecision>[2],
  ): Promise<ReleaseState> {
    return this.ask(HOLD_WAIT_MS, bindDecision(this.workflows, decision, order), noSuchHold);
  }

  private staging(): BodyStaging {
    if (this.options.staging !== undefined) return this.options.staging;
    throw madeWithout('staging');
  }

  private scanKeeper(): ScanKeeper {
    if (this.options.scans !== undefined) return this.options.scans;
    throw madeWithout('scans');
  }
}

const madeWithout = (field: string): LetheError =>
  new LetheError('CONFIGURATION_INVALID', `this client was made without ${field}`, { field });
