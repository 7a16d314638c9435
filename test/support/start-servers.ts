import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');

/**
 * Starts one stack on free ports for all suites that need servers, or uses the one named by
 * LETHE_TEST_STACK, and tells the suites its addresses. A stack whose owner is gone is reaped by the
 * next ./dev.
 */
export default function startServers(): void {
  const named = process.env['LETHE_TEST_STACK'];
  const name = named ?? `test-${process.pid}`;
  if (named === undefined) {
    execFileSync(
      process.execPath,
      [join(ROOT, 'stack', 'up-for-tests.mjs'), name, String(process.pid)],
      {
        stdio: ['ignore', 'inherit', 'inherit'],
      },
    );
  }
  const file = join(ROOT, '.cache', 'stack', name, 'stack.json');
  const stack = JSON.parse(readFileSync(file, 'utf8')) as { env: Record<string, string> };
  for (const [key, value] of Object.entries(stack.env)) process.env[key] ??= value;
  process.env['LETHE_MONGO_URL'] ??= stack.env['LETHE_STACK_MONGO_URL'];
  process.env['LETHE_STACK_NAME'] = name;
}
