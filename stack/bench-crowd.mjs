import { join } from 'node:path';
import { shellEnvironment } from './stack-command.mjs';
import { down, up } from './stack.mjs';
import { CACHE, ROOT } from './steps.mjs';

/** Measures how fairly tenants that are due together are disposed of, on fresh servers, and takes them down again. */
export async function benchCrowd(args, foreground) {
  const name = `bench-crowd-${process.pid}`;
  const stack = await up(name, { ports: 'free', owner: process.pid });
  try {
    return await foreground(process.execPath, [join(ROOT, 'dist/bench/crowd.js'), ...args], {
      ...shellEnvironment(stack),
      LETHE_CACHE: CACHE,
    });
  } finally {
    await down(name, { purge: true });
  }
}
