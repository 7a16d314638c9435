import { silence } from './mysql-failures';

/** A statement that runs, as the driver tells of it. */
interface Running {
  on(event: 'result', listener: (row: readonly unknown[]) => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
  on(event: 'end', listener: () => void): this;
}

/** A connection whose rows can be held up, and which tells of its own loss. */
export interface RowSource {
  execute(options: object): Running;
  on(event: 'error' | 'end', listener: (error?: Error) => void): unknown;
  off(event: 'error' | 'end', listener: (error?: Error) => void): unknown;
  pause(): void;
  resume(): void;
}

/** A query whose rows come one by one. */
export interface RowQuery {
  /** Options of the driver's statement. */
  readonly statement: object;
  /** Longest wait for the next row while somebody waits for it, in milliseconds. */
  readonly silenceMs: number;
  /** Rows that wait for their reader before the connection stops to take more. */
  readonly waitingMax: number;
}

/**
 * Gives rows as they arrive, as many at a time as one piece of the network brought. The driver's own
 * stream hands each row through several turns of the event loop, which takes longer than reading it, and
 * it never ends when the connection is lost: the driver tells that to the connection only, and silence
 * to nobody. So the connection is listened to and silence is measured.
 *
 * Bounds: about `waitingMax` rows wait; then the server waits.
 */
export async function* arriving(
  connection: RowSource,
  { statement, silenceMs, waitingMax }: RowQuery,
): AsyncGenerator<readonly (readonly unknown[])[]> {
  let waiting: (readonly unknown[])[] = [];
  const state: { ended: boolean; failure?: Error } = { ended: false };
  let wake = (): void => undefined;
  const fail = (failure: Error): void => {
    state.failure ??= failure;
    wake();
  };
  const lost = (failure?: Error): void => {
    fail(failure ?? Object.assign(new Error('lost'), { code: 'PROTOCOL_CONNECTION_LOST' }));
  };
  connection.on('error', lost);
  connection.on('end', lost);
  const running = connection.execute(statement);
  running.on('result', (row) => {
    waiting.push(row);
    if (waiting.length === waitingMax) connection.pause();
    wake();
  });
  running.on('error', fail);
  running.on('end', () => {
    state.ended = true;
    wake();
  });
  const arrival = async (): Promise<void> => {
    const timer = setTimeout(() => {
      fail(silence());
    }, silenceMs);
    await new Promise<void>((resolve) => {
      wake = resolve;
      connection.resume();
    });
    clearTimeout(timer);
  };
  try {
    for (;;) {
      if (waiting.length > 0) {
        const chunk = waiting;
        waiting = [];
        yield chunk;
        continue;
      }
      if (state.failure !== undefined) throw state.failure;
      if (state.ended) return;
      await arrival();
    }
  } finally {
    connection.off('error', lost);
    connection.off('end', lost);
  }
}
