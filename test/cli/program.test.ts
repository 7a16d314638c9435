import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asset } from '../domain/windows/context';

const ROOT = join(__dirname, '..', '..');

describe('the program', () => {
  const program = [
    ...['-r', join(ROOT, 'test', 'support', 'run-typescript.cjs')],
    join(ROOT, 'src', 'cli', 'main.ts'),
  ];

  it('answers without any server from a pipe', () => {
    const out = execFileSync(process.execPath, [...program, 'explain', '--facts', '-', '--json'], {
      input: JSON.stringify(asset()),
      encoding: 'utf8',
      env: {},
    });
    expect(JSON.parse(out)).toHaveProperty('deleteNotBefore');
  });

  /** Feeds the program through a pipe of the operating system, as a shell does. */
  const piped = (sender: string, arrayOf: number): unknown[] => {
    const line = `node -e "$1" "$2" | exec "$0" "\${@:3}"`;
    const facts = JSON.stringify(Array.from({ length: arrayOf }, () => asset()));
    const folder = mkdtempSync(join(tmpdir(), 'lethe-pipe-'));
    try {
      writeFileSync(join(folder, 'facts.json'), facts);
      const { stdout, stderr, status } = spawnSync(
        'bash',
        [
          '--norc',
          '-c',
          line,
          process.execPath,
          sender,
          join(folder, 'facts.json'),
          ...program,
        ].concat('explain --facts - --json'.split(' ')),
        { encoding: 'utf8', env: { PATH: process.env['PATH'] }, maxBuffer: 64 * 1024 * 1024 },
      );
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      return JSON.parse(stdout) as unknown[];
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const SEND_ALL = "process.stdout.write(require('fs').readFileSync(process.argv[1]))";

  it('waits for a pipe that begins to send after a second', () => {
    const sender = `setTimeout(() => { ${SEND_ALL} }, 1000)`;
    expect(piped(sender, 1)).toHaveLength(1);
  });

  it('reads a pipe of more than a megabyte to its end', () => {
    expect(JSON.stringify(Array.from({ length: 6000 }, () => asset())).length).toBeGreaterThan(1e6);
    expect(piped(SEND_ALL, 6000)).toHaveLength(6000);
  });

  it('says nothing of a reader that stops early, and keeps its own exit code', () => {
    const line = '"$0" "$@" | head -c 1; exit "${PIPESTATUS[0]}"';
    const { status, stdout, stderr } = spawnSync(
      'bash',
      ['--norc', '-c', line, process.execPath, ...program, 'explain', '--facts', '-', '--json'],
      {
        input: JSON.stringify(Array.from({ length: 3000 }, () => asset())),
        ...{ encoding: 'utf8', env: { PATH: process.env['PATH'] } },
      },
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '[', stderr: '' });
  });

  it('ends with the exit code of the failure', () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [...program, 'status', '--tenant', 'x'],
      { encoding: 'utf8', env: {} },
    );
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^[A-Z_]+: /);
  });
});
