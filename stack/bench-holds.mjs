import { join } from 'node:path';
import { shellEnvironment } from './stack-command.mjs';
import { down, up } from './stack.mjs';
import { CACHE, ROOT } from './steps.mjs';

/** Measures how soon a hold is acknowledged under destruction, on fresh servers, and takes them down again. */
export async function benchHolds(args, foreground) {
  const name = `bench-holds-${process.pid}`;
  const stack = await up(name, { ports: 'free', owner: process.pid });
  try {
    return await foreground(process.execPath, [join(ROOT, 'dist/bench/holds.js'), ...args], {
      ...shellEnvironment(stack),
      LETHE_CACHE: CACHE,
    });
  } finally {
    await down(name, { purge: true });
  }
}
