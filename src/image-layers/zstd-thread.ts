import { parentPort, workerData } from 'node:worker_threads';
import { LayerTrouble, type LayerReason } from './layer-trouble';
import { Frames } from './zstd-frames';
import { instanceOf } from './zstd-library';

/** Bytes in memory that changes hands: it is there and back again, and nothing new is made. */
export interface Handed {
  readonly memory: ArrayBuffer;
  /** How many of its bytes mean something, from its beginning. */
  readonly bytes: number;
}

/** What the thread is told: bytes to unpack, memory for what comes out, or that nothing comes any more. */
export type ThreadTold = { readonly packed: Handed } | { readonly room: ArrayBuffer } | 'no more';

/** What the thread tells: bytes that came out, memory whose bytes are unpacked, and how it ended. */
export type ThreadTells =
  | { readonly unpacked: Handed }
  | { readonly emptied: ArrayBuffer }
  | { readonly trouble: { readonly reason: LayerReason; readonly what: string } }
  | 'whole';

/** Unpacks as far as there are bytes for it and room for what comes out. */
class Unpacking {
  private readonly frames = new Frames(instanceOf(workerData as object));
  private readonly waiting: Handed[] = [];
  private readonly rooms: ArrayBuffer[] = [];
  private isLast = false;
  /** What is being unpacked; it stops wherever there is no room. */
  private current: { readonly memory: ArrayBuffer; readonly out: Iterator<Uint8Array> } | undefined;

  hear(told: ThreadTold): void {
    if (told === 'no more') this.isLast = true;
    else if ('room' in told) this.rooms.push(told.room);
    else this.waiting.push(told.packed);
    while (this.rooms.length > 0 && this.begin()) this.step();
    if (!this.isLast || this.begin()) return;
    this.isLast = false;
    this.frames.end();
    tell('whole');
  }

  /** False when there is nothing to unpack. */
  private begin(): boolean {
    const next = this.current === undefined ? this.waiting.shift() : undefined;
    if (next !== undefined) {
      const { memory, bytes } = next;
      this.current = { memory, out: this.frames.unpack(new Uint8Array(memory, 0, bytes)) };
    }
    return this.current !== undefined;
  }

  private step(): void {
    if (this.current === undefined) return;
    const { memory, out } = this.current;
    const next = out.next();
    if (next.done === true) {
      this.current = undefined;
      tell({ emptied: memory }, memory);
      return;
    }
    const room = this.rooms.pop();
    if (room === undefined) return;
    new Uint8Array(room).set(next.value);
    tell({ unpacked: { memory: room, bytes: next.value.length } }, room);
  }
}

function tell(told: ThreadTells, ...handed: readonly ArrayBuffer[]): void {
  parentPort?.postMessage(told, handed);
}

const unpacking = new Unpacking();
parentPort?.on('message', (told: ThreadTold) => {
  try {
    unpacking.hear(told);
  } catch (error) {
    // Anything unforeseen ends the thread, and the layer is not read.
    if (!(error instanceof LayerTrouble)) throw error;
    tell({ trouble: { reason: error.reason, what: error.what } });
  }
});
