import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { Latencies } from './neighbour-side';
import type { Stage } from './stage';

/** Another client of the same server, in a process of its own. */
export interface Neighbour {
  begin(span: string): void;
  /** What it saw since the beginning of the span. */
  end(span: string): Promise<Latencies>;
  stop(): void;
}

/** Starts the client; its rows are of a tenant that nobody else touches. */
export async function startNeighbour(stage: Stage, tenantId: string): Promise<Neighbour> {
  const child = fork(join(__dirname, 'neighbour-side.js'), [stage.database, tenantId], {
    env: stage.env,
  });
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => {
      resolve();
    });
    child.once('exit', () => {
      reject(new Error('the neighbour ended at once'));
    });
  });
  return {
    begin: (span) => {
      child.send({ span, to: 'begin' });
    },
    end: (span) =>
      new Promise((resolve) => {
        const listen = (answer: { readonly span: string; readonly latencies: Latencies }): void => {
          if (answer.span !== span) return;
          child.off('message', listen);
          resolve(answer.latencies);
        };
        child.on('message', listen);
        child.send({ span, to: 'end' });
      }),
    stop: () => {
      child.kill();
    },
  };
}
