import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCli } from '../../src/cli/run-cli';
import examples from '../domain/examples.json';
import { asset, configuration } from '../domain/windows/context';

const V2 = join(__dirname, '../support/policies/container-security-v2.yaml');
const ENDS = ['earliestAt', 'deleteNotBefore', 'latestAt'] as const;

type Ends = Readonly<Record<(typeof ENDS)[number], string | null>>;
interface Version extends Ends {
  readonly policyVersion: string;
  readonly decides: readonly string[];
}
interface Comparison {
  readonly strictest: Ends & { readonly policyVersion: string; readonly steps: readonly object[] };
  readonly requiredByLaw: boolean;
  readonly versions: readonly Version[];
}

async function explain(
  facts: unknown,
  ...argv: readonly string[]
): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }> {
  const out = { stdout: '', stderr: '' };
  const exitCode = await runCli(['explain', '--facts', 'facts.json', ...argv], {
    stdout: (text) => (out.stdout += text),
    stderr: (text) => (out.stderr += text),
    read: (file) => (file === 'facts.json' ? JSON.stringify(facts) : readFileSync(file, 'utf8')),
    env: {},
  });
  return { exitCode, ...out };
}

async function compared(facts: unknown, ...policies: readonly string[]): Promise<Comparison> {
  const { exitCode, stdout, stderr } = await explain(facts, '--json', '--policies', ...policies);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as Comparison;
}

const request = configuration({
  deletionRequests: [{ receivedAt: '2026-03-02T09:00:00+08:00' }],
});
const log = asset({ collectedAt: '2026-02-01T08:00:00+08:00', statutoryLog: true });
const instant = (text: string | null): number => (text === null ? Infinity : Date.parse(text));

describe('explain with several versions of the policy', () => {
  it('answers with the strictest window, and says which version sets each end [CC-4]', async () => {
    const { strictest, requiredByLaw, versions } = await compared(request, '1', V2);
    const ends = {
      ...{ earliestAt: '2026-03-02T01:00:00Z', deleteNotBefore: '2026-03-10T04:00:00Z' },
      latestAt: '2026-03-30T16:00:00Z',
    };
    expect(strictest).toMatchObject(ends);
    expect(requiredByLaw).toBe(false);
    expect(versions).toMatchObject([
      {
        policyVersion: expect.stringContaining('@1+') as string,
        deleteNotBefore: '2026-03-09T03:00:00Z',
        decides: ['earliestAt'],
      },
      { policyVersion: expect.stringContaining('@2+') as string, ...ends, decides: [...ENDS] },
    ]);
    expect(instant(versions[0]?.latestAt ?? null)).toBeGreaterThan(instant(ends.latestAt));
  });

  it('says when a law keeps longer than another version promised [CC-4]', async () => {
    const { strictest, requiredByLaw, versions } = await compared(log, '1', V2);
    expect(strictest.latestAt).toBe('2027-02-02T16:00:00Z');
    expect(requiredByLaw).toBe(true);
    expect(versions.map(({ decides }) => decides)).toEqual([[], [...ENDS]]);
    const { stdout } = await explain(log, '--policies', '1', V2);
    expect(stdout).toContain('A law asks for longer keeping');
    expect((await explain(request, '--policies', '1', V2)).stdout).not.toContain('A law asks');
  });

  it('never begins before, nor without a law ends after, what one of them asks for [CC-4]', async () => {
    for (const { facts } of examples) {
      const { strictest, requiredByLaw, versions } = await compared(facts, '1', V2);
      for (const one of versions) {
        expect(instant(strictest.earliestAt)).toBeGreaterThanOrEqual(instant(one.earliestAt));
        if (requiredByLaw) continue;
        expect(instant(strictest.latestAt)).toBeLessThanOrEqual(instant(one.latestAt));
      }
    }
  });

  it('answers as without versions when only version 1 is named', async () => {
    const alone = JSON.parse((await explain(request, '--json')).stdout) as object;
    const { strictest, versions } = await compared(request, '1');
    expect(strictest).toEqual(alone);
    expect(versions).toEqual([{ ...alone, decides: [...ENDS] }]);
  });

  it('takes the versions in any order, and decides nothing while a hold is open', async () => {
    expect(await compared(request, V2, '1')).toEqual(await compared(request, '1', V2));
    const held = { ...request, holds: [{ placedAt: '2026-03-03T00:00:00Z' }] };
    const { strictest, versions } = await compared(held, '1', V2);
    expect(strictest.latestAt).toBeNull();
    expect(versions.map(({ decides }) => decides)).toEqual([[], []]);
  });

  it('answers a list with a list, and people with a table', async () => {
    const { stdout } = await explain([request, log], '--json', '--policies', '1', V2);
    expect(JSON.parse(stdout)).toMatchObject([
      { requiredByLaw: false, versions: [{}, {}] },
      { requiredByLaw: true, versions: [{}, {}] },
    ]);
    const text = (await explain([request], '--policies', '1', V2)).stdout;
    expect(text).toMatch(/^\[0\]\nearliest/);
    expect(text).toMatch(/POLICY ALONE +EARLIEST +DELETE NOT BEFORE +LATEST +DECIDES\n/);
    expect(text).toMatch(/@2\+.* earliest, delete not before, latest\n/);
  });

  it.each([
    ['a version that does not ship', ['1', '7']],
    ['a file that is not there', ['1', '/nowhere/v2.yaml']],
    ['a version twice', ['1', '1']],
  ])('refuses %s, names the option and prints nothing else', async (...row) => {
    const [, policies] = row;
    const answer = await explain(request, '--json', '--policies', ...policies);
    expect(answer).toMatchObject({ exitCode: 2, stdout: '' });
    expect(JSON.parse(answer.stderr)).toMatchObject({
      error: { code: 'INVALID_INPUT', field: 'policies' },
    });
  });
});
