/** Rows that wait for their reader before the connection stops to take more. */
const WAITING_MAX = 500;

/** A statement that runs, as the driver tells of it. */
interface Running {
  on(event: 'result', listener: (row: readonly unknown[]) => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
  on(event: 'end', listener: () => void): this;
}

/** A connection whose rows can be held up, and which tells of its own loss. */
export interface RowSource {
  execute(options: object): Running;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
  pause(): void;
  resume(): void;
}

/**
 * Gives rows as they arrive, as many at a time as one piece of the network brought. The driver's own
 * stream hands each row through several turns of the event loop, which takes longer than reading it.
 *
 * Bounds: about five hundred rows wait; then the server waits.
 */
export async function* arriving(
  connection: RowSource,
  statement: object,
): AsyncGenerator<readonly (readonly unknown[])[]> {
  let waiting: (readonly unknown[])[] = [];
  const state: { ended: boolean; failure?: Error } = { ended: false };
  let wake = (): void => undefined;
  const fail = (failure: Error): void => {
    state.failure ??= failure;
    wake();
  };
  // The driver tells the connection, and not the statement, when the server is gone.
  connection.on('error', fail);
  const running = connection.execute(statement);
  running.on('result', (row) => {
    waiting.push(row);
    if (waiting.length === WAITING_MAX) connection.pause();
    wake();
  });
  running.on('error', fail);
  running.on('end', () => {
    state.ended = true;
    wake();
  });
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
      await new Promise<void>((resolve) => {
        wake = resolve;
        connection.resume();
      });
    }
  } finally {
    connection.off('error', fail);
  }
}
