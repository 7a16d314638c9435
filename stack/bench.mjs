import { join } from 'node:path';
import { ptArchiver } from './peers.mjs';
import { shellEnvironment } from './stack-command.mjs';
import { down, up } from './stack.mjs';
import { CACHE, ROOT, Remedy } from './steps.mjs';

/** Measures disposition on fresh servers of its own, and takes them down again. */
export async function bench([subject, ...args], foreground) {
  if (subject !== 'disposition') {
    throw new Remedy('usage: ./dev bench disposition [--rows N] [--assets N] [--series N,N] ...');
  }
  const name = `bench-${process.pid}`;
  const peer = await ptArchiver();
  const stack = await up(name, { ports: 'free', owner: process.pid });
  try {
    return await foreground(process.execPath, [join(ROOT, 'dist/bench/main.js'), ...args], {
      ...shellEnvironment(stack),
      LETHE_CACHE: CACHE,
      LETHE_BENCH_PEER: JSON.stringify(peer),
      LETHE_BENCH_SERVERS: JSON.stringify(
        Object.fromEntries(Object.entries(stack.servers).map(([key, { pid }]) => [key, pid])),
      ),
    });
  } finally {
    await down(name, { purge: true });
  }
}
