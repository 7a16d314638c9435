import { ApplicationFailure } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import type { ControlActivities } from '../../src/contracts/activities';
import type { SqlPool } from '../../src/contracts/sql';
import { isLetheError } from '../../src/domain/errors';
import { createCommandLine, ENGINE_AWAY as away, type CommandLine } from '../support/command-line';
import type { ControlHarness } from '../support/control';
import { textsOf } from '../support/exported-histories';
import { createTemporalEnvironment, type TemporalEnvironment } from '../support/temporal';

const HOLD_OPTIONS =
  '--review-on 2030-01-31 --matter mt-0001 --ground-kind litigation --owner legal-1';
const TENANT = 'tn_cmdline0000000001';
let commands: CommandLine;
let root: SqlPool;
let harness: ControlHarness;
let engine: TemporalEnvironment;

beforeAll(async () => {
  commands = await createCommandLine();
  engine = await createTemporalEnvironment(commands.sql.name);
  root = commands.sql.pool('root');
  harness = commands.control;
});
afterAll(async () => {
  await engine.close();
  await commands.remove();
});

const lethe: CommandLine['lethe'] = (...call) => commands.lethe(...call);
const asked: CommandLine['asked'] = (...call) => commands.asked(...call);

/** The control activities as the worker registers them: a refusal keeps its code and its field. */
function registered(activities: ControlActivities): object {
  // Disposition has suites of its own; here it never gets anywhere.
  const planRuns = () => ({ runIds: [], progress: { done: false, blockedOn: 'test', counts: {} } });
  const own = Object.fromEntries(
    Object.entries(activities).map(([name, activity]: [string, (input: never) => unknown]) => [
      name,
      async (input: never) => {
        try {
          return await activity(input);
        } catch (error) {
          if (!isLetheError(error)) throw error;
          throw ApplicationFailure.create({
            type: error.code,
            message: error.message,
            nonRetryable: true,
            details: [{ field: error.field ?? null }],
          });
        }
      },
    ]),
  );
  return { ...own, planRuns };
}

/** What the history of an execution says, payloads decoded. */
async function textsIn(workflowId: string): Promise<string> {
  const history = await engine.client.getHandle(workflowId).fetchHistory();
  return [...textsOf(JSON.parse(historyToJSON(history)))].join('\n');
}

describe('the command line with the engine', () => {
  it('leads a tenant through its life, and repeats safely under a key', async () => {
    await engine.whileWorking(registered(harness.activities), async () => {
      const subscribe =
        `subscribe --tenant ${TENANT} --zone Asia/Shanghai --calendar CN SG --service CVM ECM ` +
        `--attestation SG:13 CN:14 --idempotency-key first`;
      const first = await asked<{ acceptedAt: string }>(subscribe);
      expect(await asked<object>(subscribe)).toEqual({ ...first, repeated: true });
      expect((await lethe(subscribe)).stdout).toContain('this is the first answer');
      expect(await asked<object>(`status --tenant ${TENANT}`)).toMatchObject({
        source: 'workflow',
        activeServices: expect.arrayContaining(['CVM', 'ECM']) as unknown,
      });

      const refused = await lethe(`attach-service --service CVM --tenant ${TENANT} --json`);
      expect(refused.exitCode).toBe(2);
      expect(JSON.parse(refused.stderr)).toMatchObject({
        error: { code: 'SERVICE_ALREADY_ACTIVE', field: 'service' },
      });
      const reused = await lethe(
        `attach-service --service Lighthouse --tenant ${TENANT} --idempotency-key first`,
      );
      expect(reused.stderr).toMatch(/^IDEMPOTENCY_CONFLICT: /);

      const request = `request-deletion --record-class asset-basic-data --tenant ${TENANT}`;
      const requested = await asked<{ result: { requestId?: string } }>(
        `${request} --confirm ${TENANT} --idempotency-key ask`,
      );
      const again = await asked<object>(`${request} --confirm ${TENANT} --idempotency-key ask`);
      expect(again).toEqual({ ...requested, repeated: true });
    });
  });

  it('shares a registry by names that enter no history, and repeats safely under a key [SH-1]', async () => {
    await engine.whileWorking(registered(harness.activities), async () => {
      const tenantId = 'tn_cmdline000sharing';
      await asked<object>(
        `subscribe --tenant ${tenantId} --zone UTC --calendar CN --service CVM --attestation SG:13`,
      );
      const grant =
        `grant-sharing --tenant ${tenantId} --registry canary.test:5000 --repository canary/* ` +
        `--valid-until 2099-01-01T00:00:00Z --idempotency-key share`;
      const first = await asked<{ result: { authorizationId: string } }>(grant);
      expect(await asked<object>(grant)).toEqual({ ...first, repeated: true });
      const other = await lethe(grant.replace('canary/*', 'other/*'));
      expect(other.stderr).toMatch(/^IDEMPOTENCY_CONFLICT: /);
      const scan = `scan --tenant ${tenantId} --registry https://canary.test:5000`;
      const refused = await lethe(`${scan} --repository canary-2/app`);
      expect(refused.stderr).toMatch(/^AUTHORIZATION_REQUIRED: repository is covered by no/);
      const rows = await root.query('SELECT registry FROM authorizations WHERE tenant_id = ?', [
        tenantId,
      ]);
      expect(rows.map((row) => String(row['registry']))).toEqual(['canary.test:5000']);
      const texts = await textsIn(`tenant-lifecycle:${tenantId}`);
      expect(texts).toContain(first.result.authorizationId);
      expect(texts).not.toContain('canary');
    });
  });

  it('says that the namespace is missing, by the name of its variable', async () => {
    const env = { LETHE_TEMPORAL_NAMESPACE: `${commands.sql.name}.nowhere` };
    const line = `end-feature --tenant ${TENANT} --confirm ${TENANT} --json`;
    const { exitCode, stderr } = await lethe(line, { env });
    expect(exitCode).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'CONFIGURATION_INVALID', field: 'LETHE_TEMPORAL_NAMESPACE' },
    });
  });

  it('places a hold whose ground enters no history, shows it and releases it [CC-4]', async () => {
    await engine.whileWorking(registered(harness.activities), async () => {
      const tenantId = await harness.subscribed('CVM');
      const files = { 'ground.json': { case: 'canary' } };
      const line = `hold place --tenant ${tenantId} --ground ground.json ${HOLD_OPTIONS}`;
      const { holdId } = await asked<{ holdId: string }>(line, { files });
      const placed = await asked<object>(`hold status --hold ${holdId}`);
      expect(placed).toMatchObject({ state: 'in-force' });
      const list = await lethe(`hold list --tenant ${tenantId}`, away);
      expect(list.stdout).toContain(holdId);
      expect(list.stdout).not.toContain('canary');
      const rows = await root.query('SELECT ground FROM hold_grounds WHERE hold_id = ?', [holdId]);
      expect(String(rows[0]?.['ground'])).toBe('{"case":"canary"}');
      expect(await textsIn(`hold:${holdId}`)).toContain(holdId);
      expect(await textsIn(`hold:${holdId}`)).not.toContain('canary');

      for (const verb of ['release', 'approve --approved-by ops-2']) {
        for (const more of ['', ' --json', ` --confirm ${holdId}`, ` --confirm ${TENANT}`]) {
          const unasked = await lethe(`hold ${verb} --hold ${holdId}${more}`);
          expect(unasked).toMatchObject({ exitCode: 2, stdout: '' });
          expect(unasked.stderr).toMatch(
            new RegExp(`CONFIRMATION_REQUIRED.* of ${tenantId} can be`),
          );
        }
      }
      await asked<object>(`hold release --hold ${holdId} --confirm ${tenantId}`);
      const approve = `hold approve --hold ${holdId} --confirm ${tenantId}`;
      const alone = await lethe(`${approve} --approved-by ops-1`);
      expect(alone.stderr).toMatch(/^NOT_PERMITTED: a second person/);
      const approved = await asked<object>(`${approve} --approved-by ops-2`);
      expect(approved).toMatchObject({ state: 'release-approved', approvedBy: 'ops-2' });
      const status = await lethe(`hold status --hold ${holdId}`, away);
      expect(status.stdout).toMatch(/state +release-approved[\s\S]*release asked by +ops-1/);
    });
  });
});
