import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, installNodePackages } from './install.mjs';
import * as stacks from './stack.mjs';
import { ROOT, Remedy, step } from './steps.mjs';
import { runTests, verify } from './checks.mjs';

const HELP = `./dev demo [--keep]            three tenants live and die on real servers, in simulated time
./dev test [--long] [args]     all tests; args go to the test runner
./dev verify                   format, lint, types, boundaries, dead code, tests: the same as CI
./dev lethe ...                the command line; offline commands need no server
./dev stack up|down|status|env [--name dev] [--purge] [--json]
./dev build                    install packages and compile

Ports start at LETHE_PORT_BASE (17200); LETHE_PORT_<SERVER> moves one. LETHE_MYSQL_URL and
LETHE_MONGO_URL make the store tests use your own servers as well.`;

async function main([command, ...args]) {
  await stacks.reap();
  switch (command) {
    case 'stack':
      return stack(args);
    case 'test':
      await build();
      return runTests(args);
    case 'verify':
      await installNodePackages();
      return verify();
    case 'build':
      await build();
      return 0;
    case 'lethe':
      await build();
      return foreground(process.execPath, [join(ROOT, 'dist/src/cli/main.js'), ...args]);
    case 'demo':
      return demo(args);
    case undefined:
    case 'help':
    case '--help':
      process.stdout.write(`${HELP}\n`);
      return 0;
    default:
      throw new Remedy(`unknown command ${command}\n${HELP}`);
  }
}

async function stack([verb, ...args]) {
  const { values } = parseArgs({
    args,
    options: {
      name: { type: 'string', default: 'dev' },
      ports: { type: 'string', default: 'fixed' },
      purge: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  switch (verb) {
    case 'up': {
      const started = await stacks.up(values.name, { ports: values.ports });
      process.stdout.write(`Temporal UI: ${started.env.LETHE_TEMPORAL_UI}\n`);
      return 0;
    }
    case 'down':
      await stacks.down(values.name, { purge: values.purge });
      return 0;
    case 'status': {
      const rows = stacks.status(values.name);
      process.stdout.write(
        values.json
          ? `${JSON.stringify(rows)}\n`
          : rows
              .map(
                (row) =>
                  `${row.server.padEnd(9)} ${row.running ? `up   pid ${row.pid} port ${row.port}` : 'down'}\n`,
              )
              .join(''),
      );
      return rows.every((row) => row.running) ? 0 : 1;
    }
    case 'env': {
      const known = stacks.readStack(values.name);
      if (known === null)
        throw new Remedy(
          `no stack named ${values.name}; run: ./dev stack up --name ${values.name}`,
        );
      const env = { ...known.env };
      if (process.env.LETHE_MONGO_URL === undefined)
        env.LETHE_MONGO_URL = env.LETHE_STACK_MONGO_URL;
      for (const [key, value] of Object.entries(env))
        process.stdout.write(`export ${key}='${value}'\n`);
      return 0;
    }
    default:
      throw new Remedy('usage: ./dev stack up|down|status|env [--name NAME] [--purge] [--json]');
  }
}

async function demo(args) {
  const keep = args.includes('--keep');
  await build();
  const name = 'demo';
  await stacks.down(name, { purge: true });
  const started = await stacks.up(name, { ports: 'free' });
  try {
    return await foreground(process.execPath, [join(ROOT, 'dist/demo/main.js'), ...args], {
      ...started.env,
      LETHE_MONGO_URL: process.env.LETHE_MONGO_URL ?? started.env.LETHE_STACK_MONGO_URL,
      LETHE_CACHE: join(ROOT, '.cache'),
    });
  } finally {
    if (!keep) await step('taking the servers down', () => stacks.down(name, { purge: true }));
    else
      process.stdout.write(
        `Temporal UI: ${started.env.LETHE_TEMPORAL_UI} (end it with ./dev stack down --name demo --purge)\n`,
      );
  }
}

/** Runs a program in the foreground and returns its exit code; signals reach it through the terminal. */
function foreground(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Remedy ? error.message : error.stack}\n`);
  process.exitCode = error instanceof Remedy ? 2 : 1;
}
