import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createControlHarness, type ControlHarness } from '../support/control';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { answerOf, evidenceVariables, runIn, type CliRun } from '../support/evidence-cli';
import { createSealedRun, type SealedRun } from '../support/sealed-run';

const folder = mkdtempSync(join(tmpdir(), 'lethe-tenants-'));
let sql: SqlEnvironment;
let harness: ControlHarness;
let due: SealedRun;
let away: Readonly<Record<string, string | undefined>>;

beforeAll(async () => {
  sql = await createSqlEnvironment();
  harness = createControlHarness(sql);
  due = await createSealedRun(sql, { tenantId: 'tn_cmdline0000000due' });
  const parts = { environment: sql.name, credentials: { mysql: sql.logins }, keys: '' };
  away = {
    ...evidenceVariables(folder, parts),
    LETHE_TEMPORAL_ADDRESS: '127.0.0.1:1',
    LETHE_ACTOR: 'ops-1',
  };
});
afterAll(async () => {
  await sql.remove();
  rmSync(folder, { recursive: true });
});

const lethe = (line: string): Promise<CliRun> => runIn(away, line.split(' '));

const asked = async <T>(line: string): Promise<T> => answerOf(await lethe(`${line} --json`)) as T;

describe('what the command line says of one tenant', () => {
  it('says why the Feature of a tenant rests: an attestation was withdrawn [AT-1]', async () => {
    const tenantId = await harness.subscribed('CVM');
    await harness.send(tenantId, 'withdrawAttestation', { jurisdiction: 'SG' });
    const { stdout } = await lethe(`status --tenant ${tenantId}`);
    expect(stdout).toMatch(
      /stage +suspended[\s\S]*Feature +suspended: attestation withdrawn for SG/,
    );
    const attestations = [{ jurisdiction: 'SG', minimumAge: 13 }];
    await harness.send(tenantId, 'attestMinimumAge', { attestations });
    expect(await asked<object>(`status --tenant ${tenantId}`)).toMatchObject({
      stage: 'subscribed',
      withdrawnAttestations: [],
    });
  });

  it.each([
    'deadlines',
    'progress',
    'certificate list',
    'certificate show',
    'hold list',
    'hold list --in-force',
    'freeze status',
    'order list',
    'plan',
    'attestations list',
    'authorizations list',
    'notice list',
    'notice calendar --out nowhere.ics',
  ])(
    'says of a tenant that nobody knows that it is unknown, and not that there is nothing: %s',
    async (line) => {
      const { exitCode, stdout, stderr } = await lethe(`${line} --tenant tn_cmdline00000none`);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toMatch(/^UNKNOWN_TENANT: /);
    },
  );

  it('freezes one tenant by its id, and only one that is known', async () => {
    const { freezeId } = await asked<{ freezeId: string }>(
      `freeze set --tenant ${due.tenantId} --freeze fz_commandline000001`,
    );
    expect(freezeId).toBe('fz_commandline000001');
    expect(await asked<object[]>(`freeze status --tenant ${due.tenantId}`)).toMatchObject([
      { freezeId, scope: due.tenantId, inForce: true },
    ]);
    const lift = `freeze lift --freeze ${freezeId} --reason was-a-drill`;
    const mistaken = await lethe(`${lift} --confirm ${freezeId}`);
    expect(mistaken.stderr).toMatch(/^CONFIRMATION_REQUIRED: /);
    expect(mistaken.stderr).toContain(`give --confirm ${due.tenantId}`);
    expect(await asked<object>(`${lift} --confirm ${due.tenantId}`)).toMatchObject({
      freezeId,
    });
    const approve = `freeze approve --freeze ${freezeId} --approved-by ops-2`;
    expect((await lethe(approve)).stderr).toMatch(/^CONFIRMATION_REQUIRED: /);
    expect(await asked<object>(`${approve} --confirm ${due.tenantId}`)).toMatchObject({
      inForce: false,
    });
    const unknown = await lethe('freeze set --tenant tn_cmdline00000none');
    expect(unknown).toMatchObject({ exitCode: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/^UNKNOWN_TENANT: /);
  });
});
