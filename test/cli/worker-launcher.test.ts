import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LAUNCHER = join(__dirname, '..', '..', 'bin', 'lethe-worker');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lethe-test-'));
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'dist', 'src'), { recursive: true });
  copyFileSync(LAUNCHER, join(folder, 'bin', 'lethe-worker'));
  writeFileSync(
    join(folder, 'dist', 'src', 'worker.js'),
    'console.log(JSON.stringify([process.env.MALLOC_ARENA_MAX, process.ppid]))',
  );
  symlinkSync(join(folder, 'bin', 'lethe-worker'), join(folder, 'linked'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const started = (variables: Readonly<Record<string, string>>): unknown => {
  const env = { ...process.env, ...variables };
  if (!('MALLOC_ARENA_MAX' in variables)) delete env['MALLOC_ARENA_MAX'];
  return JSON.parse(execFileSync(join(folder, 'linked'), { encoding: 'utf8', env }));
};

describe('the launcher of the worker', () => {
  it('gives the allocator two pools unless somebody chose a number, and is the worker then', () => {
    expect(started({})).toMatchObject(['2', process.pid]);
    expect(started({ MALLOC_ARENA_MAX: '4' })).toMatchObject(['4', process.pid]);
  });
});
