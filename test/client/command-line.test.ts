import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { runCli } from '../../src/cli/run-cli';
import type { ControlActivities } from '../../src/contracts/activities';
import type { SqlPool } from '../../src/contracts/sql';
import { isLetheError } from '../../src/domain/errors';
import { createControlHarness, type ControlHarness } from '../support/control';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { textsOf } from '../support/exported-histories';
import { createSealedRun, type SealedRun } from '../support/sealed-run';
import { createTemporalEnvironment, type TemporalEnvironment } from '../support/temporal';

const HOLD_OPTIONS =
  '--review-on 2030-01-31 --matter mt-0001 --ground-kind litigation --owner legal-1';
const TENANT = 'tn_cmdline0000000001';
const folder = mkdtempSync(join(tmpdir(), 'lethe-cli-'));
let sql: SqlEnvironment;
let root: SqlPool;
let harness: ControlHarness;
let engine: TemporalEnvironment;
let due: SealedRun;

beforeAll(async () => {
  sql = await createSqlEnvironment();
  root = sql.pool('root');
  harness = createControlHarness(sql);
  engine = await createTemporalEnvironment();
  due = await createSealedRun(sql, { tenantId: 'tn_cmdline0000000due' });
  writeFileSync(join(folder, 'credentials.json'), JSON.stringify({ mysql: sql.logins }), {
    mode: 0o600,
  });
});
afterAll(async () => {
  await engine.close();
  await sql.remove();
  rmSync(folder, { recursive: true });
});

interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line against the servers; `files` are what it may read. */
async function lethe(
  line: string,
  over: { readonly files?: Record<string, unknown>; readonly env?: Record<string, string> } = {},
): Promise<Run> {
  const out = { stdout: '', stderr: '' };
  const exitCode = await runCli(line.split(' '), {
    stdout: (text) => {
      out.stdout += text;
    },
    stderr: (text) => {
      out.stderr += text;
    },
    read: (file) => JSON.stringify(over.files?.[file]),
    env: {
      ...process.env,
      ...{ LETHE_ENVIRONMENT: sql.name, LETHE_TEMPORAL_NAMESPACE: engine.namespace },
      LETHE_CREDENTIALS_FILE: join(folder, 'credentials.json'),
      LETHE_ACTOR: 'ops-1',
      ...over.env,
    },
  });
  return { exitCode, ...out };
}

async function asked<T>(line: string, over?: Parameters<typeof lethe>[1]): Promise<T> {
  const { exitCode, stdout, stderr } = await lethe(`${line} --json`, over);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}

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

const away = { env: { LETHE_TEMPORAL_ADDRESS: '127.0.0.1:1' } };

describe('the command line while the engine is away', () => {
  it('shows where a tenant stands, from control, and says so', async () => {
    const tenantId = await harness.subscribed('CVM', 'Lighthouse');
    const status = await asked<object>(`status --tenant ${tenantId}`, away);
    expect(status).toMatchObject({
      tenantId,
      source: 'control',
      stage: 'subscribed',
      activeServices: expect.arrayContaining(['CVM', 'Lighthouse']) as unknown,
    });
    const { exitCode, stdout } = await lethe(`status --tenant ${tenantId}`, away);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/stage +subscribed/);
    expect(stdout).toContain('its process did not answer');
    expect(stdout).toContain('nothing is due');
  });

  it('lists what is due, of one tenant and of all, and why', async () => {
    const days = await asked<object[]>(`deadlines --tenant ${due.tenantId}`, away);
    expect(days).toMatchObject([{ runId: due.runId, dueOn: due.dueOn }]);
    const all = await asked<{ dueDays: { tenantId: string }[]; complete: boolean }>(
      'deadlines --band due_soon',
      away,
    );
    expect(all.dueDays.map(({ tenantId }) => tenantId)).toEqual([due.tenantId]);
    expect((await lethe('deadlines --band overdue', away)).stdout).toBe('nothing is due\n');
    const text = (await lethe(`deadlines --before 2199-01-01T00:00:00Z`, away)).stdout;
    expect(text.split('\n')[0]).toMatch(/^TENANT +BAND +DUE ON/);
    expect(text).toContain(due.tenantId);
    const run = `--run ${due.runId} --due-on ${due.dueOn}`;
    const windows = await asked<object[]>(`deadlines --tenant ${due.tenantId} ${run}`, away);
    expect(windows).toMatchObject([{ windowNumber: 1, derivation: {} }]);
    const why = await lethe(`deadlines --tenant ${due.tenantId} ${run}`, away);
    expect(why.stdout).toContain('the newest follows from');
    expect(why.stdout).not.toContain('{');
    const other = await lethe(`deadlines --tenant ${TENANT} ${run}`, away);
    expect(other).toMatchObject({ exitCode: 2, stdout: '' });
  });

  it('sets the throttle, keeps what is not named, and shows how far a tenant is', async () => {
    const limit = 'throttle set --max-rows-per-second 5000 --quiet-hours 22:00-06:00';
    expect(await asked<object>(limit, away)).toMatchObject({
      rowsPerSecondMax: 5000,
      quietHours: { from: '22:00', to: '06:00', zone: null },
      paused: false,
      setBy: 'ops-1',
    });
    const paused = await lethe('throttle set --pause', away);
    expect(paused.stdout).toMatch(/state +paused[\s\S]*rows per second +5000/);
    const shown = await lethe(`progress --tenant ${due.tenantId}`, away);
    // Its last service ended long ago, and its rows are still live.
    expect(shown.exitCode).toBe(1);
    expect(shown.stdout).toMatch(
      /rows left +3[\s\S]*waits for +paused[\s\S]*warning +the work ends/,
    );
    const all = 'throttle set --resume --unlimited --quiet-hours none --max-threads-running 40';
    expect(await asked<object>(all, away)).toMatchObject({ rowsPerSecondMax: null, paused: false });
    const after = await asked<object>('throttle show', away);
    expect(after).toMatchObject({ quietHours: null, threadsRunningMax: 40 });
    const json = await lethe(`progress --tenant ${due.tenantId} --json`, away);
    expect(JSON.parse(json.stdout)).toMatchObject([
      { runId: due.runId, phase: 'verifying', waitsFor: null, isLate: true },
    ]);
    const none = await harness.subscribed('CVM');
    expect((await lethe(`progress --tenant ${none}`, away)).stdout).toBe('no runs\n');
  });

  it('places a freeze and lifts it with two people', async () => {
    const placed = await asked<{ freezeId: string }>('freeze set --all', away);
    const own = `--freeze ${placed.freezeId} --confirm ${placed.freezeId}`;
    for (const line of ['freeze lift --reason was-a-drill', 'freeze approve']) {
      const unasked = await lethe(`${line} --freeze ${placed.freezeId} --json`, away);
      expect(unasked).toMatchObject({ exitCode: 2, stdout: '' });
      expect(unasked.stderr).toContain('CONFIRMATION_REQUIRED');
    }
    const request = await asked<object>(`freeze lift --reason found-and-removed ${own}`, away);
    expect(request).toMatchObject({ inForce: true, liftedBy: [] });
    const list = await lethe('freeze status', away);
    expect(list.stdout).toMatch(/in force +- +ops-1/);
    const alone = await lethe(`freeze approve ${own}`, away);
    expect(alone.stderr).toMatch(/^NOT_PERMITTED: /);
    const second = await lethe(`freeze approve ${own} --approved-by ops-2`, away);
    expect(second.stdout).toMatch(/state +lifted/);
    const ledger = await sql
      .pool('root', 'evidence')
      .query('SELECT kind FROM entries WHERE subject LIKE ? ORDER BY sequence', [
        `${placed.freezeId}%`,
      ]);
    expect(ledger.map((row) => String(row['kind']))).toEqual([
      'freeze-placed',
      'freeze-lift-requested',
      'freeze-lifted',
    ]);
  });

  it('lists caps, tightens one at once and shows a looser one as pending', async () => {
    const listed = await asked<{ cap: string; pending: null }[]>('caps list', away);
    expect(listed.map(({ cap }) => cap)).toContain('tenants-per-30-days');
    const set =
      'caps set --cap store-share-per-day --confirm store-share-per-day --reason for-this-test';
    const stricter = await asked<object>(`${set} --amount 1`, away);
    expect(stricter).toMatchObject({ inForce: { amount: 1, share: 0 }, pending: null });
    const looser = await lethe(`${set} --amount 1 --percent 99.5`, away);
    expect(looser.stdout).toMatch(/1 records, or 99.5 % of .* from 20/);
    const risky = await asked<{ dueDays: object[] }>('deadlines --at-risk', away);
    expect(risky.dueDays).toMatchObject([
      { tenantId: due.tenantId, atRisk: 'store-share-per-day' },
    ]);
    expect((await lethe(`deadlines --tenant ${due.tenantId}`, away)).stdout).toContain('AT RISK');
    const status = await lethe(`status --tenant ${due.tenantId}`, away);
    expect(status.stdout).toContain('store-share-per-day: ');
  });

  it('shows trips of the circuit breaker and resets one', async () => {
    expect((await lethe('breaker status', away)).stdout).toBe('no trips\n');
    await root.execute(
      `INSERT INTO breaker_trips VALUES ('bt_commandline000001', 'mysql', 'verification', ?, ?, ?, lethe_now())`,
      [due.tenantId, due.runId, due.dueOn],
    );
    expect((await lethe('breaker status', away)).stdout).toMatch(
      /bt_commandline000001 +OPEN +mysql/,
    );
    const line = 'breaker reset --trip bt_commandline000001 --confirm bt_commandline000001';
    const reset = await asked<object>(`${line} --reason found-and-removed`, away);
    expect(reset).toMatchObject({ reset: { resetBy: 'ops-1' } });
  });

  it('keeps the register of backups', async () => {
    const add =
      'backups add --set bs_commandline000001 --store mysql --covers assets control --location s3://backups/1 ' +
      '--taken-at 2026-01-01T00:00:00Z --expires-at 2026-01-15T00:00:00Z';
    expect(await asked<object>(add, away)).toMatchObject({ covers: ['assets', 'control'] });
    expect((await lethe('backups list', away)).stdout).toContain('OVERDUE');
    const gone = 'backups expire --set bs_commandline000001 --confirm bs_commandline000001';
    expect(await asked<object>(gone, away)).toMatchObject({ expiredBy: 'ops-1' });
    expect((await lethe('backups list', away)).stdout).toContain('gone 20');
  });

  it('opens the restore gate of a store to which nothing came back', async () => {
    const check = await lethe('restore-gate check --store mysql', away);
    expect(check).toMatchObject({ exitCode: 0, stderr: '' });
    expect(check.stdout).toContain('may serve');
    const replayed = await asked<object>('restore-gate replay --store mysql --confirm mysql', away);
    expect(replayed).toMatchObject({ batches: 0, records: 0, kept: [] });
  });

  it('shows certificates as they were issued', async () => {
    await sql
      .pool('root', 'evidence')
      .execute(
        `INSERT INTO certificates VALUES ('ct_1', '${TENANT}', 'rn_1', '2026-01-01', '{"b":1,"a":2}', 'd1', '2026-01-01 00:00:00')`,
      );
    const [certificate] = await asked<object[]>(`certificate list --tenant ${TENANT}`, away);
    expect(certificate).toMatchObject({ certificateId: 'ct_1', digest: 'd1' });
    const shown = await asked<{ body: string }>('certificate show --certificate ct_1', away);
    expect(shown.body).toBe('{"b":1,"a":2}');
    const { exitCode, stderr } = await lethe('certificate show --certificate ct_2', away);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: 'INVALID_INPUT: certificate names none\n',
    });
    expect((await lethe(`certificate list --tenant ${due.tenantId}`, away)).stdout).toBe(
      'no certificates\n',
    );
  });

  it('refuses a command with exit code 1 and the key under which it may be repeated', async () => {
    const { exitCode, stdout, stderr } = await lethe(
      `attach-service --service CVM --tenant ${TENANT} --json`,
      away,
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    const { error } = JSON.parse(stderr) as { error: { code: string; message: string } };
    expect(error.code).toBe('ENGINE_UNAVAILABLE');
    expect(error.message).toMatch(/--idempotency-key cli-[0-9a-f-]{36}$/);
  });

  it('knows no tenant that is not there', async () => {
    const { exitCode, stderr } = await lethe(`status --tenant tn_cmdline00000none`, away);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^UNKNOWN_TENANT: /);
  });
});

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
    const env = { LETHE_TEMPORAL_NAMESPACE: 'tnowhere' };
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
