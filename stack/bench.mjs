import { join } from 'node:path';
import { discoveryPrograms, discoveryRoot } from './discovery-peers.mjs';
import { ptArchiver } from './peers.mjs';
import { shellEnvironment } from './stack-command.mjs';
import { down, up } from './stack.mjs';
import { CACHE, ROOT, Remedy } from './steps.mjs';

const noPeer = () => ({});

/** What is measured, each with the variables that tell its program which peers are there. */
const SUBJECTS = {
  /** How fairly tenants that are due together are disposed of. */
  crowd: noPeer,
  /** Discovery beside osquery and Trivy, with servers to ingest into. */
  discovery: async () => ({
    LETHE_BENCH_PEERS: JSON.stringify({
      ...(await discoveryPrograms()),
      root: await discoveryRoot(),
    }),
  }),
  /** Disposition beside pt-archiver. */
  disposition: async () => ({ LETHE_BENCH_PEER: JSON.stringify(await ptArchiver()) }),
  /** The evidence ledger. */
  evidence: noPeer,
  /** How soon a hold is acknowledged under destruction. */
  holds: noPeer,
};

/** Refuses a subject that nothing measures, before anything is installed. */
export function assertSubject([subject]) {
  if (Object.hasOwn(SUBJECTS, subject ?? '')) return;
  throw new Remedy(`usage: ./dev bench ${Object.keys(SUBJECTS).join('|')} [--option value] ...`);
}

/** Measures one subject on fresh servers of its own, and takes them down again. */
export async function bench([subject, ...args], foreground) {
  const peers = await SUBJECTS[subject]();
  const name = `bench-${subject}-${process.pid}`;
  const stack = await up(name, { ports: 'free', owner: process.pid });
  const numbers = Object.entries(stack.servers).map(([key, { pid }]) => [key, pid]);
  try {
    return await foreground(process.execPath, [join(ROOT, `dist/bench/${subject}.js`), ...args], {
      ...shellEnvironment(stack),
      LETHE_CACHE: CACHE,
      LETHE_BENCH_SERVERS: JSON.stringify(Object.fromEntries(numbers)),
      ...peers,
    });
  } finally {
    await down(name, { purge: true });
  }
}
