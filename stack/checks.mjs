import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './install.mjs';
import { CACHE, ROOT, folder } from './steps.mjs';

const bin = (name) => join(ROOT, 'node_modules', '.bin', name);

/** Runs every test and closes with `N passed, N failed`. */
export async function runTests(args) {
  const report = join(folder(CACHE), 'tests.json');
  rmSync(report, { force: true });
  const long = args.includes('--long');
  const rest = args.filter((arg) => arg !== '--long');
  const code = await run('tests', bin('jest'), ['--json', `--outputFile=${report}`, ...rest], {
    LETHE_LONG_TESTS: long ? '1' : '',
  });
  const result = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : null;
  const failed = (result?.numFailedTests ?? 0) + (result?.numRuntimeErrorTestSuites ?? 1);
  process.stdout.write(`${result?.numPassedTests ?? 0} passed, ${failed} failed\n`);
  return code !== 0 || failed > 0 ? 1 : 0;
}

/** Everything that CI checks, the tests last. */
export async function verify() {
  const checks = [
    ['format', bin('prettier'), ['--check', '.']],
    ['lint', bin('eslint'), ['.']],
    ['types', bin('tsc'), ['-p', 'tsconfig.json', '--noEmit']],
    ['boundaries', bin('depcruise'), ['src', '--config', '.dependency-cruiser.cjs']],
    ['dead code', bin('knip'), []],
  ];
  const failed = [];
  for (const [name, command, args] of checks) {
    if ((await run(name, command, args)) !== 0) failed.push(name);
  }
  await build();
  // The tests' closing line stays the last one.
  if (failed.length > 0) process.stderr.write(`failed: ${failed.join(', ')}\n`);
  const tests = await runTests([]);
  return failed.length > 0 || tests !== 0 ? 1 : 0;
}

function run(name, command, args, env = {}) {
  process.stderr.write(`== ${name}\n`);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      stdio: 'inherit',
      env: { ...process.env, ...env },
    });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}
