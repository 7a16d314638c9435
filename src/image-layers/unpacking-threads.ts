import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { LayerTrouble } from './layer-trouble';
import { unpackZstd } from './zstd';
import { GIVEN_BYTES } from './zstd-frames';
import { zstdProgram } from './zstd-library';
import type { ThreadTells, ThreadTold } from './zstd-thread';

/** How layers packed with zstd are unpacked beside the process's own thread. */
export interface UnpackingThreadSettings {
  /** Threads at most, each for one layer; what comes beyond them is unpacked in the own thread. */
  readonly count: number;
  /** Bytes of a packed layer from which on it gets a thread. */
  readonly packedBytesMin: number;
  /** Most memory that one thread may need for its objects, in MB; what is unpacked is not among them. */
  readonly memoryMaxMb?: number;
  /** Arguments of the runtime for each thread, beside the process's own. */
  readonly execArgv?: readonly string[];
}

const MEBIBYTE = 1024 * 1024;

/** What a worker process has where there are cores for it; starting a thread takes as long as reading 2 MB. */
export const UNPACKING_THREADS: UnpackingThreadSettings = Object.freeze({
  count: Math.min(4, availableParallelism() - 1),
  packedBytesMin: 16 * MEBIBYTE,
});

/** Without an extension: the sources and what is compiled of them lie in the same places. */
const ENTRY = join(__dirname, 'zstd-thread');
/** A thread makes hardly any objects; the bytes lie beside them. */
const MEMORY_MAX_MB = 64;
/** Bytes that are handed over to be unpacked at a time. */
const PACKED_BYTES = 256 * 1024;
/** How much memory goes to and fro: bounds how far a thread is ahead, and how far the source is. */
const PACKED_COUNT = 4;
const ROOM_COUNT = 8;

/**
 * Unpacks layers in threads of their own, beside whoever digests and walks what comes out. A thread lives
 * as long as the reading of its layer, however that ends.
 */
export class UnpackingThreads {
  private running = 0;

  constructor(private readonly settings: UnpackingThreadSettings) {}

  /**
   * Unpacks like {@link unpackZstd}; the pieces are only lent until the next is asked for.
   *
   * @throws LayerTrouble like {@link unpackZstd}, and `too-large` when the thread had too little memory;
   *   Error when the thread ended otherwise; whatever `source` throws.
   */
  async *unpack(source: AsyncIterable<Buffer>, packedBytes: number): AsyncGenerator<Buffer> {
    const { count, packedBytesMin } = this.settings;
    if (this.running >= count || packedBytes < packedBytesMin) {
      yield* unpackZstd(source);
      return;
    }
    this.running += 1;
    try {
      const thread = new ZstdThread(await zstdProgram(), this.settings);
      try {
        yield* thread.unpack(source);
      } finally {
        await thread.end();
      }
    } finally {
      this.running -= 1;
    }
  }
}

/** The thread of one layer, and the memory that goes to it and comes back. */
class ZstdThread {
  private readonly worker: Worker;
  /** Memory for bytes that are to be unpacked; the last is being filled. */
  private readonly empty = memories(PACKED_COUNT, PACKED_BYTES);
  private filled = 0;
  private readonly heard: ThreadTells[] = [];
  private ended: Error | undefined;
  private isWhole = false;
  private wake: () => void = () => undefined;

  constructor(program: object, { memoryMaxMb, execArgv }: UnpackingThreadSettings) {
    this.worker = new Worker(ENTRY, {
      workerData: program,
      resourceLimits: { maxOldGenerationSizeMb: memoryMaxMb ?? MEMORY_MAX_MB },
      ...(execArgv !== undefined && { execArgv: [...execArgv] }),
    });
    this.worker.on('message', (told: ThreadTells) => {
      this.heard.push(told);
      this.wake();
    });
    // An error is followed by the exit, which comes alone when the thread was ended.
    let cause: unknown;
    this.worker.on('error', (error) => {
      cause = error;
    });
    this.worker.on('exit', () => {
      this.ended = deathOf(cause);
      this.wake();
    });
    for (const room of memories(ROOM_COUNT, GIVEN_BYTES)) this.tell({ room }, room);
  }

  async *unpack(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of source) {
      for (let at = 0; at < piece.length; at += this.take(piece.subarray(at))) {
        // What came out goes on before more is taken in.
        while (this.empty.length === 0 || this.heard.length > 0)
          yield* this.lend(await this.hear());
      }
    }
    this.handOver();
    this.tell('no more');
    while (!this.isWhole) yield* this.lend(await this.hear());
  }

  /** Ends the thread wherever it is; nothing of it is left when that is done. */
  async end(): Promise<void> {
    await this.worker.terminate();
  }

  /** Takes bytes as far as there is memory for them, and says how many. */
  private take(bytes: Buffer): number {
    const memory = this.empty.at(-1);
    if (memory === undefined) return 0;
    const taken = bytes.subarray(0, PACKED_BYTES - this.filled);
    new Uint8Array(memory).set(taken, this.filled);
    this.filled += taken.length;
    if (this.filled === PACKED_BYTES) this.handOver();
    return taken.length;
  }

  private handOver(): void {
    const memory = this.filled === 0 ? undefined : this.empty.pop();
    if (memory !== undefined) this.tell({ packed: { memory, bytes: this.filled } }, memory);
    this.filled = 0;
  }

  private async hear(): Promise<ThreadTells> {
    for (;;) {
      const told = this.heard.shift();
      if (told !== undefined) return told;
      if (this.ended !== undefined) throw this.ended;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  private *lend(told: ThreadTells): Generator<Buffer> {
    if (told === 'whole') this.isWhole = true;
    else if ('trouble' in told) throw new LayerTrouble(told.trouble.reason, told.trouble.what);
    // In front of what may be filled already.
    else if ('emptied' in told) this.empty.unshift(told.emptied);
    else {
      const { memory, bytes } = told.unpacked;
      yield Buffer.from(memory, 0, bytes);
      this.tell({ room: memory }, memory);
    }
  }

  private tell(told: ThreadTold, ...handed: readonly ArrayBuffer[]): void {
    this.worker.postMessage(told, handed);
  }
}

const memories = (count: number, bytes: number): ArrayBuffer[] =>
  Array.from({ length: count }, () => new ArrayBuffer(bytes));

/** A thread that dies says nothing about the layer, unless the layer was too much for it. */
const deathOf = (cause: unknown): Error =>
  (cause as { code?: unknown } | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? new LayerTrouble('too-large', 'takes more memory to unpack than a thread has')
    : new Error('a thread ended while it unpacked a layer', { cause });
