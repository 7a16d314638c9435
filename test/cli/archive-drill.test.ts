import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runIn, type CliRun } from '../support/evidence-cli';

const TENANT = 'tn_0000000000000001';
const RUN = 'rn_0000000000000001';
const NAMED = ['--tenant', TENANT, '--run', RUN, '--due-on', '2027-03-31'];
const FILES = ['--dir', 'x', '--key-file', 'y', '--out', 'z'];

const folder = mkdtempSync(join(tmpdir(), 'archive-drill-'));
const scratch = join(folder, 'scratch');
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The environment is empty: nothing here may ask a server. */
const restore = (...argv: readonly string[]): Promise<CliRun> =>
  runIn({}, ['archive', 'restore', '--json', ...argv]);

function expectBadInput(run: CliRun, field: string): void {
  expect(run).toMatchObject({ exitCode: 2, stdout: '' });
  expect(JSON.parse(run.stderr)).toMatchObject({ error: { code: 'INVALID_INPUT', field } });
  expect(existsSync(scratch)).toBe(false);
}

describe('a drill', () => {
  it('takes no files: it reads from the bucket', async () => {
    expectBadInput(await restore('--to-scratch', scratch, ...NAMED, ...FILES), 'to-scratch');
  });

  it.each(['--keep', '--copy=backup', `--tenant=${TENANT}`, '--requested-by=ops-1'])(
    'is what %s belongs to',
    async (option) => {
      const [name = ''] = option.slice(2).split('=');
      expectBadInput(await restore(...FILES, option), name);
    },
  );

  it.each([
    ['run', NAMED.slice(0, 2)],
    ['due-on', NAMED.slice(0, 4)],
    ['due-on', [...NAMED.slice(0, 4), '--due-on', '1 April']],
    ['requestedBy', NAMED],
  ])(
    'ends with 2 when %s is missing or malformed, before a server is asked',
    async (field, given) => {
      expectBadInput(await restore('--to-scratch', scratch, ...given), field);
    },
  );
});

describe('a restore from files', () => {
  it.each([
    ['dir', []],
    ['key-file', FILES.slice(0, 2)],
    ['out', FILES.slice(0, 4)],
  ])('names --%s when it is missing', async (field, given) => {
    expectBadInput(await restore(...given), field);
  });
});
