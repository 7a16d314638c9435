import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** How a process is started and how it says that it is ready. */
export interface ProcessPlan {
  /** For messages: `worker`, `hosting system`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Matches the line of its standard output that says so. */
  readonly ready: RegExp;
  readonly readyMs: number;
  /** All that it says is kept here, over restarts. */
  readonly log: string;
}

/** A run that succeeds by ending with code 0. */
export type TaskPlan = Omit<ProcessPlan, 'ready' | 'readyMs'> & { readonly limitMs: number };

const STOP_MS = 15_000;
const TAIL_LINES = 12;
/** Processes that run now; whatever ends this program takes them along. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * A process of the demonstration that can be killed as a power cut would and be started again. Only
 * processes that were started here are ever signalled, by their own handle.
 */
export class Actor {
  private child: ChildProcess | undefined;

  constructor(private readonly plan: ProcessPlan) {}

  /** Number of the running process, or undefined. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /**
   * Starts it and returns the line that says it is ready.
   *
   * @throws Error with the end of its log when it ends first or takes too long.
   */
  async start(): Promise<string> {
    if (this.child !== undefined) throw new Error(`${this.plan.name} runs already`);
    const child = launch(this.plan);
    this.child = child;
    child.once('exit', () => {
      if (this.child === child) this.child = undefined;
    });
    try {
      return await untilReady(child, this.plan);
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  /** Ends it at once: no signal handler of its own runs. Safe to repeat. */
  async kill(): Promise<void> {
    await end(this.child, 'SIGKILL');
  }

  /** Asks it to end, and ends it when it does not. Safe to repeat. */
  async stop(): Promise<void> {
    const child = this.child;
    const timer = setTimeout(() => child?.kill('SIGKILL'), STOP_MS);
    await end(child, 'SIGTERM');
    clearTimeout(timer);
  }
}

/** Runs a task to its end. @throws Error with the end of its log unless it succeeds in time. */
export async function runTask(plan: TaskPlan): Promise<void> {
  const child = launch(plan);
  const timer = setTimeout(() => child.kill('SIGKILL'), plan.limitMs);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  clearTimeout(timer);
  if (code !== 0) throw failed(plan, `ended with ${code ?? 'a signal'}`);
}

function launch(plan: Omit<ProcessPlan, 'ready' | 'readyMs'>): ChildProcess {
  mkdirSync(dirname(plan.log), { recursive: true });
  const log = openSync(plan.log, 'a', 0o600);
  const child = spawn(plan.command, [...plan.args], {
    env: plan.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const keep = (bytes: Buffer): void => {
    writeSync(log, bytes);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.once('close', () => {
    running.delete(child);
    closeSync(log);
  });
  return child;
}

async function untilReady(child: ChildProcess, plan: ProcessPlan): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => {
      reject(failed(plan, `was not ready after ${plan.readyMs} ms`));
    }, plan.readyMs);
    child.stdout?.on('data', (bytes: Buffer) => {
      said += bytes.toString('utf8');
      const line = said.split('\n').find((candidate) => plan.ready.test(candidate));
      // A line that is still being written is not a line yet.
      if (line === undefined || !said.includes(`${line}\n`)) return;
      clearTimeout(timer);
      said = '';
      resolve(line);
    });
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(failed(plan, `could not be started: ${error.message}`));
    });
    child.once('close', () => {
      clearTimeout(timer);
      reject(failed(plan, 'ended before it was ready'));
    });
  });
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const over = new Promise((resolve) => child.once('close', resolve));
  if (child.kill(signal)) await over;
}

function failed(plan: Pick<ProcessPlan, 'name' | 'log'>, what: string): Error {
  const tail = readFileSync(plan.log, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
  return new Error(`the ${plan.name} ${what}; log: ${plan.log}\n${tail}`);
}
