import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { PartProofs } from '../activities/verification/part-proofs';
import type { ThreadAnswer, ThreadOrder } from '../activities/verification/proof-thread';
import type { PartProof, ProofOrder } from '../archive-format';
import { LetheError } from '../domain/errors';

/** How parts are proven beside the process's own thread. */
export interface ProofThreadSettings {
  /** Threads at most; each holds one part at a time. */
  readonly count: number;
  /** Most memory that one thread may need for its objects, in MB; what it is without being told is enough. */
  readonly memoryMaxMb?: number;
  /** Arguments of the runtime for each thread, beside the process's own. */
  readonly execArgv?: readonly string[];
}

/** What a worker process has beside its own thread: one, or two where there are cores for them. */
export const PROOF_THREADS: ProofThreadSettings = Object.freeze({
  count: Math.max(1, Math.min(2, availableParallelism() - 1)),
});

/** Without an extension: the sources and what is compiled of them lie in the same places. */
const ENTRY = join(__dirname, '..', 'activities', 'verification', 'proof-thread');
/**
 * Most that a thread may need for its objects, in MB: a record of 64 MiB as text, twice. A thread that needs
 * more is ended by the runtime, and the process goes on.
 */
const MEMORY_MAX_MB = 384;
/** Of it for objects that have just been made, in MB: what is proven is read and forgotten. */
const YOUNG_MB = 8;

/** A part and whoever waits for its proof. */
interface Waiting {
  readonly stored: Buffer;
  readonly order: ProofOrder;
  readonly resolve: (proof: PartProof) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Proves parts in threads, one part a thread at a time, in the order in which they come.
 *
 * A thread that dies fails the part it was at, and nothing counts as proven; the next part gets a new thread.
 * A caller that has given up leaves a proof that nobody reads. Idle threads do not keep the process alive.
 */
export class ProofThreads implements PartProofs {
  private readonly threads = new Set<ProofThread>();
  private readonly queue: Waiting[] = [];
  private closed = false;

  constructor(private readonly settings: ProofThreadSettings) {}

  /** @throws Error when the thread ended instead of answering. */
  prove(stored: Buffer, order: ProofOrder): Promise<PartProof> {
    return new Promise((resolve, reject) => {
      if (this.closed) throw new Error('the threads that prove parts are closed');
      this.queue.push({ stored, order, resolve, reject });
      this.next();
    });
  }

  /** Ends all threads; what they were at, and what waits for them, has failed. */
  async close(): Promise<void> {
    this.closed = true;
    for (const { reject } of this.queue.splice(0)) {
      reject(new Error('the threads that prove parts are closed'));
    }
    await Promise.all([...this.threads].map((thread) => thread.end()));
  }

  private next(): void {
    const thread = [...this.threads].find(({ isIdle }) => isIdle) ?? this.started();
    if (thread === undefined) return;
    const waiting = this.queue.shift();
    if (waiting !== undefined) thread.take(waiting);
  }

  private started(): ProofThread | undefined {
    if (this.queue.length === 0 || this.threads.size >= this.settings.count) return undefined;
    const thread = new ProofThread(this.settings, {
      onIdle: () => {
        this.next();
      },
      onEnd: () => {
        this.threads.delete(thread);
        this.next();
      },
    });
    this.threads.add(thread);
    return thread;
  }
}

/** What a thread tells its pool. */
interface ThreadEvents {
  readonly onIdle: () => void;
  readonly onEnd: () => void;
}

class ProofThread {
  private readonly worker: Worker;
  private current: Waiting | undefined;

  constructor(settings: ProofThreadSettings, events: ThreadEvents) {
    const { execArgv, memoryMaxMb = MEMORY_MAX_MB } = settings;
    this.worker = new Worker(ENTRY, {
      resourceLimits: { maxOldGenerationSizeMb: memoryMaxMb, maxYoungGenerationSizeMb: YOUNG_MB },
      ...(execArgv !== undefined && { execArgv: [...execArgv] }),
    });
    this.worker.on('message', (answer: ThreadAnswer) => {
      const { current } = this;
      this.rest();
      if ('proof' in answer) current?.resolve(answer.proof);
      else current?.reject(new LetheError(answer.failure.code, answer.failure.message));
      events.onIdle();
    });
    // An error is followed by the exit, which comes alone when the thread was ended.
    let cause: unknown;
    this.worker.on('error', (error) => {
      cause = error;
    });
    this.worker.on('exit', () => {
      this.current?.reject(new Error('a thread ended while it proved a part', { cause }));
      this.rest();
      events.onEnd();
    });
  }

  get isIdle(): boolean {
    return this.current === undefined;
  }

  take(waiting: Waiting): void {
    this.current = waiting;
    this.worker.ref();
    const { stored, order } = waiting;
    // A buffer of its own is handed over; one that shares its memory with others is copied.
    const isOwn = stored.buffer.byteLength === stored.byteLength;
    const message: ThreadOrder = { stored, order };
    this.worker.postMessage(message, isOwn ? [stored.buffer as ArrayBuffer] : []);
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }

  private rest(): void {
    this.current = undefined;
    this.worker.unref();
  }
}
