import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import type { LifecycleSnapshot } from '../contracts/snapshot';

/**
 * One long timer to the next due instant. It is set again only when that instant changes, so that a
 * command in the middle of a 180-day wait costs nothing; its summary tells the operator what it is for.
 */
export class RetentionTimer {
  private scope: CancellationScope | undefined;
  private armedFor: string | null = null;
  private rung = false;

  /** True once the instant the timer is set to has been reached. */
  get hasRung(): boolean {
    return this.rung;
  }

  private aim(dueAt: string | null, summary: string): void {
    if (dueAt === this.armedFor) return;
    this.scope?.cancel();
    this.scope = undefined;
    this.armedFor = dueAt;
    this.rung = false;
    if (dueAt !== null) this.start(dueAt, summary);
  }

  /** Aims it at the next due instant of the facts; null when nothing is due. */
  aimAtDue(facts: LifecycleSnapshot | null): string | null {
    const dueAt = facts?.nextDueAt ?? null;
    const next = facts?.dueDays[0];
    this.aim(
      dueAt,
      `${next?.because ?? 'retention'}: destroy what is due on ${next?.dueOn ?? 'time'}`,
    );
    return dueAt;
  }

  /** After the due work was tried: the same instant may be aimed at again. */
  reset(): void {
    this.scope?.cancel();
    this.scope = undefined;
    this.armedFor = null;
    this.rung = false;
  }

  private start(dueAt: string, summary: string): void {
    const scope = new CancellationScope();
    this.scope = scope;
    // The instant may carry microseconds: a millisecond later it has certainly come.
    const wait = Math.max(1, Date.parse(dueAt) + 1 - Date.now());
    void scope
      .run(() => sleep(wait, { summary }))
      .then(() => {
        if (this.scope === scope) this.rung = true;
      })
      .catch((error: unknown) => {
        if (!isCancellation(error)) throw error;
      });
  }
}
