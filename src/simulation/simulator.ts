import { LetheError } from '../domain/errors';
import { isSimulation, parseEnvironmentName } from '../domain/environment-names';
import { formatInstant, later, parseInstant, type Nanoseconds } from '../domain/instants';
import { moveClocks, readClock, type ClockPools } from './clocks';
import { WorkflowClocks, type Reached, type WorkflowClockOptions } from './fast-forward';

/** What the simulator needs: the environment's name, three pools of its account, and the workflows. */
export interface SimulatorOptions extends ClockPools, WorkflowClockOptions {
  /** Must end in `sim`; only such environments have clocks that can be moved. */
  readonly environment: string;
}

/** How a stretch of simulated time is walked. */
export interface Walk {
  /** Workflows that are open now; asked for again before each step. */
  workflowIds(): Promise<readonly string[]>;
  /** The next instant at which something is due (RFC 3339), or null. */
  nextDue(): Promise<string | null>;
  /** Returns when the work that the last step started is done. */
  settle(): Promise<void>;
}

/** One step of the clock and what it cost. */
interface StepRecord {
  readonly from: string;
  readonly to: string;
  readonly workflows: number;
  /** Real time, in milliseconds. */
  readonly wallMs: number;
}

/** Moves an environment through simulated time. */
export interface Simulator {
  /** What the database's clock says, RFC 3339 in UTC. */
  now(): Promise<string>;
  /** Moves the databases' clocks first, then each workflow to the same instant. */
  advanceTo(instant: string, workflowIds: readonly string[]): Promise<void>;
  /** Brings a workflow that was just started, and still lives in real time, to the databases' time. */
  join(workflowId: string): Promise<Reached>;
  /** Steps from due instant to due instant until `instant`, letting the work settle in between. */
  runUntil(instant: string, walk: Walk): Promise<void>;
  /** Every step so far. */
  readonly steps: readonly StepRecord[];
}

/**
 * How far behind a due instant a step ends. A fast-forward that ends exactly at it would be over while
 * the work it started still runs.
 */
const AFTER_DUE: Nanoseconds = 5_000_000_000n;
/** A due instant that stays the next one for so many steps will not be done by waiting. */
const TRIES_MAX = 3;

/**
 * Makes a simulator. It belongs to demonstrations and tests: the worker, the command line and the
 * workflows do not know it.
 *
 * @throws LetheError ENVIRONMENT_MISMATCH in an environment whose name does not end in `sim`.
 */
export function createSimulator(options: SimulatorOptions): Simulator {
  if (!isSimulation(parseEnvironmentName(options.environment))) {
    throw new LetheError(
      'ENVIRONMENT_MISMATCH',
      'environment must end in sim: a production clock is never moved',
      { field: 'environment' },
    );
  }
  return new EnvironmentSimulator(options, new WorkflowClocks(options));
}

class EnvironmentSimulator implements Simulator {
  readonly steps: StepRecord[] = [];

  constructor(
    private readonly pools: ClockPools,
    private readonly workflows: WorkflowClocks,
  ) {}

  async now(): Promise<string> {
    return formatInstant(await readClock(this.pools.control));
  }

  async advanceTo(instant: string, workflowIds: readonly string[]): Promise<void> {
    const target = parseInstant(instant, 'instant');
    const started = performance.now();
    const from = await this.now();
    await moveClocks(this.pools, target);
    await Promise.all(workflowIds.map((workflowId) => this.workflows.reach(workflowId, target)));
    this.steps.push({
      from,
      to: formatInstant(target),
      workflows: workflowIds.length,
      wallMs: Math.round(performance.now() - started),
    });
  }

  async join(workflowId: string): Promise<Reached> {
    return this.workflows.reach(workflowId, await readClock(this.pools.control));
  }

  async runUntil(instant: string, walk: Walk): Promise<void> {
    const end = parseInstant(instant, 'instant');
    let last: Nanoseconds | null = null;
    let tries = 0;
    for (;;) {
      await walk.settle();
      const due = await this.nextDueOf(walk, last);
      if (due === null || due > end) break;
      tries = due === last ? tries + 1 : 1;
      if (tries > TRIES_MAX) {
        throw new LetheError(
          'CLOCK_DISAGREES',
          `what is due at ${formatInstant(due)} is still not done after ${TRIES_MAX} steps behind it`,
          { field: 'nextDue' },
        );
      }
      last = due;
      await this.stepTo(later(due, await readClock(this.pools.control)) + AFTER_DUE, walk);
    }
    if (end > (await readClock(this.pools.control))) await this.stepTo(end, walk);
    await walk.settle();
  }

  /**
   * What is due next. Work that outlasts a step on a busy machine goes on in real time, so what was due
   * at the last step is asked for again when the work that it started is over.
   */
  private async nextDueOf(walk: Walk, last: Nanoseconds | null): Promise<Nanoseconds | null> {
    const ask = async (): Promise<Nanoseconds | null> => {
      const next = await walk.nextDue();
      return next === null ? null : parseInstant(next, 'nextDue');
    };
    const due = await ask();
    if (due === null || due !== last) return due;
    await this.workflows.rest(await walk.workflowIds());
    await walk.settle();
    return ask();
  }

  private async stepTo(target: Nanoseconds, walk: Walk): Promise<void> {
    await this.advanceTo(formatInstant(target), await walk.workflowIds());
  }
}
