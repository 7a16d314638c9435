import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './repository';

const runFile = promisify(execFile);

interface Lane {
  readonly code: number;
  readonly result: object | null;
}

/** Runs a function of the stack's own code, which is made of modules that the test runner does not load. */
async function inStack<T>(call: string): Promise<T> {
  const script = `
    import { withoutFiles, worthASecondLook } from './stack/second-look.mjs';
    process.stdout.write(JSON.stringify(${call}));`;
  const { stdout } = await runFile(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: ROOT,
  });
  return JSON.parse(stdout) as T;
}

const file = (path: string, ...tests: readonly ('passed' | 'failed')[]) => ({
  name: join(ROOT, path),
  status: tests.includes('failed') ? 'failed' : 'passed',
  assertionResults: tests.map((status) => ({ status })),
});
const lane = (
  code: number,
  testResults: readonly object[],
  numRuntimeErrorTestSuites = 0,
): Lane => ({ code, result: { testResults, numRuntimeErrorTestSuites } });

const good = lane(0, [file('test/domain/a.test.ts', 'passed', 'passed')]);
const timed = file('test/workflows/b.test.ts', 'passed', 'failed');

const looked = (...lanes: readonly Lane[]): Promise<readonly string[]> =>
  inStack(`worthASecondLook(${JSON.stringify(lanes)})`);

describe('a test file that failed among others', () => {
  it('is run once more, alone', async () => {
    expect(await looked(good, lane(1, [timed]))).toEqual(['test/workflows/b.test.ts']);
  });

  it('is not looked for when every run ended well', async () => {
    expect(await looked(good, lane(0, []))).toEqual([]);
  });

  it.each(['attacks', 'crash', 'model', 'races'])(
    'counts at once in test/%s, where a failure by chance is the finding',
    async (folder) => {
      const found = file(`test/${folder}/c.test.ts`, 'failed');
      expect(await looked(good, lane(1, [timed, found]))).toEqual([]);
    },
  );

  it('counts at once when four failed', async () => {
    const files = [1, 2, 3, 4].map((n) => file(`test/client/${n}.test.ts`, 'failed'));
    expect(await looked(lane(1, files.slice(0, 3)))).toHaveLength(3);
    expect(await looked(lane(1, files))).toEqual([]);
    expect(await looked(lane(1, files.slice(0, 2)), lane(1, files.slice(2)))).toEqual([]);
  });

  it('counts at once beside a file that could not be loaded, and beside a run without a report', async () => {
    expect(await looked(lane(1, [timed], 1))).toEqual([]);
    expect(await looked(lane(1, [timed]), { code: 1, result: null })).toEqual([]);
    expect(await looked(lane(1, [timed]), lane(1, []))).toEqual([]);
  });

  it('takes none of its tests into the first count', async () => {
    const first = lane(1, [timed, file('test/client/d.test.ts', 'passed', 'passed')]);
    const path = JSON.stringify(['test/workflows/b.test.ts']);
    expect(await inStack<Lane>(`withoutFiles(${JSON.stringify(first)}, ${path})`)).toEqual({
      code: 0,
      result: { numPassedTests: 2, numFailedTests: 0, numRuntimeErrorTestSuites: 0 },
    });
  });
});
