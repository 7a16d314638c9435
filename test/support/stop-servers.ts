import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Stops what the set-up started and removes its data. */
export default function stopServers(): void {
  const name = process.env['LETHE_STACK_NAME'];
  if (name === undefined || process.env['LETHE_TEST_STACK'] !== undefined) return;
  execFileSync(
    process.execPath,
    [join(__dirname, '..', '..', 'stack', 'main.mjs'), 'stack', 'down', '--name', name, '--purge'],
    { stdio: 'ignore' },
  );
}
