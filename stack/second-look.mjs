import { relative, sep } from 'node:path';
import { ROOT } from './steps.mjs';

/** More failing files than this are no accident of timing. */
const FILES_MAX = 3;

/**
 * Suites whose failure counts the first time: they look for races, crashes and attacks, and what fails in
 * them by chance is the finding.
 */
const FIRST_TIME = ['test/attacks/', 'test/crash/', 'test/model/', 'test/races/'];

/**
 * Failed files of a run that may be run once more, alone: all of them, or none. None when there are too
 * many, when one is of a suite that counts the first time, or when something failed that is no file.
 *
 * @param {readonly { code: number, result: object | null }[]} lanes ends of the test runner, with its reports
 * @returns {readonly string[]} paths from the checkout's root
 */
export function worthASecondLook(lanes) {
  const files = [];
  for (const { code, result } of lanes) {
    if (code === 0) continue;
    const failed = (result?.testResults ?? []).filter(({ status }) => status === 'failed');
    // Nothing that could be run again explains this end.
    if (failed.length === 0 || (result?.numRuntimeErrorTestSuites ?? 1) > 0) return [];
    files.push(...failed.map(({ name }) => pathOf(name)));
  }
  const strict = files.some((file) => FIRST_TIME.some((folder) => file.startsWith(folder)));
  return files.length > FILES_MAX || strict ? [] : files;
}

/** A lane as if it had never run these files; what it is after that has ended well. */
export function withoutFiles({ result }, files) {
  const tests = (result?.testResults ?? [])
    .filter(({ name }) => !files.includes(pathOf(name)))
    .flatMap(({ assertionResults }) => assertionResults);
  const numPassedTests = tests.filter(({ status }) => status === 'passed').length;
  return { code: 0, result: { numPassedTests, numFailedTests: 0, numRuntimeErrorTestSuites: 0 } };
}

const pathOf = (name) => relative(ROOT, name).split(sep).join('/');
