import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../src/cli/run-cli';

const ROOT = join(__dirname, '../..');
const V1 = join(ROOT, 'policies/container-security-v1.yaml');
const V2 = join(ROOT, 'test/support/policies/container-security-v2.yaml');
const SHIPPED_CASES = join(ROOT, 'policies/container-security-v1.test.yaml');
const DRAFT_CASES = join(ROOT, 'test/support/policies/container-security-v2.test.yaml');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'policy-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const written = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

async function policy(
  ...argv: readonly string[]
): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await runCli(['policy', ...argv], {
    stdout: (text) => (out += text),
    stderr: (text) => (err += text),
    read: (file) => readFileSync(file, 'utf8'),
    env: {},
  });
  return { code, out, err };
}

describe('lethe policy lint', () => {
  it('accepts what ships and says its digest', async () => {
    const answer = await policy('lint', V1, '--json');
    expect(answer.code).toBe(0);
    expect(JSON.parse(answer.out)).toMatchObject({
      problems: [],
      policy: {
        id: 'container-security',
        version: 1,
        digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      },
    });
  });

  it('refuses a policy below a floor with file, line, column, field and remedy [AB-1, CC-4]', async () => {
    const low = written(
      'low.yaml',
      readFileSync(V1, 'utf8').replace('P180D', 'P90D').replace('P6M', 'P3M'),
    );
    const answer = await policy('lint', low);
    expect(answer.code).toBe(1);
    expect(answer.out).toMatch(
      /low\.yaml:\d+:15: spec\.periods\.minimum\.period 90 is too little, .*; state 180 or more\n/,
    );
    expect(answer.out).toMatch(
      /low\.yaml:\d+:16: spec\.floors\[0\]\.minimum P3M is too little, .*; state P6M or more/,
    );
    expect(JSON.parse((await policy('lint', low, '--json')).out)).toMatchObject({ policy: null });
  });

  it('names the argument when the file is not there', async () => {
    const answer = await policy('lint', join(folder, 'none.yaml'), '--json');
    expect(answer.code).toBe(2);
    expect(JSON.parse(answer.err)).toMatchObject({
      error: { code: 'INVALID_INPUT', field: 'FILE' },
    });
  });
});

describe('lethe policy test', () => {
  it.each([
    ['shipped', SHIPPED_CASES, 4],
    ['a draft beside version 1', DRAFT_CASES, 2],
  ])('answers the cases of %s', async (...row) => {
    const [, file, cases] = row;
    const answer = await policy('test', file, '--json');
    expect(answer.code).toBe(0);
    expect(JSON.parse(answer.out)).toMatchObject({ passed: cases, failed: 0 });
  });

  it('fails a case that comes out otherwise, and says what is different', async () => {
    const text = readFileSync(SHIPPED_CASES, 'utf8').replace(
      '2026-04-01T16:00:00Z',
      '2026-04-02T16:00:00Z',
    );
    const answer = await policy('test', written('wrong.yaml', text));
    expect(answer.code).toBe(1);
    expect(answer.out).toContain(
      'latestAt: expected "2026-04-02T16:00:00Z", is "2026-04-01T16:00:00Z"',
    );
    expect(answer.out).toContain('3 passed, 1 failed');
  });

  it('fails a case whose facts are wrong, and refuses a file that holds no cases', async () => {
    const text = readFileSync(SHIPPED_CASES, 'utf8');
    const mistyped = await policy(
      'test',
      written('facts.yaml', text.replace('zone: Asia', 'zone: Asien')),
    );
    expect(mistyped).toMatchObject({ code: 1 });
    expect(mistyped.out).toContain('INVALID_ZONE');
    const other = await policy(
      'test',
      written('other.yaml', text.replace('cases:', 'case:')),
      '--json',
    );
    expect(other.code).toBe(2);
    expect(other.err).toMatch(/FILE holds no cases.*other\.yaml:\d+:\d+: spec/);
  });
});

describe('lethe policy diff', () => {
  it('shows each number that two versions state differently', async () => {
    const answer = await policy('diff', '1', V2, '--json');
    expect(JSON.parse(answer.out)).toEqual(
      expect.arrayContaining([
        { field: 'spec.periods.request.workingDays', from: 30, to: 20 },
        { field: 'spec.floors[0].minimum', from: 'P6M', to: 'P12M' },
        { field: 'metadata.version', from: 1, to: 2 },
      ]),
    );
    expect((await policy('diff', V1, '1')).out).toBe('both state the same\n');
  });

  it('refuses what is no policy with the place of its first problem', async () => {
    const answer = await policy('diff', '1', written('broken.yaml', 'kind: ['), '--json');
    expect(answer.code).toBe(2);
    expect(JSON.parse(answer.err)).toMatchObject({ error: { field: 'B' } });
    expect(answer.err).toMatch(/broken\.yaml:\d+:\d+/);
  });
});

describe('lethe policy sign and activate', () => {
  it('refuse a draft that was not reviewed, before anything is signed [CC-4]', async () => {
    const sign = await policy('sign', V2, '--plan', '0'.repeat(64), '--key', 'none', '--json');
    const activate = await policy('activate', V2, '--document', V1, V2, '--json');
    for (const { code, err } of [sign, activate]) {
      expect(code).toBe(2);
      expect(JSON.parse(err)).toMatchObject({ error: { code: 'NOT_PERMITTED', field: 'FILE' } });
    }
  });

  it('fail with 1 where details of the exit code are asked for and no server is known', async () => {
    expect((await policy('plan', V2, '--detailed-exitcode')).code).toBe(1);
    expect((await policy('plan', V2)).code).toBe(2);
  });
});

describe('lethe policy schema', () => {
  it('prints the schema that is shipped', async () => {
    const shipped = readFileSync(join(ROOT, 'schema/policy.schema.json'), 'utf8');
    expect(JSON.parse((await policy('schema')).out)).toEqual(JSON.parse(shipped));
  });
});
