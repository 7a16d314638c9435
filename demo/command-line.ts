import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** What a command of the command line answered. */
export interface Answered {
  readonly code: number | null;
  /** Standard output. */
  readonly out: string;
  /** Standard error. */
  readonly err: string;
}

const LIMIT_MS = 60_000;
const PROGRAM = join(__dirname, '..', 'src', 'cli', 'main.js');

/**
 * Runs `lethe` as a person at a terminal would, in a process of its own.
 *
 * @param env - all that the process knows; without the environment's variables it can reach no server.
 */
export function lethe(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    const said = { out: '', err: '' };
    child.stdout.on('data', (bytes: Buffer) => (said.out += bytes.toString('utf8')));
    child.stderr.on('data', (bytes: Buffer) => (said.err += bytes.toString('utf8')));
    child.once('error', reject).once('close', (code) => {
      resolve({ code, ...said });
    });
  });
}
