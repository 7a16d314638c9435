import {
  WorkflowClient,
  WorkflowExecutionAlreadyStartedError,
  type Connection,
  type WorkflowStartOptions,
} from '@temporalio/client';
import type { ControlReader } from '../contracts/control-reader';
import { orderedScope, type PlaceHold } from '../contracts/holds';
import type { UnmatchedReport } from '../contracts/unmatched';
import { LetheError } from '../domain/errors';
import { holdWorkflowId, lifecycleWorkflowId, parseId } from '../domain/identifiers';
import { holdBeginning, lifecycleBeginning } from './beginnings';
import { persistently, within } from './bounded';
import { findUnmatched, isOpenNow } from './find-unmatched';
import { explainFailure } from './refusals';

/** What the keeper of processes needs. */
export interface ProcessKeeperOptions {
  readonly connection: Connection;
  readonly namespace: string;
  readonly control: Pick<ControlReader, 'status' | 'listTenants' | 'hold' | 'listHoldsInForce'>;
}

/** A process that was begun again. */
export interface BegunAgain {
  /** Tenant or hold. */
  readonly id: string;
  readonly workflowId: string;
  readonly runId: string;
}

const START_WAIT_MS = 30_000;
/** Every tenant without a process costs a few questions; an hour is enough for a hundred thousand. */
const COMPARE_WAIT_MS = 3_600_000;

/**
 * Compares the processes with control and begins lost ones again. A process holds nothing that control
 * does not: one that begins again reads the facts and waits for the same instants.
 */
export class ProcessKeeper {
  private readonly workflows: WorkflowClient;

  constructor(private readonly options: ProcessKeeperOptions) {
    const { connection, namespace } = options;
    this.workflows = new WorkflowClient({ connection, namespace });
  }

  /**
   * Which tenants and holds have no process, and which processes have neither.
   *
   * @throws LetheError ENGINE_UNAVAILABLE, or OUTCOME_UNKNOWN after an hour.
   */
  async findUnmatched(): Promise<UnmatchedReport> {
    const { control } = this.options;
    return this.ask(COMPARE_WAIT_MS, () => findUnmatched({ workflows: this.workflows, control }));
  }

  /**
   * Checks that a tenant's process may begin again; nothing is changed.
   *
   * @throws LetheError UNKNOWN_TENANT, LIFECYCLE_ENDED, or PROCESS_OPEN when one is open under its name.
   */
  async assertRebuildable(tenantId: string): Promise<void> {
    const id = parseId('TenantId', tenantId, 'tenantId');
    const status = await this.options.control.status(id);
    if (status === null) {
      throw new LetheError('UNKNOWN_TENANT', 'tenantId names no lifecycle; check the id', {
        field: 'tenantId',
      });
    }
    if (status.ended) {
      throw new LetheError('LIFECYCLE_ENDED', 'the lifecycle has ended; its certificates remain');
    }
    await this.assertNameFree(lifecycleWorkflowId(id));
  }

  /**
   * Begins a tenant's process again; it reads the facts from control.
   *
   * @throws LetheError as {@link assertRebuildable} does; the engine lets one process have the name only.
   */
  async rebuild(tenantId: string): Promise<BegunAgain> {
    await this.assertRebuildable(tenantId);
    const id = parseId('TenantId', tenantId, 'tenantId');
    return this.begin(id, 'tenantLifecycle', {
      ...lifecycleBeginning(id),
      args: [{ tenantId: id }],
    });
  }

  /**
   * Checks that a hold's process may begin again; nothing is changed.
   *
   * @throws LetheError UNKNOWN_HOLD when it is not in force, PROCESS_OPEN when its process is open.
   */
  async assertHoldRebuildable(holdId: string): Promise<PlaceHold> {
    const id = parseId('HoldId', holdId, 'holdId');
    const hold = await this.options.control.hold(id);
    if (hold?.release !== null) {
      throw new LetheError('UNKNOWN_HOLD', 'holdId names no hold in force', { field: 'holdId' });
    }
    await this.assertNameFree(holdWorkflowId(id));
    const { placedBy, reviewOn, groundDigest, scopes, matter, groundKind, owner } = hold;
    return {
      holdId: id,
      scopes: scopes.map(orderedScope),
      // Holds of before say neither; what is on record is not asked for again.
      matter: matter ?? 'unrecorded',
      groundKind: groundKind ?? 'investigation',
      owner: owner ?? placedBy,
      // Control has the ground; a hold that is on record asks for no other.
      ground: { stagingId: `st_${'0'.repeat(32)}`, digest: groundDigest },
      requestedBy: placedBy,
      reviewOn,
    };
  }

  /**
   * Begins the process of a hold in force again, so that somebody can release it.
   *
   * @throws LetheError as {@link assertHoldRebuildable} does.
   * @source CC-4
   */
  async rebuildHold(holdId: string): Promise<BegunAgain> {
    const order = await this.assertHoldRebuildable(holdId);
    const id = parseId('HoldId', holdId, 'holdId');
    return this.begin(id, 'holdPlacement', {
      ...holdBeginning(id, order.scopes.length),
      args: [order],
    });
  }

  private async begin(
    id: string,
    type: 'tenantLifecycle' | 'holdPlacement',
    beginning: WorkflowStartOptions & { readonly args: [object] },
  ): Promise<BegunAgain> {
    const { workflowId } = beginning;
    const handle = await this.ask(START_WAIT_MS, () =>
      this.workflows.start(type, {
        ...beginning,
        workflowIdConflictPolicy: 'FAIL',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      }),
    );
    return { id, workflowId, runId: handle.firstExecutionRunId };
  }

  private async assertNameFree(workflowId: string): Promise<void> {
    if (await this.ask(START_WAIT_MS, () => isOpenNow(this.workflows, workflowId))) {
      throw processOpen();
    }
  }

  private async ask<T>(milliseconds: number, work: () => Promise<T>): Promise<T> {
    try {
      return await within(this.workflows, milliseconds, () => persistently(work));
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) throw processOpen();
      throw await explainFailure(error, noProcess);
    }
  }
}

const processOpen = (): LetheError =>
  new LetheError(
    'PROCESS_OPEN',
    'a process is open under that name; terminate it first if it is broken',
  );

const noProcess = (): Promise<LetheError> =>
  Promise.resolve(new LetheError('ENGINE_UNAVAILABLE', 'the process went away meanwhile'));
