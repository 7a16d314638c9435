import { assertUp, readAddresses, runStack } from './servers';

/**
 * Starts one stack on free ports for all suites that need servers, or uses the running one named by
 * LETHE_TEST_STACK, and tells the suites its addresses. The stack belongs to this process: it goes even
 * when the tests are killed. A MongoDB or MySQL of the user's own wins over the stack's.
 */
export default async function startServers(): Promise<void> {
  const named = process.env['LETHE_TEST_STACK'];
  const name = named ?? `test-${process.pid}`;
  if (named === undefined) {
    process.stderr.write('\nstarting the test servers ...\n');
    await runStack('up', '--name', name, '--ports', 'free', '--owner', String(process.pid));
  }
  if (named !== undefined) await assertUp(named);
  const addresses = readAddresses(name);
  const mongo = process.env['LETHE_MONGO_URL'];
  // A shell that evaluated `./dev stack env` names another stack's document server, not one's own.
  if (mongo === undefined || mongo === process.env['LETHE_STACK_MONGO_URL']) {
    process.env['LETHE_MONGO_URL'] = addresses['LETHE_STACK_MONGO_URL'];
  }
  Object.assign(process.env, addresses, { LETHE_STACK_NAME: name });
}
