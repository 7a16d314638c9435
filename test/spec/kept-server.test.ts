import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKept } from '../support/kept-server';

const POLL_MS = 20;
const POLLS_MAX = 500;

let parent: string;
let folder: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'lethe-kept-'));
  folder = join(parent, 'server');
  mkdirSync(folder);
});
afterEach(() => {
  rmSync(parent, { recursive: true, force: true });
});

async function until(holds: () => boolean): Promise<boolean> {
  for (let poll = 0; poll < POLLS_MAX && !holds(); poll += 1) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return holds();
}

/** A server that says which process it is, and would run for ten minutes. */
const command = (): readonly string[] => [
  '/bin/sh',
  '-c',
  `echo $$ > "${folder}/number"; exec sleep 600`,
];

const isThere = (): boolean => existsSync(join(folder, 'number'));

/** The number of the running server, once it has said it. */
async function numberOf(): Promise<number> {
  const said = (): string => (isThere() ? readFileSync(join(folder, 'number'), 'utf8').trim() : '');
  await until(() => said() !== '');
  return Number(said());
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Tests in a process of their own. */
function startRunner(): ChildProcess {
  const support = join(__dirname, '..', 'support');
  const script = `require(${JSON.stringify(join(support, 'kept-server.ts'))})
    .startKept(${JSON.stringify(folder)}, ${JSON.stringify(command())}); setInterval(() => {}, 1000);`;
  return spawn(process.execPath, ['-r', join(support, 'run-typescript.cjs'), '-e', script]);
}

describe('a server of a test', () => {
  it('is gone with its folder when its test has ended it', async () => {
    const server = startKept(folder, command());
    const pid = await numberOf();
    expect(runs(pid)).toBe(true);
    await server.end();
    expect(runs(pid)).toBe(false);
    expect(existsSync(parent)).toBe(false);
  });

  it('does not outlive tests that are killed', async () => {
    const runner = startRunner();
    const pid = await numberOf();
    expect(runs(pid)).toBe(true);
    runner.kill('SIGKILL');
    expect(await until(() => !runs(pid))).toBe(true);
    expect(await until(() => !existsSync(parent))).toBe(true);
  });
});
