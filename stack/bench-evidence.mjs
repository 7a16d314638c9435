import { join } from 'node:path';
import { shellEnvironment } from './stack-command.mjs';
import { down, up } from './stack.mjs';
import { CACHE, ROOT } from './steps.mjs';

/** Measures the evidence ledger on fresh servers of its own, and takes them down again. */
export async function benchEvidence(args, foreground) {
  const name = `bench-evidence-${process.pid}`;
  const stack = await up(name, { ports: 'free', owner: process.pid });
  try {
    return await foreground(process.execPath, [join(ROOT, 'dist/bench/evidence.js'), ...args], {
      ...shellEnvironment(stack),
      LETHE_CACHE: CACHE,
    });
  } finally {
    await down(name, { purge: true });
  }
}
