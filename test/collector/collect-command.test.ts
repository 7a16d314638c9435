import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHostReport } from '../../src/collector';
import { runCollect as run, type CollectCommandOptions } from '../../src/cli/commands/collect';
import { ASSET_ID, COLLECTED_AT, newFolder, removeFolders, rootWith } from './machine';
import { WHOLE_FILES } from './whole-machine';

const SOURCES = join(__dirname, '..', '..', 'src');

afterAll(removeFolders);

/** What the command printed and how it ended. */
interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

function runCollect(options: Omit<CollectCommandOptions, 'json'>, json = false): Outcome {
  const printed = { stdout: '', stderr: '' };
  const exitCode = run(
    { ...options, json },
    {
      stdout: (text) => (printed.stdout += text),
      stderr: (text) => (printed.stderr += text),
      read: () => '',
    },
  );
  return { exitCode, ...printed };
}

const root = rootWith(WHOLE_FILES);
const options = { root, assetId: ASSET_ID, collectedAt: COLLECTED_AT };

describe('collect', () => {
  it('prints a report in one line, and a table of what it holds beside it', () => {
    const { exitCode, stdout, stderr } = runCollect(options);
    expect(exitCode).toBe(0);
    expect(stdout.trimEnd()).not.toContain('\n');
    expect(parseHostReport(JSON.parse(stdout))).toMatchObject({
      assetId: ASSET_ID,
      scope: 'files',
    });
    expect(stderr).toMatch(/^account +4 +-$/m);
    expect(stderr).toMatch(/^process +0 +not-live \(1\)$/m);
  });

  it('gives the same bytes for the same machine and the same instant', () => {
    expect(runCollect(options)).toEqual(runCollect(options));
  });

  it('makes the id from the machine when none is given, always the same one', () => {
    const idOf = (folder: string): unknown =>
      (
        JSON.parse(runCollect({ root: folder, collectedAt: COLLECTED_AT }).stdout) as {
          assetId: string;
        }
      ).assetId;
    expect(idOf(root)).toMatch(/^as_[0-9a-f]{40}$/);
    expect(idOf(root)).toBe(idOf(rootWith(WHOLE_FILES)));
    expect(idOf(root)).not.toBe(idOf(rootWith({ 'etc/machine-id': `${'f'.repeat(32)}\n` })));
  });

  it('writes a file that only its owner can read, also over one that others could', () => {
    const folder = newFolder();
    const out = join(folder, 'report.json');
    writeFileSync(out, 'old', { mode: 0o644 });
    expect(runCollect({ ...options, out })).toMatchObject({ exitCode: 0, stdout: '' });
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(readFileSync(out, 'utf8')).toBe(runCollect(options).stdout);
    expect(readdirSync(folder)).toEqual(['report.json']);
  });

  it('ends with 1 and leaves nothing behind when the file cannot be written', () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'report.json'));
    for (const out of [join(folder, 'report.json'), join(folder, 'none', 'report.json')]) {
      const outcome = runCollect({ ...options, out });
      expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
      expect(outcome.stderr).toContain('--out');
    }
    expect(readdirSync(folder)).toEqual(['report.json']);
  });

  it.each([
    ['root', { root: '/nowhere/at/all' }],
    ['proc', { proc: '/nowhere/at/all' }],
    ['assetId', { assetId: 'tn_0123456789abcdef' }],
    ['collectedAt', { collectedAt: 'yesterday' }],
  ])('ends with 2 and names %s', (field, wrong) => {
    const { exitCode, stdout, stderr } = runCollect({ ...options, ...wrong });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(`: ${field} `);
  });

  it('says in JSON what was wrong when asked to', () => {
    const { stderr } = runCollect({ ...options, root: '' }, true);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'INVALID_INPUT', field: 'root' } });
  });

  it('ends with 2 when the machine has no id and none is given', () => {
    const outcome = runCollect({ root: rootWith({ 'etc/x': '' }), collectedAt: COLLECTED_AT });
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain('assetId must be given');
  });

  it('ends with 1 in a folder in which nobody may write', () => {
    const folder = newFolder();
    chmodSync(folder, 0o500);
    const nobody = process.geteuid?.() === 0 ? '/proc/report.json' : join(folder, 'report.json');
    expect(runCollect({ ...options, out: nobody }).exitCode).toBe(1);
  });
});

describe('the process that collects', () => {
  const loadedBy = (command: string): readonly string[] => {
    const script = `
      const { runCli } = require(${JSON.stringify(join(SOURCES, 'cli', 'run-cli.ts'))});
      const quiet = { stdout: () => {}, stderr: () => {}, read: () => '', env: {} };
      runCli(['${command}', '--help'], quiet).then(() => {
        process.stdout.write(JSON.stringify(Object.keys(require.cache)));
      });`;
    const runner = join(SOURCES, '..', 'test', 'support', 'run-typescript.cjs');
    return JSON.parse(
      execFileSync(process.execPath, ['-r', runner, '-e', script], { encoding: 'utf8' }),
    ) as readonly string[];
  };
  const drivers = /node_modules\/(mongodb|mysql2|minio|@temporalio)\//;

  it('loads nothing that speaks to a server [DC-1]', () => {
    expect(loadedBy('collect').filter((file) => drivers.test(file))).toEqual([]);
  });

  it('is told apart from the commands that do [DC-1]', () => {
    expect(loadedBy('status').filter((file) => drivers.test(file))).not.toEqual([]);
  });

  it('is started with little room for new objects, and nothing else is', () => {
    const folder = rootWith({
      'bin/lethe': { script: readFileSync(join(SOURCES, '..', 'bin', 'lethe'), 'utf8') },
      'dist/src/cli/main.js':
        'console.log(JSON.stringify([process.execArgv, process.argv.slice(2)]))',
      'usr/bin/lethe': { link: '../../bin/lethe' },
    });
    const started = (...args: readonly string[]): unknown =>
      JSON.parse(execFileSync(join(folder, 'usr/bin/lethe'), args, { encoding: 'utf8' }));
    expect(started('collect', '--out', 'a b')).toEqual([
      ['--max-semi-space-size=1', '--optimize-for-size'],
      ['collect', '--out', 'a b'],
    ]);
    expect(started('status')).toEqual([[], ['status']]);
  });
});
