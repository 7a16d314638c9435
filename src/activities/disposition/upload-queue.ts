/** Writes that are under way at the same time, however small their parts are. */
const AT_ONCE = 8;
/** Bytes of sealed parts that are under way at the same time: 8 MiB, or one part that is longer. */
const BYTES_AT_ONCE = 8 * 1024 * 1024;

/**
 * Lets writes go on while records are read. A write that fails is told at the next turn; nothing is
 * started after it.
 */
export class UploadQueue {
  private readonly running = new Set<Promise<void>>();
  private bytes = 0;
  private failure: { readonly error: unknown } | undefined;

  /** Starts a write of so many bytes when there is room, and waits until there is. @throws what an earlier write threw. */
  async push(bytes: number, write: () => Promise<void>): Promise<void> {
    while (!this.hasRoomFor(bytes)) await Promise.race(this.running);
    this.assertSound();
    this.bytes += bytes;
    const running = write()
      .catch((error: unknown) => {
        this.failure ??= { error };
      })
      .finally(() => {
        this.bytes -= bytes;
        this.running.delete(running);
      });
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

  private hasRoomFor(bytes: number): boolean {
    if (this.running.size === 0) return true;
    return this.running.size < AT_ONCE && this.bytes + bytes <= BYTES_AT_ONCE;
  }

  private assertSound(): void {
    if (this.failure !== undefined) throw this.failure.error;
  }
}
