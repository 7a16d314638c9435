import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the checkout, wherever the command was called from. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
export const CACHE = join(ROOT, '.cache');

// Debian keeps servers out of an ordinary user's search path.
process.env.PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;

/** A failure that a person can mend; printed without a stack trace. */
export class Remedy extends Error {}

/** A failure whose message says everything, e.g. with the last lines of a log. */
export class Failure extends Error {}

/** Runs a step and says on standard error what it is and how long it took. */
export async function step(title, work) {
  const started = Date.now();
  process.stderr.write(`  ${title} ... `);
  try {
    const result = await work();
    process.stderr.write(`${((Date.now() - started) / 1000).toFixed(1)} s\n`);
    return result;
  } catch (error) {
    process.stderr.write('failed\n');
    throw error;
  }
}

/** Runs a command to its end; its output goes into the error when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  if (result.status !== 0) {
    const output = `${result.stdout ?? ''}${result.stderr ?? ''}`
      .trim()
      .split('\n')
      .slice(-15)
      .join('\n');
    throw new Failure(
      `${command} ${args.join(' ')} failed (${result.status ?? result.error})\n${output}`,
    );
  }
  return result.stdout ?? '';
}

/** True when a program of that name is on the path. */
export function has(program) {
  return spawnSync('sh', ['-c', `command -v "${program}"`]).status === 0;
}

/** Makes a folder and returns its path. */
export function folder(...parts) {
  const path = join(...parts);
  mkdirSync(path, { recursive: true });
  return path;
}

/** Root, or able to become root without a password. */
export function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  return spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : null;
}

/** Version of a Debian package, or null. */
export function debianVersion(name) {
  try {
    const out = execFileSync('dpkg-query', ['-W', '-f', '${db:Status-Status} ${Version}', name], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return out.startsWith('installed ') ? out.slice(10) : null;
  } catch {
    return null;
  }
}
