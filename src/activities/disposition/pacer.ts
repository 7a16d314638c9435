import type { Sql } from '../../contracts/sql';
import {
  FAILURES_COUNT_MS,
  moveBy,
  reasonToWait,
  restAfter,
  type Throttle,
  type WaitReason,
} from '../../domain/pacing';
import { required, textRow } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import { localTimeIn, readThrottle } from '../control/throttle';
import { readReplicaLag, type ReplicaPorts } from './replica-lag';
import type { RunRow } from './run-rows';

/** What pacing looks at, and how it waits. */
export interface PacerPorts {
  readonly control: Sql;
  /** The server whose load counts. */
  readonly assets: Sql;
  /** Those that follow it and must not fall far behind. */
  readonly replicas: ReplicaPorts;
  /** Resolves after `milliseconds`, or earlier when the activity is cancelled. */
  readonly pause: (milliseconds: number) => Promise<void>;
}

/** Milliseconds of this process's life. */
export const elapsedMs = (): number => process.uptime() * 1000;

/** What somebody set is looked at again after this long, in milliseconds. */
const LOOK_AGAIN_MS = 1000;
/** A busy server or a late replica is waited for this often, half a second each, before the step gives its place up. */
const WAITS_MAX = 20;
const WAIT_MS = 500;
/** What may be over in a moment; everything else lasts. */
const PASSING: ReadonlySet<WaitReason | null> = new Set(['load', 'replica-lag']);

/** Keeps the move of a run from being a burden: rests between batches, and stops when it must wait. */
export class Pacer {
  private throttle: Throttle | undefined;
  private lookedAt = -Infinity;
  private movedRows = 0;
  private isCatchingUp = true;
  /** When tries failed, in milliseconds of this process's life, oldest first. */
  private failedAt: readonly number[] = [];
  /** In milliseconds of this process's life, which no clock can move. */
  private readonly since = elapsedMs();

  private constructor(
    private readonly ports: PacerPorts,
    private readonly run: RunRow,
    private readonly zone: string,
  ) {}

  /** Binds a pacer to a run of a tenant. */
  static async of(ports: PacerPorts, run: RunRow): Promise<Pacer> {
    const row = await textRow(ports.control, 'SELECT zone FROM tenants WHERE tenant_id = ?', [
      run.tenantId,
    ]);
    return new Pacer(ports, run, required(row ?? {}, 'zone'));
  }

  /** Why the next batch has to wait for longer than this step should; null: go on. */
  async reasonToStop(rowsLeft: number): Promise<WaitReason | null> {
    if (elapsedMs() - this.lookedAt < LOOK_AGAIN_MS) return null;
    for (let waits = 0; ; waits += 1) {
      const reason = await this.look(rowsLeft);
      if (!PASSING.has(reason) || waits >= WAITS_MAX) return reason;
      await this.ports.pause(WAIT_MS);
    }
  }

  /** Counts a try that failed or was rolled back: it lengthens the rests of the next minute. */
  failed(): void {
    const now = elapsedMs();
    this.failedAt = [...this.failedAt.filter((at) => now - at < FAILURES_COUNT_MS), now];
  }

  /** Rests as long as the batch, the limit and the failures of the last minute ask for; says how long, in ms. */
  async rest(batch: { readonly rows: number; readonly tookMs: number }): Promise<number> {
    this.movedRows += batch.rows;
    const now = elapsedMs();
    const failures = this.failedAt.filter((at) => now - at < FAILURES_COUNT_MS).length;
    const limit = this.throttle?.rowsPerSecondMax ?? null;
    const milliseconds = restAfter(batch, limit, failures);
    if (milliseconds > 0) await this.ports.pause(milliseconds);
    return milliseconds;
  }

  private async look(rowsLeft: number): Promise<WaitReason | null> {
    this.lookedAt = elapsedMs();
    const throttle = await readThrottle(this.ports.control);
    this.throttle = throttle;
    const now = await databaseNow(this.ports.control);
    const perRow = this.movedRows === 0 ? 0 : (elapsedMs() - this.since) / this.movedRows;
    const { assets, replicas } = this.ports;
    const reason = reasonToWait({
      throttle,
      hourAndMinute: localTimeIn(throttle.quietHours?.zone ?? this.zone, now),
      threadsRunning: await threadsRunning(assets),
      replicaLagMs: await readReplicaLag(replicas),
      isCatchingUp: this.isCatchingUp,
      now,
      moveBy: moveBy(this.run.eventAt),
      remainingMs: perRow * rowsLeft,
    });
    this.isCatchingUp = reason === 'replica-lag';
    return reason;
  }
}

/** Statements that the server works on at this moment, this one among them. */
async function threadsRunning(sql: Sql): Promise<number> {
  const row = await textRow(sql, `SHOW GLOBAL STATUS LIKE 'Threads_running'`);
  return Number(required(row ?? {}, 'Value'));
}
