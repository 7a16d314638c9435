import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { assertSubject, bench } from './bench.mjs';
import { runTests, verify } from './checks.mjs';
import { demo } from './demo.mjs';
import { HELP } from './help.mjs';
import { build, installNodePackages } from './install.mjs';
import { stackCommand } from './stack-command.mjs';
import { reap } from './stack.mjs';
import { Failure, ROOT, Remedy } from './steps.mjs';

const COMMANDS = {
  stack: stackCommand,
  test: async (args) => {
    await build();
    return runTests(args);
  },
  verify: async (args) => {
    if (args.length > 0) throw new Remedy('./dev verify takes no arguments');
    await installNodePackages();
    return verify();
  },
  build: async (args) => {
    if (args.length > 0) throw new Remedy('./dev build takes no arguments');
    await build();
    return 0;
  },
  lethe: async (args) => {
    await build();
    return foreground(join(ROOT, 'bin/lethe'), args);
  },
  demo: async (args) => {
    await build();
    return demo(args, foreground);
  },
  bench: async (args) => {
    assertSubject(args);
    await build();
    return bench(args, foreground);
  },
  help: () => {
    process.stdout.write(HELP);
    return 0;
  },
};

async function main([name = 'help', ...args]) {
  const command = COMMANDS[['-h', '--help'].includes(name) ? 'help' : name];
  if (command === undefined) throw new Remedy(`unknown command ${name}\n\n${HELP.trimEnd()}`);
  await reap();
  return command(args);
}

/** Runs a program in the foreground and returns its exit code; passes on the signals it gets. */
async function foreground(command, args, env = {}) {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  const forward = (signal) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, forward);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
    });
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, forward);
  }
}

// A reader that has seen enough, such as head, is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const speaks = error instanceof Remedy || error instanceof Failure;
  process.stderr.write(`${speaks ? error.message : error.stack}\n`);
  process.exitCode = error instanceof Remedy ? 2 : 1;
}
