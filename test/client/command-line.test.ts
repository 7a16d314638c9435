import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SqlPool } from '../../src/contracts/sql';
import { createCommandLine, ENGINE_AWAY as away, type CommandLine } from '../support/command-line';
import type { ControlHarness } from '../support/control';
import { createSealedRun, type SealedRun } from '../support/sealed-run';

const TENANT = 'tn_cmdline0000000001';
let commands: CommandLine;
let root: SqlPool;
let harness: ControlHarness;
let due: SealedRun;

beforeAll(async () => {
  commands = await createCommandLine();
  root = commands.sql.pool('root');
  harness = commands.control;
  due = await createSealedRun(commands.sql, { tenantId: 'tn_cmdline0000000due' });
});
afterAll(() => commands.remove());

const lethe: CommandLine['lethe'] = (...call) => commands.lethe(...call);
const asked: CommandLine['asked'] = (...call) => commands.asked(...call);

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
    const ledger = await commands.sql
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

  it('shows certificates as they were issued', async () => {
    await commands.sql
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

  it('names what a refusal of the database is about, which has no field of its own', async () => {
    const tenantId = await harness.subscribed('CVM');
    const { freezeId } = await asked<{ freezeId: string }>(`freeze set --tenant ${tenantId}`, away);
    const { exitCode, stderr } = await lethe(
      `freeze approve --freeze ${freezeId} --approved-by ops-2 --confirm ${tenantId} --json`,
      away,
    );
    expect(exitCode).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'NOT_PERMITTED', field: 'freeze' },
    });
  });

  it.each([
    'signer list',
    'deadlines',
    'order report --from 2030-01-01 --to 2030-02-01',
    `plan --tenant ${TENANT}`,
  ])('says once what is set wrongly when the login is not of here: %s', async (line) => {
    const elsewhere = { env: { LETHE_ENVIRONMENT: 'elsewhere' } };
    const { exitCode, stdout, stderr } = await lethe(`${line} --json`, elsewhere);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'CONFIGURATION_INVALID', field: 'LETHE_CREDENTIALS_FILE' },
    });
    const silent = { env: { LETHE_MYSQL_URL: 'mysql://root@127.0.0.1:1/' } };
    const away = await lethe(`${line} --json`, silent);
    expect(away).toMatchObject({ exitCode: 1, stdout: '' });
    expect(JSON.parse(away.stderr)).toMatchObject({ error: { code: 'STORE_UNAVAILABLE' } });
  });

  it('leaves nothing behind when a file cannot be made', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lethe-out-'));
    const taken = join(folder, 'a-folder');
    mkdirSync(taken);
    const { exitCode, stderr } = await lethe(`notice calendar --out ${taken} --json`, away);
    expect(exitCode).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({ error: { field: 'out' } });
    expect(readdirSync(folder)).toEqual(['a-folder']);
    rmSync(folder, { recursive: true });
  });
});
