import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Actor, runTask } from '../../demo/processes';

const folder = mkdtempSync(join(tmpdir(), 'lethe-actor-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let logs = 0;
const planOf = (script: string, readyMs = 10_000): ConstructorParameters<typeof Actor>[0] => {
  const file = join(folder, `script-${(logs += 1)}.cjs`);
  writeFileSync(file, script);
  return {
    name: 'clerk',
    command: process.execPath,
    args: [file],
    env: process.env,
    ready: /^clerk ready/,
    readyMs,
    log: join(folder, `${logs}.log`),
  };
};

const WAIT = 'setInterval(() => {}, 1000);';
const runs = (pid: number | undefined): boolean => existsSync(`/proc/${pid ?? 0}/stat`);

describe('a process of the demonstration', () => {
  it('is ready when it says so in a whole line, however the line arrives', async () => {
    const actor = new Actor(
      planOf(
        `process.stdout.write('clerk re'); setTimeout(() => process.stdout.write('ady on 7\\n'), 50); ${WAIT}`,
      ),
    );
    expect(await actor.start()).toBe('clerk ready on 7');
    const { pid } = actor;
    expect(runs(pid)).toBe(true);
    await actor.stop();
    expect(runs(pid)).toBe(false);
    await actor.stop();
  });

  it('can be killed without its own handlers running, and starts again on the same log', async () => {
    const plan = planOf(
      `process.on('SIGTERM', () => { console.log('goodbye'); process.exit(); }); console.log('clerk ready'); ${WAIT}`,
    );
    const actor = new Actor(plan);
    await actor.start();
    const first = actor.pid;
    await actor.kill();
    expect(runs(first)).toBe(false);
    await actor.start();
    expect(actor.pid).not.toBe(first);
    await actor.stop();
    expect(readFileSync(plan.log, 'utf8')).toBe('clerk ready\nclerk ready\ngoodbye\n');
  });

  it('is reported with the end of its log when it ends before it is ready', async () => {
    const actor = new Actor(planOf("console.error('no key file'); process.exit(2);"));
    await expect(actor.start()).rejects.toThrow(/ended before it was ready[^]*no key file/);
    expect(actor.pid).toBeUndefined();
  });

  it('is ended when it is not ready in time', async () => {
    const actor = new Actor(planOf(WAIT, 300));
    await expect(actor.start()).rejects.toThrow('was not ready after 300 ms');
    expect(actor.pid).toBeUndefined();
  });

  it('is not started twice, and a command that does not exist is an error', async () => {
    const actor = new Actor(planOf(`console.log('clerk ready'); ${WAIT}`));
    await actor.start();
    await expect(actor.start()).rejects.toThrow('runs already');
    await actor.kill();
    const nobody = new Actor({ ...planOf(''), command: '/nowhere/at-all' });
    await expect(nobody.start()).rejects.toThrow('could not be started');
  });
});

describe('a task of the demonstration', () => {
  it('succeeds only by ending with code 0 in time', async () => {
    await expect(runTask({ ...planOf(''), limitMs: 10_000 })).resolves.toBeUndefined();
    await expect(
      runTask({ ...planOf("console.error('cannot'); process.exit(3);"), limitMs: 10_000 }),
    ).rejects.toThrow(/ended with 3[^]*cannot/);
    await expect(runTask({ ...planOf(WAIT), limitMs: 300 })).rejects.toThrow('ended with a signal');
  });
});
