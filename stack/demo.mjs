import { join } from 'node:path';
import { shellEnvironment } from './stack-command.mjs';
import { down, up } from './stack.mjs';
import { CACHE, ROOT, Remedy } from './steps.mjs';

const NAME = 'demo';

/** Runs the demonstration on fresh servers of its own and returns its exit code. */
export async function demo(args, foreground) {
  const unknown = args.filter((arg) => arg !== '--keep');
  if (unknown.length > 0) throw new Remedy(`./dev demo does not know ${unknown.join(' ')}`);
  const keep = args.includes('--keep');
  await down(NAME, { purge: true });
  // Servers that are not to be kept belong to this process: they go even when it is killed.
  const stack = await up(NAME, { ports: 'free', ...(!keep && { owner: process.pid }) });
  try {
    return await foreground(process.execPath, [join(ROOT, 'dist/demo/main.js'), ...args], {
      ...shellEnvironment(stack),
      LETHE_STACK_NAME: NAME,
      LETHE_CACHE: CACHE,
    });
  } finally {
    if (keep) {
      process.stderr.write(`Temporal UI: ${stack.env.LETHE_TEMPORAL_UI}\n`);
      process.stderr.write(`end it with: ./dev stack down --name ${NAME} --purge\n`);
    } else {
      await down(NAME, { purge: true });
    }
  }
}
