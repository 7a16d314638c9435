import { runStack } from './servers';

/** Takes down what the set-up started and removes its data; a named stack stays. */
export default async function stopServers(): Promise<void> {
  const name = process.env['LETHE_STACK_NAME'];
  if (name === undefined || process.env['LETHE_TEST_STACK'] !== undefined) return;
  await runStack('down', '--name', name, '--purge');
}
