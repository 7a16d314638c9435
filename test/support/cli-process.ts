import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { CliRun } from './evidence-cli';

const PROGRAM = join(__dirname, '..', '..', 'dist', 'src', 'cli', 'main.js');
const LIMIT_MS = 60_000;

/** Runs the built `lethe` in a process of its own, as a person at a terminal would. */
export function letheProcess(
  env: Readonly<Record<string, string | undefined>>,
  argv: readonly string[],
): Promise<CliRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PROGRAM, ...argv], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (bytes: Buffer) => (said.stdout += bytes.toString('utf8')));
    child.stderr.on('data', (bytes: Buffer) => (said.stderr += bytes.toString('utf8')));
    child.once('error', reject).once('close', (code) => {
      resolve({ exitCode: code ?? -1, ...said });
    });
  });
}
