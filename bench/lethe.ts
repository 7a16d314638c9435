import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { SideMessage } from './lethe-side';
import { cpuSecondsByName, cpuSecondsOf, watch, type Cost } from './meter';
import type { Neighbour } from './neighbour';
import type { Latencies } from './neighbour-side';
import type { Stage } from './stage';

/** What the product cost, in all and step by step. */
export interface LetheCost extends Cost {
  readonly rows: number;
  readonly stepSeconds: Readonly<Record<string, number>>;
  readonly serverCpuByName: Readonly<Record<string, number>>;
  /** What another client saw while rows were removed. */
  readonly purge: Latencies;
}

/** Measures the product's path over one tenant, from the first read to the last look for what is left. */
export async function runLethe(
  stage: Stage,
  neighbour: Neighbour,
  tenantId: string,
): Promise<LetheCost> {
  const profile = process.env['LETHE_BENCH_PROFILE'];
  const child = fork(join(__dirname, 'lethe-side.js'), [tenantId], {
    // As `bin/lethe-worker` starts a worker.
    env: { MALLOC_ARENA_MAX: '2', ...stage.env },
    execArgv: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`],
  });
  const watched = watch(child);
  const stepSeconds: Record<string, number> = {};
  let rows = 0;
  let started = 0;
  let stepStarted = 0;
  let cpuBefore = 0;
  let cpuAfter = 0;
  let serversBefore: Readonly<Record<string, number>> = {};
  child.on('message', (message: SideMessage) => {
    if ('ready' in message) {
      [cpuBefore, serversBefore] = [cpuSecondsOf(child.pid), cpuSecondsByName(stage.servers)];
      started = performance.now();
      child.send('go');
    } else if (message.counts === null) {
      stepStarted = performance.now();
      if (message.step === 'moveRows') neighbour.begin(tenantId);
    } else {
      stepSeconds[message.step] = (performance.now() - stepStarted) / 1000;
      cpuAfter = cpuSecondsOf(child.pid);
      if (message.step === 'moveRows') {
        rows = message.counts['rows'] ?? 0;
        purge = neighbour.end(tenantId);
      }
    }
  });
  let purge: Promise<Latencies> | undefined;
  const { code, memoryMb } = await watched;
  if (code !== 0 || purge === undefined) throw new Error('the product did not come to its end');
  const serverCpuByName = cpuSecondsByName(stage.servers, serversBefore);
  return {
    ...{ rows, stepSeconds, serverCpuByName },
    seconds: Object.values(stepSeconds).reduce((sum, seconds) => sum + seconds, 0),
    clientCpuSeconds: cpuAfter - cpuBefore,
    serverCpuSeconds: Object.values(serverCpuByName).reduce((sum, seconds) => sum + seconds, 0),
    peakMemoryMb: memoryMb,
    purge: await purge,
    ...(started === 0 && { seconds: 0 }),
  };
}
