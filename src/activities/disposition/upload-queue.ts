/** Writes that are under way at the same time: each holds one sealed part of a few megabytes. */
const AT_ONCE = 4;

/**
 * Lets writes go on while records are read. A write that fails is told at the next turn; nothing is
 * started after it.
 */
export class UploadQueue {
  private readonly running = new Set<Promise<void>>();
  private failure: { readonly error: unknown } | undefined;

  /** Starts a write when there is room, and waits until there is. @throws what an earlier write threw. */
  async push(write: () => Promise<void>): Promise<void> {
    while (this.running.size >= AT_ONCE) await Promise.race(this.running);
    this.assertSound();
    const running = write()
      .catch((error: unknown) => {
        this.failure ??= { error };
      })
      .finally(() => this.running.delete(running));
    this.running.add(running);
  }

  /** Waits for all. @throws what the first of those that failed threw. */
  async drain(): Promise<void> {
    await this.settle();
    this.assertSound();
  }

  /** Waits for all, whatever became of them: a pass that fails leaves nothing running behind. */
  async settle(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }

  private assertSound(): void {
    if (this.failure !== undefined) throw this.failure.error;
  }
}
