import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportCheckpoint } from '../../src/activities/evidence/checkpoints';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { answerOf, evidenceVariables, runIn, type CliRun } from '../support/evidence-cli';
import { hold } from '../support/holds';
import { loseRows } from '../support/restore-gate';
import { subscribed } from '../support/tenant-life';

const STORES = ['mysql', 'mongodb'] as const;
let engine: EngineHarness;
let folder: string;
let variables: Readonly<Record<string, string | undefined>>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lethe-gate-'));
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
  const { environment, credentials, options } = engine;
  variables = {
    ...evidenceVariables(folder, {
      ...{ environment: environment.name, credentials },
      keys: options.signing.list.text,
    }),
    LETHE_ACTOR: 'ops-1',
  };
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await engine.remove();
});

const gate = (line: string, over: Readonly<Record<string, string>> = {}): Promise<CliRun> =>
  runIn({ ...variables, ...over }, ['restore-gate', ...line.split(' ')]);

describe('the restore gate from the command line', () => {
  it.each(STORES)('opens for %s, to which nothing came back [ST-1]', async (store) => {
    const check = await gate(`check --store ${store}`);
    expect(check).toMatchObject({ exitCode: 0, stderr: '' });
    expect(check.stdout).toContain('may serve');
    const replayed = answerOf(await gate(`replay --store ${store} --confirm ${store} --json`));
    expect(replayed).toMatchObject({ batches: 0, records: 0, kept: [] });
  });

  it.each(STORES)('says nothing of %s without the keys that prove the evidence', async (store) => {
    for (const line of [`check --store ${store}`, `replay --store ${store} --confirm ${store}`]) {
      const { exitCode, stdout, stderr } = await gate(line, { LETHE_PUBLIC_KEYS_FILE: '' });
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toContain('CONFIGURATION_INVALID: LETHE_PUBLIC_KEYS_FILE');
    }
  });

  it('stays shut while control has forgotten what the evidence knows [CC-4] [ST-1]', async () => {
    await hold(engine, await subscribed(engine, 'CVM'));
    await exportCheckpoint(engine.parts.checkpoints, { mode: 'legal-hold' });
    const tables = ['hold_scopes', 'hold_grounds', 'holds'];
    await loseRows(
      engine,
      tables.map((table) => `DELETE FROM ${table}`),
    );
    for (const store of STORES) {
      for (const line of [`check --store ${store}`, `replay --store ${store} --confirm ${store}`]) {
        const { exitCode, stdout, stderr } = await gate(line);
        expect(exitCode).not.toBe(0);
        expect(stdout).not.toContain('may serve');
        expect(stderr).toContain('VERIFICATION_FAILED: control is older');
      }
    }
  });
});
