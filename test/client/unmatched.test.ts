import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createControlReader } from '../../src/activities/control/reader';
import { LifecycleClient } from '../../src/client/lifecycle-client';
import { ProcessKeeper } from '../../src/client/process-keeper';
import type { ControlReader } from '../../src/contracts/control-reader';
import type { UnmatchedReport } from '../../src/contracts/unmatched';
import type { DueDay, ProcessStatus } from '../../src/contracts/snapshot';
import { SWEEP_WORKFLOW_ID } from '../../src/contracts/sweep';
import { TASK_QUEUES } from '../../src/contracts/task-queues';
import { createControlHarness, subscribeTo, type ControlHarness } from '../support/control';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { runIn, type CliRun } from '../support/evidence-cli';
import { until } from '../support/live-engine';
import { snapshot } from '../support/mocked-ports';
import { insertRelease } from '../support/released-holds';
import { createSealedRun, type SealedRun } from '../support/sealed-run';
import { createTemporalEnvironment, type TemporalEnvironment } from '../support/temporal';

const folder = mkdtempSync(join(tmpdir(), 'lethe-orphans-'));
const UNKNOWN = 'tn_orphan00000unknown';
const HOLD = 'hd_orphans000000000001';
let sql: SqlEnvironment;
let engine: TemporalEnvironment;
let harness: ControlHarness;
let reader: ControlReader;
let due: SealedRun;
let plain: string;

beforeAll(async () => {
  sql = await createSqlEnvironment();
  engine = await createTemporalEnvironment(sql.name);
  harness = createControlHarness(sql);
  reader = createControlReader(sql.pool('reader'), sql.pool('reader', 'evidence'));
  due = await createSealedRun(sql, {
    ...{ tenantId: 'tn_orphans00000000due', notBeforeDaysAgo: -80 },
    ...{ collectedDaysAgo: 100, endedDaysAgo: 1 },
  });
  for (const state of ['archived', 'moved']) {
    await sql
      .pool('root')
      .execute('INSERT INTO run_states VALUES (?, ?, lethe_now())', [due.runId, state]);
  }
  writeFileSync(join(folder, 'credentials.json'), JSON.stringify({ mysql: sql.logins }), {
    mode: 0o600,
  });
});
afterAll(async () => {
  await engine.close();
  await sql.remove();
  rmSync(folder, { recursive: true });
});

/** Activities on the real control store; `destroyed` counts what nobody may do here. */
const destroyed: string[] = [];
const activities = () => ({
  ...harness.activities,
  refresh: async (order: { tenantId: string; workflowNow: string }) =>
    order.tenantId === UNKNOWN
      ? snapshot({ stage: 'retained', nextDueAt: '2199-01-01T00:00:00Z' })
      : harness.activities.refresh(order),
  destroyDue: ({ tenantId }: { tenantId: string }) => {
    destroyed.push(tenantId);
    return { done: false, blockedOn: 'test', counts: {} };
  },
  sweep: () => ({
    ...{ asOf: '2030-01-01T00:00:00Z', swept: 0, findings: [], findingsTotal: 0 },
    ...{ tenantsToWake: [], nextAt: null, more: false },
  }),
});

const env = (): Readonly<Record<string, string | undefined>> => ({
  ...process.env,
  ...{ LETHE_ENVIRONMENT: sql.name, LETHE_TEMPORAL_NAMESPACE: '' },
  ...{ LETHE_KEYS_MYSQL_URL: '', LETHE_EVIDENCE_MYSQL_URL: '' },
  LETHE_CREDENTIALS_FILE: join(folder, 'credentials.json'),
  LETHE_ACTOR: 'ops-1',
});
const lethe = (line: string): Promise<CliRun> => runIn(env(), line.split(' '));

async function orphans(): Promise<readonly (readonly [string, string | null])[]> {
  const { stdout, exitCode } = await lethe('orphans --json');
  const report = JSON.parse(stdout) as UnmatchedReport;
  expect({ exitCode, complete: report.complete }).toEqual({
    exitCode: report.unmatched.length === 0 ? 0 : 1,
    complete: true,
  });
  return report.unmatched.map(({ kind, id }) => [kind, id] as const);
}

const nameOf = (tenantId: string): string => `tenant-lifecycle:${tenantId}`;
const processOf = (tenantId: string) => engine.client.getHandle(nameOf(tenantId));
const start = (type: string, workflowId: string, ...args: readonly unknown[]) =>
  engine.client.start(type, { workflowId, taskQueue: TASK_QUEUES.workflows, args: [...args] });

/** What a process says is due, once it has read the facts. */
async function dueOf(tenantId: string): Promise<readonly DueDay[]> {
  const handle = processOf(tenantId);
  await until(async () => (await handle.query<ProcessStatus | null>('status')) !== null);
  return handle.query<readonly DueDay[]>('deadlines');
}

async function ledgerKinds(): Promise<readonly string[]> {
  const rows = await sql
    .pool('root', 'evidence')
    .query("SELECT subject FROM entries WHERE kind = 'process-rebuild-ordered'");
  return rows.map((row) => String(row['subject']));
}

describe('processes and control', () => {
  it('agree once every life has its process, and what is missing is named', async () => {
    expect(await orphans()).toEqual([
      ['tenant-without-process', due.tenantId],
      ['sweep-without-process', null],
    ]);
    await engine.whileWorking(activities(), async () => {
      await start('platformSweep', SWEEP_WORKFLOW_ID, {});
      await start('tenantLifecycle', nameOf(due.tenantId), { tenantId: due.tenantId });
      plain = harness.newTenant();
      const client = new LifecycleClient({
        connection: engine.connection,
        namespace: engine.namespace,
        control: reader,
      });
      const header = { tenantId: plain, idempotencyKey: 'k-1', requestedBy: 'console' };
      await client.command('subscribe', header, subscribeTo('CVM'));
      await dueOf(due.tenantId);
      expect(await orphans()).toEqual([]);
      const { stdout } = await lethe('orphans');
      expect(stdout).toMatch(/tenants +2/);
      expect(stdout).toMatch(/do not agree +0/);
    });
  });

  it.each([
    ['terminated', () => processOf(due.tenantId).terminate('an accident')],
    ['cancelled', () => processOf(due.tenantId).cancel()],
  ])(
    'are brought together again after one was %s: the same instants, nothing early, nothing lost [AB-1] [AB-3]',
    async (what, end) => {
      await engine.whileWorking(activities(), async () => {
        const before = await dueOf(due.tenantId);
        expect(before).toMatchObject([{ runId: due.runId, dueOn: due.dueOn }]);
        expect(Date.parse(before[0]?.deleteNotBefore ?? '')).toBeGreaterThan(Date.now());
        await end();
        await until(
          async () => (await processOf(due.tenantId).describe()).status.name !== 'RUNNING',
        );
        expect(await orphans()).toEqual([['tenant-without-process', due.tenantId]]);

        const line = `rebuild --tenant ${due.tenantId}`;
        const ordered = await ledgerKinds();
        for (const unconfirmed of [line, `${line} --confirm ${plain}`]) {
          expect((await lethe(`${unconfirmed} --json`)).stderr).toContain('CONFIRMATION_REQUIRED');
        }
        expect(await orphans()).toHaveLength(1);
        expect(await ledgerKinds()).toEqual(ordered);

        const rebuilt = await lethe(`${line} --confirm ${due.tenantId} --json`);
        expect(rebuilt).toMatchObject({ exitCode: 0, stderr: '' });
        expect(JSON.parse(rebuilt.stdout)).toMatchObject({
          id: due.tenantId,
          nextDueAt: before[0]?.deleteNotBefore,
        });
        expect(await dueOf(due.tenantId)).toEqual(before);
        expect(await processOf(due.tenantId).query<ProcessStatus>('status')).toMatchObject({
          waitsFor: `the window that opens at ${before[0]?.deleteNotBefore ?? ''}`,
        });
        expect(await orphans()).toEqual([]);
        expect(await ledgerKinds()).toHaveLength(ordered.length + 1);

        const again = await lethe(`${line} --confirm ${due.tenantId}`);
        expect(again).toMatchObject({ exitCode: 2, stdout: '' });
        expect(again.stderr).toMatch(/^PROCESS_OPEN: /);
        expect(await ledgerKinds()).toHaveLength(ordered.length + 1);
        expect({ what, destroyed }).toEqual({ what, destroyed: [] });
      });
    },
  );

  it('agree after a process was reset to its beginning, and its instants are the same [AB-1] [AB-3]', async () => {
    await engine.whileWorking(activities(), async () => {
      const before = await dueOf(due.tenantId);
      const { runId } = await processOf(due.tenantId).describe();
      const { runId: reset } = await engine.connection.workflowService.resetWorkflowExecution({
        namespace: engine.namespace,
        workflowExecution: { workflowId: nameOf(due.tenantId), runId },
        reason: 'an accident',
        // Behind the first task: everything that was decided since is decided again.
        workflowTaskFinishEventId: 4 as never,
        requestId: 'reset-1',
      });
      expect(reset).not.toBe(runId);
      expect(await dueOf(due.tenantId)).toEqual(before);
      expect(await orphans()).toEqual([]);
      expect(destroyed).toEqual([]);
    });
  });

  it('are not doubled by a second start under the same name', async () => {
    await engine.whileWorking(activities(), async () => {
      const { runId } = await processOf(plain).describe();
      await expect(start('tenantLifecycle', nameOf(plain), { tenantId: plain })).rejects.toThrow(
        /already started/,
      );
      expect((await processOf(plain).describe()).runId).toBe(runId);
      expect(await orphans()).toEqual([]);
    });
  });

  it('disagree over a process of nobody, one without a tenant in its name, and a name that is taken', async () => {
    await engine.whileWorking(activities(), async () => {
      await start('tenantLifecycle', nameOf(UNKNOWN), { tenantId: UNKNOWN });
      await start('tenantLifecycle', 'somebody-else', { tenantId: UNKNOWN });
      await processOf(plain).terminate('an accident');
      await start('platformSweep', nameOf(plain), {});
      const expected = [
        ['name-taken', plain],
        ['process-of-no-tenant', null],
        ['process-of-unknown-tenant', UNKNOWN],
      ];
      await until(async () => (await orphans()).length === expected.length);
      expect([...(await orphans())].sort()).toEqual(expected);
      const refused = await lethe(`rebuild --tenant ${plain} --confirm ${plain}`);
      expect(refused.stderr).toMatch(/^PROCESS_OPEN: /);

      for (const workflowId of [nameOf(UNKNOWN), 'somebody-else', nameOf(plain)]) {
        await engine.client.getHandle(workflowId).terminate('an intruder');
      }
      expect((await lethe(`rebuild --tenant ${plain} --confirm ${plain}`)).exitCode).toBe(0);
      await until(async () => (await orphans()).length === 0);
      // A worker that goes away while it reads would leave the next one waiting for a minute.
      await dueOf(plain);
    });
  });

  it('disagree over a process of a tenant that has ended, which cannot be rebuilt', async () => {
    await engine.whileWorking(activities(), async () => {
      await dueOf(plain);
      const ended: ControlReader = {
        ...reader,
        status: async (tenantId) => {
          const status = await reader.status(tenantId);
          return tenantId === plain && status !== null ? { ...status, ended: true } : status;
        },
      };
      const { connection, namespace } = engine;
      const keeper = new ProcessKeeper({ connection, namespace, control: ended });
      expect((await keeper.findUnmatched()).unmatched).toEqual([
        { kind: 'process-of-ended-tenant', id: plain, workflowId: nameOf(plain) },
      ]);
      await expect(keeper.rebuild(plain)).rejects.toMatchObject({ code: 'LIFECYCLE_ENDED' });
      await expect(keeper.rebuild(UNKNOWN)).rejects.toMatchObject({ code: 'UNKNOWN_TENANT' });
    });
  });

  it('disagree over a hold whose process is lost: it stays in force, and can be released again [CC-4]', async () => {
    await engine.whileWorking(activities(), async () => {
      const ground = join(folder, 'ground.json');
      writeFileSync(ground, '{"case":"x"}');
      const facts = '--review-on 2199-01-31 --matter mt-1 --ground-kind audit --owner legal-1';
      const place = `hold place --hold ${HOLD} --tenant ${plain} --ground ${ground} ${facts}`;
      expect(await lethe(place)).toMatchObject({ exitCode: 0 });
      expect(await orphans()).toEqual([]);
      await engine.client.getHandle(`hold:${HOLD}`).terminate('an accident');
      expect(await orphans()).toEqual([['hold-without-process', HOLD]]);
      expect((await reader.hold(HOLD))?.release).toBeNull();
      const placed = await reader.hold(HOLD);

      expect((await lethe(`rebuild --hold ${HOLD} --confirm ${HOLD}`)).exitCode).toBe(0);
      await until(async () => (await orphans()).length === 0);
      expect(await reader.hold(HOLD)).toEqual(placed);
      for (const decision of ['release', 'approve --approved-by dpo-2']) {
        const line = `hold ${decision} --hold ${HOLD} --confirm ${plain}`;
        expect(await lethe(line)).toMatchObject({ exitCode: 0 });
      }
      expect((await reader.hold(HOLD))?.approved).toMatchObject({ approvedBy: 'dpo-2' });
      expect((await reader.hold(HOLD))?.release).toBeNull();
      expect(await orphans()).toEqual([]);
      await engine.client.getHandle(`hold:${HOLD}`).terminate('an accident');
      await insertRelease(sql.pool('root', 'control'), HOLD, { hoursAgo: 1 });
      const over = await lethe(`rebuild --hold ${HOLD} --confirm ${HOLD}`);
      expect(over.stderr).toMatch(/^UNKNOWN_HOLD: /);
      await until(async () => (await orphans()).length === 0);
    });
  });
});

describe('lethe rebuild', () => {
  it.each([
    ['rebuild', 'INVALID_INPUT'],
    ['rebuild --tenant tn_1 --confirm tn_1', 'INVALID_TENANT_ID'],
    [`rebuild --tenant ${UNKNOWN} --confirm ${UNKNOWN}`, 'UNKNOWN_TENANT'],
    [`rebuild --tenant ${UNKNOWN} --hold ${HOLD} --confirm x`, 'INVALID_INPUT'],
    [`rebuild --hold hd_nobody0000000001 --confirm hd_nobody0000000001`, 'UNKNOWN_HOLD'],
  ])('%s is refused with %s, and nothing is recorded', async (line, code) => {
    const ordered = await ledgerKinds();
    const run = await lethe(`${line} --json`);
    expect(run).toMatchObject({ exitCode: 2, stdout: '' });
    expect(JSON.parse(run.stderr)).toMatchObject({ error: { code } });
    expect(await ledgerKinds()).toEqual(ordered);
  });

  it('and lethe orphans say that the engine is away when it is', async () => {
    const away = { ...env(), LETHE_TEMPORAL_ADDRESS: '127.0.0.1:1' };
    for (const line of ['orphans', `rebuild --tenant ${plain} --confirm ${plain}`]) {
      const run = await runIn(away, line.split(' '));
      expect(run).toMatchObject({ exitCode: 1, stdout: '' });
      expect(run.stderr).toMatch(/^ENGINE_UNAVAILABLE: /);
    }
  });
});
