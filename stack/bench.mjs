import { join } from 'node:path';
import { benchCrowd } from './bench-crowd.mjs';
import { benchDiscovery } from './bench-discovery.mjs';
import { benchEvidence } from './bench-evidence.mjs';
import { benchHolds } from './bench-holds.mjs';
import { ptArchiver } from './peers.mjs';
import { shellEnvironment } from './stack-command.mjs';
import { down, up } from './stack.mjs';
import { CACHE, ROOT, Remedy } from './steps.mjs';

const SUBJECTS = {
  crowd: benchCrowd,
  discovery: benchDiscovery,
  disposition: benchDisposition,
  evidence: benchEvidence,
  holds: benchHolds,
};

/** Refuses a subject that nothing measures, before anything is installed. */
export function assertSubject([subject]) {
  if (Object.hasOwn(SUBJECTS, subject ?? '')) return;
  throw new Remedy(`usage: ./dev bench ${Object.keys(SUBJECTS).join('|')} [--option value] ...`);
}

/** Measures one subject on fresh servers of its own. */
export function bench([subject, ...args], foreground) {
  return SUBJECTS[subject](args, foreground);
}

/** Measures disposition on fresh servers of its own, and takes them down again. */
async function benchDisposition(args, foreground) {
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
