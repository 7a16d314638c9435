import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './install.mjs';
import { withoutFiles, worthASecondLook } from './second-look.mjs';
import { CACHE, ROOT, folder } from './steps.mjs';

const bin = (name) => join(ROOT, 'node_modules', '.bin', name);

/**
 * Halves of the suite that run beside each other, each on servers of its own; what the first does not take
 * is the second's, so nothing falls between them. They take about half an hour each on two cores: a project
 * that grows moves to where there is room.
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
  return closed(await Promise.all(lanes.map((lane, index) => runLane(lane, index + 1, env))));
}

/**
 * Every test as CI runs it. Two lanes share a small machine, so a few files that failed among many are run
 * once more, alone: what fails again has failed, what passes is named for whoever mends it.
 */
async function runAllTests() {
  const lanes = await Promise.all(LANES.map((lane, index) => runLane(lane, index + 1)));
  const files = worthASecondLook(lanes);
  if (files.length === 0) return closed(lanes);
  process.stdout.write(`failed among others, run alone once more: ${files.join(', ')}\n`);
  const alone = await runLane(['--runTestsByPath', ...files], 'alone');
  if (alone.code === 0) process.stdout.write(`UNSTEADY, passed alone: ${files.join(', ')}\n`);
  return closed([...lanes.map((lane) => withoutFiles(lane, files)), alone]);
}

/** One run of the test runner: how it ended, and its report when it wrote one. */
async function runLane(args, name, env = {}) {
  const report = join(folder(CACHE), `tests-${name}.json`);
  rmSync(report, { force: true });
  const code = await run(
    'tests',
    bin('jest'),
    ['--runInBand', '--json', `--outputFile=${report}`, ...args],
    env,
  );
  return { code, result: existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : null };
}

/** Prints the closing line; a run that ended badly without naming a test counts as a failure. */
function closed(lanes) {
  const passed = lanes.reduce((sum, { result }) => sum + (result?.numPassedTests ?? 0), 0);
  const failed = lanes.reduce((sum, { code, result }) => {
    const named = (result?.numFailedTests ?? 0) + (result?.numRuntimeErrorTestSuites ?? 1);
    return sum + Math.max(named, code === 0 ? 0 : 1);
  }, 0);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed > 0 ? 1 : 0;
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
  const tests = await runAllTests();
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
