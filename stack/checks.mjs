import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './install.mjs';
import { CACHE, ROOT, folder } from './steps.mjs';

const bin = (name) => join(ROOT, 'node_modules', '.bin', name);

/**
 * Halves of the suite that run beside each other, each on servers of its own; what the first does not take
 * is the second's, so nothing falls between them.
 */
const LANES = [
  ['--selectProjects', 'servers'],
  ['--ignoreProjects', 'servers'],
];

/** Runs every test, or those that the arguments name, and closes with `N passed, N failed`. */
export async function runTests(args) {
  const long = args.includes('--long');
  const named = args.filter((arg) => arg !== '--long');
  const lanes = named.length > 0 ? [named] : LANES;
  const env = { LETHE_LONG_TESTS: long ? '1' : '' };
  const results = await Promise.all(lanes.map((lane, index) => runLane(lane, index, env)));
  const total = (part) => results.reduce((sum, result) => sum + result[part], 0);
  process.stdout.write(`${total('passed')} passed, ${total('failed')} failed\n`);
  return total('failed') > 0 ? 1 : 0;
}

/** One run of the test runner; a run that ended badly without naming a test counts as a failure. */
async function runLane(args, index, env) {
  const report = join(folder(CACHE), `tests-${index + 1}.json`);
  rmSync(report, { force: true });
  const code = await run(
    'tests',
    bin('jest'),
    ['--runInBand', '--json', `--outputFile=${report}`, ...args],
    env,
  );
  const result = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : null;
  const failed = (result?.numFailedTests ?? 0) + (result?.numRuntimeErrorTestSuites ?? 1);
  return { passed: result?.numPassedTests ?? 0, failed: Math.max(failed, code === 0 ? 0 : 1) };
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
