import { createServer } from 'node:net';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import startServers from '../support/start-servers';
import { ROOT } from './repository';

const NAME = `spec-${process.pid}`;
const folder = join(ROOT, '.cache', 'stack', NAME);

/** Leaves what a stack leaves that could not start because its port was taken. */
function leaveBehind(port: number): void {
  mkdirSync(folder, { recursive: true });
  const servers = { mysql: { pid: process.pid, startedAt: 'at another time' } };
  const stack = { name: NAME, dir: folder, kind: 'processes', ports: { mysql: port }, servers };
  writeFileSync(join(folder, 'stack.json'), JSON.stringify({ ...stack, env: {} }));
}

const before = process.env['LETHE_TEST_STACK'];
beforeEach(() => {
  process.env['LETHE_TEST_STACK'] = NAME;
});
afterEach(() => {
  if (before === undefined) delete process.env['LETHE_TEST_STACK'];
  else process.env['LETHE_TEST_STACK'] = before;
  rmSync(folder, { recursive: true, force: true });
});

describe('a stack that tests are told to use', () => {
  it('is refused when it never started, with what to do', async () => {
    await expect(startServers()).rejects.toThrow(`./dev stack up --name ${NAME}`);
  });

  it('is refused when its port answers but belongs to somebody else', async () => {
    const stranger = createServer();
    const port = await new Promise<number>((resolve) => {
      stranger.listen(0, '127.0.0.1', () => {
        resolve((stranger.address() as { port: number }).port);
      });
    });
    try {
      leaveBehind(port);
      await expect(startServers()).rejects.toThrow('is not up');
    } finally {
      stranger.close();
    }
  });
});
