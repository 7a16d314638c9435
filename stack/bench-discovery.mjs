import { join } from 'node:path';
import { discoveryPrograms, discoveryRoot } from './discovery-peers.mjs';
import { shellEnvironment } from './stack-command.mjs';
import { down, up } from './stack.mjs';
import { CACHE, ROOT } from './steps.mjs';

/** Measures discovery beside osquery and Trivy, with fresh servers to ingest into. */
export async function benchDiscovery(args, foreground) {
  const name = `bench-discovery-${process.pid}`;
  const peers = { ...(await discoveryPrograms()), root: await discoveryRoot() };
  const stack = await up(name, { ports: 'free', owner: process.pid });
  try {
    return await foreground(process.execPath, [join(ROOT, 'dist/bench/discovery.js'), ...args], {
      ...shellEnvironment(stack),
      LETHE_CACHE: CACHE,
      LETHE_BENCH_PEERS: JSON.stringify(peers),
      LETHE_BENCH_SERVERS: JSON.stringify(
        Object.fromEntries(Object.entries(stack.servers).map(([key, { pid }]) => [key, pid])),
      ),
    });
  } finally {
    await down(name, { purge: true });
  }
}
