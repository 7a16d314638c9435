import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './repository';

const runFile = promisify(execFile);
const NAMES = [`ports-${process.pid}-a`, `ports-${process.pid}-b`];
const folderOf = (name: string): string => join(ROOT, '.cache', 'stack', name);

interface ChosenStack {
  readonly choice: 'fixed' | 'free';
  readonly ports: Readonly<Record<string, number>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a piece of the stack's own code, which is made of modules that the test runner does not load. */
async function inStack<T>(code: string): Promise<T> {
  const script = `
    import { assignPorts, claimPorts } from './stack/ports.mjs';
    import { folder } from './stack/steps.mjs';
    const stackOf = (name, rest) =>
      ({ name, dir: folder('.cache', 'stack', name), kind: 'processes', servers: {}, ...rest });
    process.stdout.write(JSON.stringify(await (async () => { ${code} })()));`;
  const args = ['--input-type=module', '--eval', script];
  const { stdout } = await runFile(process.execPath, args, { cwd: ROOT });
  return JSON.parse(stdout) as T;
}

const claimed = (
  stack: Partial<ChosenStack>,
  mayMove: boolean,
): Promise<ChosenStack & { readonly error?: string }> =>
  inStack(`
    const stack = stackOf('${NAMES[0]}', ${JSON.stringify(stack)});
    try {
      await claimPorts(stack, ['mysql'], ${String(mayMove)});
      return stack;
    } catch (error) {
      return { ...stack, error: error.message };
    }`);

let stranger: Server;
let taken: number;
beforeEach(async () => {
  stranger = createServer();
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  taken = (stranger.address() as { port: number }).port;
});
afterEach(async () => {
  await new Promise((resolve) => stranger.close(resolve));
  for (const name of NAMES) rmSync(folderOf(name), { recursive: true, force: true });
});

describe('the ports of a stack', () => {
  it('are others when a stranger has taken them before anybody knows them', async () => {
    const { ports, env, error } = await claimed({ choice: 'free', ports: { mysql: taken } }, true);
    expect(error).toBeUndefined();
    expect(ports['mysql']).not.toBe(taken);
    expect(env?.['LETHE_MYSQL_PORT']).toBe(String(ports['mysql']));
  });

  it.each([
    ['are known already', 'free', false],
    ['are those that somebody asked for', 'fixed', true],
  ] as const)('stay, and the start is refused, when they %s', async (_, choice, mayMove) => {
    const { ports, error } = await claimed({ choice, ports: { mysql: taken } }, mayMove);
    expect(ports['mysql']).toBe(taken);
    expect(error).toContain(`port ${taken} is taken by another program`);
  });

  it('are never those of another stack that has not started yet', async () => {
    const chosen = await inStack<readonly ChosenStack[]>(`
      const stacks = ${JSON.stringify(NAMES)}.map((name) => stackOf(name, { choice: 'free' }));
      for (let turn = 0; turn < 50; turn += 1) await assignPorts(stacks[turn % 2]);
      return stacks;`);
    const [one = [], other = []] = chosen.map(({ ports }) => Object.values(ports));
    expect(one.length).toBeGreaterThan(10);
    expect(one.filter((port) => other.includes(port))).toEqual([]);
  });
});
