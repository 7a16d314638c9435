import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(__dirname, '..', '..');
const runFile = promisify(execFile);

/** Servers of a stack by name; `postgres` is only behind `mongo`. */
export type ServerName = 'postgres' | 'mysql' | 'temporal' | 's3' | 'registry' | 'mongo';

/** Variables that tell a suite where its servers are. */
export type ServerAddresses = Readonly<Record<string, string>>;

/** A stack that one test file has for itself, so that it may break it. */
export interface Servers {
  readonly addresses: ServerAddresses;
  /** Ends a server at once, as a power cut would; returns when nothing of it is left. */
  killServer(server: ServerName): Promise<void>;
  /** Starts a server again on its ports and data; returns when it answers. */
  restartServer(server: ServerName): Promise<void>;
  /** Takes the stack down and removes its data; safe to repeat. */
  remove(): Promise<void>;
}

/** Runs `./dev stack ...` without a shell; what it says on failure is in the error's message. */
export async function runStack(...args: readonly string[]): Promise<void> {
  await runFile(process.execPath, [join(ROOT, 'stack', 'main.mjs'), 'stack', ...args]);
}

/**
 * Proves that every server of a stack is a running process of that stack. A stack that failed to start
 * names ports that belong to somebody else, and nobody may log in there.
 */
export async function assertUp(name: string): Promise<void> {
  try {
    await runStack('status', '--name', name);
  } catch (cause) {
    throw new Error(
      `stack ${name} is not up; run: ./dev stack up --name ${name}, or unset LETHE_TEST_STACK`,
      { cause },
    );
  }
}

/** Addresses of a stack as it stands on disk. */
export function readAddresses(name: string): ServerAddresses {
  const file = join(ROOT, '.cache', 'stack', name, 'stack.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { env: ServerAddresses }).env;
}

/** Starts a stack on free ports that ends with this process even when the process is killed. */
export async function createServers(suffix: string): Promise<Servers> {
  const name = `test-${process.pid}-${suffix}`;
  await runStack('up', '--name', name, '--ports', 'free', '--owner', String(process.pid));
  return {
    addresses: readAddresses(name),
    killServer: (server) => runStack('kill', '--name', name, '--server', server),
    restartServer: (server) => runStack('restart', '--name', name, '--server', server),
    remove: () => runStack('down', '--name', name, '--purge'),
  };
}
