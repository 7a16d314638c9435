import type { Connection } from '@temporalio/client';
import { LetheError } from '../domain/errors';
import { formatInstant, type Nanoseconds } from '../domain/instants';

/** Where the workflows are and how patient to be with them. */
export interface WorkflowClockOptions {
  readonly connection: Connection;
  readonly namespace: string;
  /** Longest real time without any progress of a workflow on its way, in milliseconds. */
  readonly patienceMs?: number;
  /** Most waits that one fast-forward may jump over. */
  readonly skipsMax?: number;
}

/** How a workflow came out of a fast-forward. */
export type Reached = 'reached' | 'ended';

const PATIENCE_MS = 180_000;
/** After this long a poll is given up to see whether a child needs to be moved as well, in ms. */
const POLL_MS = 1_500;
/** How often workflows are looked at that are to come to rest, in ms. */
const REST_POLL_MS = 100;
/**
 * Two years of daily work are fewer. A process that looks again every ten minutes at something that
 * blocks it would otherwise act for ever without anybody noticing.
 */
const SKIPS_MAX = 1_000;

/** Numbers of the wire: FastForwardPollingResult and WorkflowExecutionStatus. */
const COMPLETED = 2;
const FAILED = 3;
const RUNNING = 1;
const NOT_FOUND = 5;
/** CANCELLED and DEADLINE_EXCEEDED: a poll that was given up, by the server or by us. */
const GIVEN_UP: ReadonlySet<number | undefined> = new Set([1, 4]);

const PER_SECOND = 1_000_000_000n;
const PER_MILLISECOND = 1_000_000n;

type Service = Connection['workflowService'];
type Description = Awaited<ReturnType<Service['describeWorkflowExecution']>>;

/** A workflow as its server describes it now. */
interface View {
  readonly running: boolean;
  /** An activity is pending, or the workflow itself has something to do. */
  readonly busy: boolean;
  readonly now: Nanoseconds;
  readonly children: readonly string[];
  /** Waits jumped over since the clock was last armed. */
  readonly skips: number;
  /** What it waits for, for the message when it does not move. */
  readonly pending: string;
}

/** A fast-forward that is under way. */
interface Forward {
  readonly workflowId: string;
  readonly id: string;
  readonly target: Nanoseconds;
}

/**
 * Moves the virtual clocks of workflows with the server's own time skipping. Production code is not
 * touched: skipping is armed from outside for exactly one stretch and is off again afterwards, so that
 * a command in between finds a workflow whose clock runs at real speed.
 */
export class WorkflowClocks {
  private armed = 0;

  constructor(private readonly options: WorkflowClockOptions) {}

  /**
   * Moves a workflow, and the children it waits for, to `target`; every timer up to it fires and the
   * work it starts is waited for. A workflow that is there already, or has ended, stays as it is.
   *
   * @throws LetheError CLOCK_DISAGREES when it does not get there in time, with what it is busy with.
   */
  async reach(workflowId: string, target: Nanoseconds): Promise<Reached> {
    for (;;) {
      const view = await this.describe(workflowId);
      if (!view.running) return 'ended';
      await this.reachAll(view.children, target);
      if (view.now >= target) return 'reached';
      const id = await this.arm(workflowId, target - view.now);
      if (id !== null) await this.follow({ workflowId, id, target });
    }
  }

  /**
   * Resolves when no activity and no task of these workflows, or of the children they wait for, is under
   * way any more, or when patience is at its end. Their clocks are not armed: they run at real speed.
   */
  async rest(workflowIds: readonly string[]): Promise<void> {
    const end = performance.now() + (this.options.patienceMs ?? PATIENCE_MS);
    while (performance.now() < end && (await this.isAnyBusy(workflowIds))) {
      await new Promise((resolve) => setTimeout(resolve, REST_POLL_MS));
    }
  }

  /** Children are looked at first: one that ends in between leaves a task to its parent. */
  private async isAnyBusy(workflowIds: readonly string[]): Promise<boolean> {
    for (const workflowId of workflowIds) {
      const { children } = await this.describe(workflowId);
      if (await this.isAnyBusy(children)) return true;
      if ((await this.describe(workflowId)).busy) return true;
    }
    return false;
  }

  /** Children that are announced but not there yet are met again at the next look. */
  private async reachAll(children: readonly string[], target: Nanoseconds): Promise<void> {
    await Promise.all(
      children.map((child) =>
        this.reach(child, target).catch((error: unknown) => {
          if (codeOf(error) !== NOT_FOUND) throw error;
        }),
      ),
    );
  }

  /** Arms one fast-forward and returns its id, or null when the workflow ended meanwhile. */
  private async arm(workflowId: string, distance: Nanoseconds): Promise<string | null> {
    this.armed += 1;
    const id = `simulator-${process.pid}-${this.armed}`;
    try {
      await this.options.connection.workflowService.updateWorkflowExecutionOptions({
        namespace: this.options.namespace,
        workflowExecution: { workflowId },
        updateMask: { paths: ['time_skipping_config'] },
        workflowExecutionOptions: {
          timeSkippingConfig: {
            enabled: true,
            // A child that skipped by itself would run ahead of the database's clock.
            disablePropagation: true,
            maxSessionSkipCount: this.options.skipsMax ?? SKIPS_MAX,
            fastForwardConfig: { id, duration: durationOf(distance) },
          },
        },
      });
      return id;
    } catch (error) {
      // What ended between two calls has reached its end.
      if (codeOf(error) === NOT_FOUND) return null;
      throw error;
    }
  }

  private async follow(forward: Forward): Promise<void> {
    let [skips, since] = [0, performance.now()];
    for (;;) {
      const result = await this.poll(forward);
      if (result === COMPLETED) return;
      const view = await this.describe(forward.workflowId);
      if (!view.running) return;
      if (view.skips !== skips) [skips, since] = [view.skips, performance.now()];
      // The server turns skipping off in the middle of the way only when all skips are used up.
      if (result === FAILED) throw this.stuck(forward, 'it waits again and again');
      if (performance.now() - since > (this.options.patienceMs ?? PATIENCE_MS)) {
        throw this.stuck(forward, `it is busy with ${view.pending}`);
      }
      await this.reachAll(view.children, forward.target);
    }
  }

  private stuck({ workflowId, target }: Forward, why: string): LetheError {
    return new LetheError(
      'CLOCK_DISAGREES',
      `${workflowId} did not reach ${formatInstant(target)}: ${why}`,
    );
  }

  /** One bounded poll: COMPLETED, FAILED (also when the workflow ended first), or 0 for neither yet. */
  private async poll(forward: Forward): Promise<number> {
    const { connection, namespace } = this.options;
    try {
      const answer = await connection.withDeadline(Date.now() + POLL_MS, () =>
        connection.workflowService.pollWorkflowExecutionTimeSkipping({
          namespace,
          workflowExecution: { workflowId: forward.workflowId },
          fastForwardId: forward.id,
        }),
      );
      return answer.fastForwardPollingResult;
    } catch (error) {
      if (GIVEN_UP.has(codeOf(error))) return 0;
      if (codeOf(error) === NOT_FOUND) return FAILED;
      throw error;
    }
  }

  private async describe(workflowId: string): Promise<View> {
    const { connection, namespace } = this.options;
    const answer = await connection.workflowService.describeWorkflowExecution({
      namespace,
      execution: { workflowId },
    });
    return viewOf(answer);
  }
}

function viewOf(answer: Description): View {
  const info = answer.workflowExtendedInfo?.timeSkippingInfo;
  const status: number = answer.workflowExecutionInfo?.status ?? 0;
  const activities = answer.pendingActivities.map(
    ({ activityType, attempt }) => `${activityType?.name ?? 'activity'} (attempt ${attempt ?? 0})`,
  );
  const children = answer.pendingChildren.map(({ workflowId }) => workflowId ?? '');
  return {
    running: status === RUNNING,
    busy: activities.length > 0 || answer.pendingWorkflowTask != null,
    // Until it has been moved once, a workflow lives in real time.
    now: timeOf(info?.currentTime) ?? BigInt(Date.now()) * PER_MILLISECOND,
    children,
    skips: info?.currentSessionSkipCount ?? 0,
    pending: [...activities, ...children].join(', ') || 'a workflow task',
  };
}

interface Timestamp {
  readonly seconds?: { toString(): string } | null;
  readonly nanos?: number | null;
}

function timeOf(time: Timestamp | null | undefined): Nanoseconds | null {
  if (time === null || time === undefined) return null;
  return BigInt((time.seconds ?? 0).toString()) * PER_SECOND + BigInt(time.nanos ?? 0);
}

/** The wire wants a Long; a whole number of seconds in that range is accepted as well. */
function durationOf(distance: Nanoseconds): { readonly seconds: never; readonly nanos: number } {
  return {
    seconds: Number(distance / PER_SECOND) as never,
    nanos: Number(distance % PER_SECOND),
  };
}

const codeOf = (error: unknown): number | undefined => (error as { code?: number }).code;
