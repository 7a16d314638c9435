import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WindowPlan } from '../../src/contracts/window-plans';
import type * as Reviewed from '../../src/domain/reviewed-policies';
import type * as Folders from '../../src/cli/shipped-folders';
import { calendarsWith, madeUp2027, removeFolders, shippedYear } from '../support/calendar-folders';
import { DRAFT, WITH_DRAFT } from '../support/draft-policy';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { answerOf, evidenceVariables, runIn, type CliRun } from '../support/evidence-cli';
import { firstTwo, type TestSigner } from '../support/signers';
import { subscribed } from '../support/tenant-life';

// A build that ships version 2 as well: its file is in the folder, and its digest on the list.
const mockFolder = mkdtempSync(join(tmpdir(), 'lethe-policies-'));
jest.mock('../../src/cli/shipped-folders', () => ({
  ...jest.requireActual<typeof Folders>('../../src/cli/shipped-folders'),
  get POLICIES(): string {
    return mockFolder;
  },
}));
jest.mock('../../src/domain/reviewed-policies', () => {
  const { REVIEWED_POLICIES } = jest.requireActual<typeof Reviewed>(
    '../../src/domain/reviewed-policies',
  );
  const digests: Record<string, string> = { ...REVIEWED_POLICIES };
  return { REVIEWED_POLICIES: digests };
});

let engine: EngineHarness;
let officers: readonly [TestSigner, TestSigner];
let tenantId: string;
let env: Readonly<Record<string, string | undefined>>;

const lethe = (...argv: readonly string[]): Promise<CliRun> => runIn(env, argv);
const asked = async <T>(...argv: readonly string[]): Promise<T> =>
  answerOf(await lethe(...argv, '--json')) as T;
const keyFile = (officer: TestSigner): string => {
  const file = join(mockFolder, `${officer.personId}.pem`);
  writeFileSync(file, officer.key.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
  return file;
};

beforeAll(async () => {
  const root = join(__dirname, '../..');
  cpSync(join(root, 'policies'), mockFolder, { recursive: true });
  const draft = 'container-security-v2.yaml';
  cpSync(join(root, 'test/support/policies', draft), join(mockFolder, draft));
  const { REVIEWED_POLICIES } = jest.requireMock<{ REVIEWED_POLICIES: Record<string, string> }>(
    '../../src/domain/reviewed-policies',
  );
  REVIEWED_POLICIES[DRAFT.policy] = DRAFT.digest;
  engine = await createEngineHarness(undefined, WITH_DRAFT);
  await engine.setClock('2026-12-01T01:00:00Z');
  const { stores, parts, environment, credentials } = engine;
  env = {
    ...evidenceVariables(mockFolder, { environment: environment.name, credentials, keys: '{}' }),
    LETHE_TEMPORAL_ADDRESS: '127.0.0.1:1',
    LETHE_ACTOR: 'ops-1',
  };
  officers = await firstTwo({ control: stores.sql('control', 'control'), ledger: parts.ledger });
  tenantId = await subscribed(engine, 'CVM');
  await engine.send(tenantId, 'requestDeletion', {
    requestId: `rq_${tenantId.slice(3)}`,
    recordClass: 'console-configuration-data',
  });
  await engine.runWork(tenantId);
});
afterAll(async () => {
  await engine.remove();
  removeFolders();
  rmSync(mockFolder, { recursive: true, force: true });
});

describe('lethe calendar', () => {
  it('plans what a new year would move, and applies the calendars at hand [CC-2]', async () => {
    const work = ['2026-12-19', '2026-12-20', '2026-12-26', '2026-12-27'];
    const folder = calendarsWith(
      shippedYear('CN/2026', { work, settledThrough: '2026-12-31' }),
      madeUp2027('2027-12-31'),
    );
    const plan = await asked<WindowPlan>('calendar', 'plan', '--folder', folder);
    expect(plan).toMatchObject({
      moves: [{ tenantId, ends: 'earlier' }],
      totals: { endEarlier: 1 },
    });
    const exits = async (...more: readonly string[]): Promise<number> =>
      (await lethe('calendar', 'plan', '--detailed-exitcode', ...more)).exitCode;
    expect([await exits(), await exits('--folder', folder)]).toEqual([0, 2]);
    expect(await exits('--folder', join(folder, 'none'))).toBe(1);
    expect(await asked<object>('calendar', 'apply')).toMatchObject({ tenants: 1, told: 0 });
    expect((await asked<WindowPlan>('calendar', 'plan')).moves).toEqual([]);
  });
});

describe('lethe deadlines', () => {
  it('gives the due days of all tenants as lines for a spreadsheet [CC-2]', async () => {
    const { stdout } = await lethe('deadlines', '--csv');
    const [head, ...lines] = stdout.trimEnd().split('\r\n');
    expect(head).toMatch(/^tenantId,band,dueOn,/);
    expect(lines).toEqual([expect.stringMatching(new RegExp(`^${tenantId},on_track,2026-12-01,`))]);
    expect((await lethe('deadlines', '--csv', '--band', 'overdue')).stdout).toBe(
      `${head ?? ''}\r\n`,
    );
    expect((await lethe('deadlines', '--csv', '--json')).exitCode).toBe(2);
  });
});

describe('lethe policy', () => {
  it('plans, is signed by two and activated, and every tenant is computed again [CC-2, CC-4]', async () => {
    const plan = await asked<{ planDigest: string }>('policy', 'plan', '2');
    expect(plan).toMatchObject({
      policy: DRAFT.policy,
      inForce: 1,
      moves: [{ tenantId, ends: 'earlier', begins: 'same' }],
    });
    expect((await lethe('policy', 'plan', '2', '--detailed-exitcode')).exitCode).toBe(2);
    const shown = (await lethe('policy', 'plan', '2')).stdout;
    expect(shown).toMatch(/^EARLIER +tn_/m);
    expect(shown).toContain(plan.planDigest);

    const files: string[] = [];
    for (const officer of officers) {
      const signing = ['policy', 'sign', '2', '--key', keyFile(officer), '--plan'] as const;
      const stale = await lethe(...signing, '0'.repeat(64));
      expect(stale).toMatchObject({ exitCode: 2, stdout: '' });
      expect(stale.stderr).toContain('PLAN_CHANGED');
      const file = join(mockFolder, `${officer.personId}.jws`);
      writeFileSync(file, (await lethe(...signing, plan.planDigest)).stdout);
      files.push(file);
    }

    const activating = ['policy', 'activate', '2', '--document', ...files] as const;
    expect((await lethe(...activating)).stderr).toContain('CONFIRMATION_REQUIRED');
    expect((await lethe('policy', 'activate', '2', '--document', files[0] ?? '')).exitCode).toBe(2);
    const done = await asked<object>(...activating, '--confirm', DRAFT.policy);
    expect(done).toMatchObject({ version: 2, refreshed: { tenants: 1, told: 0 } });
    const [day] = await asked<{ latestAt: string }[]>('deadlines', '--tenant', tenantId);
    // 20 working days after 1 December 2026; 18 while the calendar is not published that far.
    expect(day?.latestAt).toBe('2026-12-25T16:00:00.000000Z');
    expect((await lethe('policy', 'list')).stdout).toMatch(
      /container-security@2 .*person-1 +person-2/,
    );
  });

  it('says so, and ends with 1, when a version is in force that the build does not know [CC-4]', async () => {
    rmSync(join(mockFolder, 'container-security-v2.yaml'));
    const mocked = jest.requireMock<{ REVIEWED_POLICIES: Record<string, string> }>(
      '../../src/domain/reviewed-policies',
    );
    Reflect.deleteProperty(mocked.REVIEWED_POLICIES, DRAFT.policy);
    const { exitCode, stdout } = await lethe('policy', 'list');
    expect(exitCode).toBe(1);
    expect(stdout).toContain('NOT KNOWN TO THIS BUILD');
  });
});
