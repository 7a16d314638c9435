import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertIcsCalendar } from 'ts-ics';
import { orderNew } from '../../src/activities/notices/order-notices';
import type { ReceiverRecord } from '../../src/activities/notices/register';
import type { NoticeEvent } from '../../src/domain/notices';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { answerOf, evidenceVariables, runIn, type CliRun } from '../support/evidence-cli';
import { createSealedRun } from '../support/sealed-run';

const TENANT = 'tn_notices000000001a';
const folder = mkdtempSync(join(tmpdir(), 'lethe-cli-'));
let sql: SqlEnvironment;

beforeAll(async () => {
  sql = await createSqlEnvironment();
  await createSealedRun(sql, { tenantId: TENANT });
  await orderNew(sql.pool('notifier'), { thorough: true });
});
afterAll(async () => {
  await sql.remove();
  rmSync(folder, { recursive: true });
});

/** A command line whose workflow engine is away: receivers are registered all the same. */
const lethe = (line: string): Promise<CliRun> => {
  const variables = evidenceVariables(folder, {
    environment: sql.name,
    credentials: { mysql: sql.logins },
    keys: '{}',
  });
  const own = {
    LETHE_ACTOR: 'ops-1',
    LETHE_TEMPORAL_ADDRESS: '127.0.0.1:1',
    LETHE_NOTICE_ALLOW_HTTP: 'hooks.test:8080',
  };
  return runIn({ ...variables, ...own }, line.split(' '));
};

const asked = async <T>(line: string): Promise<T> => answerOf(await lethe(`${line} --json`)) as T;

const receivers = () => asked<readonly ReceiverRecord[]>('notice receiver list');

describe('lethe notice', () => {
  it('registers, shows and disables receivers; the name is typed once more before one is disabled', async () => {
    expect(await receivers()).toEqual([]);
    const added = await asked<ReceiverRecord>(
      `notice receiver add --name console --url https://hooks.example.com/lethe --tenant ${TENANT} --type run.sealed deadline.set`,
    );
    expect(added).toMatchObject({
      ...{ name: 'console', kind: 'webhook', address: 'https://hooks.example.com/lethe' },
      ...{ tenantId: TENANT, kinds: ['run.sealed', 'deadline.set'], addedBy: 'ops-1', ended: null },
    });
    const mail = await lethe('notice receiver add --name dpo --mail dpo@example.com --language zh');
    expect(mail.stdout).toContain('the process could not be told and looks by itself');
    expect((await receivers()).map(({ name }) => name)).toEqual(['console', 'dpo']);

    const unconfirmed = await lethe('notice receiver disable --name dpo --json');
    expect(unconfirmed).toMatchObject({ exitCode: 2, stdout: '' });
    expect(unconfirmed.stderr).toContain('CONFIRMATION_REQUIRED');
    const disabled = await asked<ReceiverRecord>(
      'notice receiver disable --name dpo --confirm dpo',
    );
    expect(disabled.ended).toMatchObject({ by: 'ops-1', cause: 'operator' });
  });

  it.each([
    ['receiver add --name x --url http://hooks.example.com/', 'url'],
    ['receiver add --name x --url https://10.0.0.1/', 'url'],
    ['receiver add --name x --url https://hooks.example.com/?key=canary', 'url'],
    ['receiver add --name x', 'url'],
    ['receiver add --name x --mail nobody', 'address'],
    ['receiver add --name x --url http://hooks.test:8080/ --mail a@b.test', 'url'],
    ['receiver disable --name nobody --confirm nobody', 'name'],
    ['replay --receiver nobody', 'name'],
    ['replay --receiver console --from x', 'from'],
    ['replay --receiver console --set-aside --from 1', 'set-aside'],
    ['set-aside --receiver nobody', 'name'],
    ['list --after -1', 'after'],
    ['calendar --out /nowhere/at/all/feed.ics', 'out'],
  ])('refuses %s by its field, without repeating a value', async (line, field) => {
    const before = await receivers();
    const { exitCode, stdout, stderr } = await lethe(`notice ${line} --json`);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'INVALID_INPUT', field } });
    expect(stderr).not.toContain('canary');
    expect(await receivers()).toEqual(before);
  });

  it('lists what was told, in order, as it is sent', async () => {
    const told = await asked<{ notices: readonly NoticeEvent[]; next: number | null }>(
      `notice list --tenant ${TENANT}`,
    );
    expect(told.next).toBeNull();
    const types = told.notices.map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(['lethe.run.planned', 'lethe.run.sealed']));
    expect(told.notices.every(({ subject }) => subject === TENANT)).toBe(true);
    const one = await asked<{ notices: readonly NoticeEvent[] }>('notice list --type run.sealed');
    expect(new Set(one.notices.map(({ type }) => type))).toEqual(new Set(['lethe.run.sealed']));
  });

  it('asks for a replay', async () => {
    const replay = await asked<{ from: number; to: number }>(
      'notice replay --receiver console --from 1 --to 2',
    );
    expect(replay).toMatchObject({ from: 1, to: 2 });
  });

  it('lists what a receiver has set aside, calls for a person, and has it delivered again', async () => {
    expect(await asked('notice set-aside')).toEqual([]);
    await sql.pool('notifier').execute(
      `INSERT INTO notice_attempts (receiver, line, sequence, attempt, notices, outcome, reason,
         http_status, attempted_at) VALUES ('console', '', 2, 9, 1, 'set-aside', 'rejected', 422, lethe_now())`,
    );
    const shown = await lethe('notice set-aside --receiver console --json');
    expect(shown).toMatchObject({ exitCode: 1, stderr: '' });
    const [one] = JSON.parse(shown.stdout) as readonly object[];
    expect(one).toMatchObject({ receiver: 'console', sequence: 2, tenantId: TENANT });
    expect(one).toMatchObject({ httpStatus: 422, askedAgain: false });
    const list = await lethe('notice receiver list --json');
    expect(list.exitCode).toBe(1);
    expect(JSON.parse(list.stdout)).toMatchObject([{ name: 'console', setAside: 1 }, {}]);
    expect((await lethe('notice set-aside')).stdout).toContain('422');

    const again = 'notice replay --receiver console --set-aside';
    expect(await asked(again)).toEqual({ places: [2] });
    expect(await asked(again)).toEqual({ places: [] });
    const after = await lethe('notice set-aside --json');
    expect(JSON.parse(after.stdout)).toMatchObject([{ sequence: 2, askedAgain: true }]);
  });

  it('writes the calendar whole, over the one before', async () => {
    const file = join(folder, 'deadlines.ics');
    for (const language of ['en', 'zh']) {
      const { dates } = await asked<{ dates: number }>(
        `notice calendar --out ${file} --language ${language}`,
      );
      expect(dates).toBeGreaterThan(0);
      const { events } = convertIcsCalendar(undefined, readFileSync(file, 'utf8'));
      expect(events).toHaveLength(dates);
    }
    expect(readFileSync(file, 'utf8').replaceAll('\r\n ', '')).toContain('可以开始销毁');
    expect(readdirSync(folder).filter((name) => name.includes('draft'))).toEqual([]);
  });
});
