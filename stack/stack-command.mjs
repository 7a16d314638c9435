import { parseArgs } from 'node:util';
import * as stacks from './stack.mjs';
import { requireStack, stackFolder } from './state.mjs';
import { Remedy } from './steps.mjs';

const VERBS = {
  up: {
    options: { ports: 'string', docker: 'boolean', owner: 'string' },
    async run({ name, ports, docker, owner }) {
      const { env } = await stacks.up(name, {
        ports,
        docker: docker ?? false,
        ...(owner !== undefined && { owner: processOf(owner) }),
      });
      process.stdout.write(`stack ${name} is up; Temporal UI: ${env.LETHE_TEMPORAL_UI}\n`);
      return 0;
    },
  },
  down: {
    options: { purge: 'boolean', docker: 'boolean' },
    async run({ name, purge }) {
      await stacks.down(name, { purge: purge ?? false });
      return 0;
    },
  },
  status: {
    options: { json: 'boolean' },
    run({ name, json }) {
      stackFolder(name);
      const rows = stacks.status(name);
      process.stdout.write(json ? `${JSON.stringify(rows)}\n` : rows.map(lineOf).join(''));
      return rows.every((row) => row.running) ? 0 : 1;
    },
  },
  env: {
    options: {},
    run({ name }) {
      for (const [key, value] of Object.entries(shellEnvironment(requireStack(name)))) {
        process.stdout.write(`export ${key}='${value}'\n`);
      }
      return 0;
    },
  },
  kill: {
    options: { server: 'string' },
    async run({ name, server }) {
      await stacks.kill(name, server);
      return 0;
    },
  },
  restart: {
    options: { server: 'string' },
    async run({ name, server }) {
      await stacks.restart(name, server);
      return 0;
    },
  },
};

/** `./dev stack ...`; returns the exit code. */
export async function stackCommand([verb, ...args]) {
  const definition = Object.hasOwn(VERBS, verb ?? '') ? VERBS[verb] : undefined;
  if (definition === undefined) {
    throw new Remedy(`usage: ./dev stack ${Object.keys(VERBS).join('|')} [--name NAME]`);
  }
  const options = Object.fromEntries(
    Object.entries({ name: 'string', ...definition.options }).map(([key, type]) => [key, { type }]),
  );
  return definition.run({ name: 'dev', ...parse(args, options) });
}

function parse(args, options) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new Remedy(error.message);
  }
}

/**
 * Variables for a shell. A MongoDB of the user's own wins over the stack's document server; a second
 * call in the same shell renews what the first one set.
 */
export function shellEnvironment(stack, current = process.env) {
  const own = current.LETHE_MONGO_URL;
  const ours = own === undefined || own === current.LETHE_STACK_MONGO_URL;
  return {
    ...stack.env,
    LETHE_MONGO_URL: ours ? stack.env.LETHE_STACK_MONGO_URL : own,
  };
}

function lineOf({ server, running, pid, port }) {
  const state = running ? `up    port ${port}${pid === null ? '' : `  pid ${pid}`}` : 'down';
  return `${server.padEnd(9)} ${state}\n`;
}

function processOf(text) {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new Remedy('--owner is the number of a process');
}
