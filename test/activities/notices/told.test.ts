import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { orderNew } from '../../../src/activities/notices/order-notices';
import { NOTICE_TYPES, UNTOLD_TABLES } from '../../../src/domain/notices';
import { ROLE_GRANTS } from '../../../src/platform/migrate/grants';
import type { SqlPool } from '../../../src/contracts/sql';
import { createSqlEnvironment, type SqlEnvironment } from '../../support/environment';

const TENANT = 'tn_told000000000001';

let environment: SqlEnvironment;
let root: SqlPool;
beforeAll(async () => {
  environment = await createSqlEnvironment({ simulation: true });
  root = environment.pool('root');
});
afterAll(() => environment.remove());

const toldTables = async (): Promise<readonly string[]> => {
  const rows = await root.query(
    `SELECT DISTINCT event_object_table AS name FROM information_schema.triggers
      WHERE trigger_schema = ? AND trigger_name LIKE 'notice\\_of\\_%'`,
    [`${environment.prefix}_control`],
  );
  return rows.map((row) => String(row['name']));
};

/** What commands, holds and runs write. */
const factTables = (): ReadonlySet<string> =>
  new Set(ROLE_GRANTS.control.insert.map((name) => name.replace('control.', '')));

describe('what is told', () => {
  it('is every table of facts, or the table has a reason why nobody is told', async () => {
    const told = await toldTables();
    const untold: readonly string[] = Object.keys(UNTOLD_TABLES);
    const facts = factTables();
    expect(facts.size).toBeGreaterThan(30);
    expect([...facts].filter((name) => !told.includes(name) && !untold.includes(name))).toEqual([]);
    expect(untold.filter((name) => told.includes(name))).toEqual([]);
    for (const reason of Object.values(UNTOLD_TABLES)) expect(reason.length).toBeGreaterThan(20);
  });

  it('has a type for everything that triggers write, and nothing else has one', async () => {
    const folder = join(__dirname, '../../../schema/mysql/control');
    const schema = readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .filter((text) => text.includes('TRIGGER {{control}}.notice_of_'))
      .join('\n');
    const written = [...schema.matchAll(/'([a-z]+\.[a-z-]+)'/g)].map(([, type = '']) => type);
    const states = await statesOf(['run_states', 'cohort_states']);
    const all = new Set([...written, ...states]);
    expect([...all].filter((type) => !Object.hasOwn(NOTICE_TYPES, type))).toEqual([]);
    expect(Object.keys(NOTICE_TYPES).filter((type) => !all.has(type))).toEqual([]);
  });

  it('cannot be written, changed or taken back by any login', async () => {
    for (const role of Object.keys(ROLE_GRANTS) as (keyof typeof ROLE_GRANTS)[]) {
      const pool = environment.pool(role);
      await expect(
        pool.execute(
          `INSERT INTO ${environment.prefix}_control.notices VALUES ('nt_1', NULL, 'x', '2030-01-01', '{}', '2030-01-01')`,
        ),
      ).rejects.toThrow(/DENIED/);
      await expect(
        pool.execute(
          `CALL ${environment.prefix}_control.give_notice('x', NULL, 'x', '2030-01-01', '{}')`,
        ),
      ).rejects.toThrow(/DENIED/);
    }
  });
});

/** States as the columns' own comments list them. */
async function statesOf(tables: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const table of tables) {
    const rows = await root.query(
      `SELECT column_comment AS words FROM information_schema.columns
        WHERE table_schema = ? AND table_name = ? AND column_name = 'state'`,
      [`${environment.prefix}_control`, table],
    );
    const words = String(rows[0]?.['words'])
      .split(', ')
      .filter((word) => word !== 'certified');
    found.push(...words.map((word) => `${table.replace('_states', '')}.${word}`));
  }
  return found;
}

const count = async (pool: Pick<SqlPool, 'query'>, tenant = TENANT): Promise<number> => {
  const rows = await pool.query('SELECT COUNT(*) AS n FROM notices WHERE tenant_id = ?', [tenant]);
  return Number(rows[0]?.['n']);
};

const insertRequest = (pool: Pick<SqlPool, 'execute'>, id: string) =>
  pool.execute(
    `INSERT INTO deletion_requests (tenant_id, request_id, record_class, received_at)
     VALUES (?, ?, 'console-configuration-data', lethe_now())`,
    [TENANT, id],
  );

describe('a notice', () => {
  it('is committed with its fact: both or neither', async () => {
    const control = environment.pool('control');
    await expect(
      control.transaction(async (sql) => {
        await insertRequest(sql, 'rq_rolledback');
        expect(await count(sql)).toBe(1);
        throw new Error('the process dies here');
      }),
    ).rejects.toThrow('dies here');
    expect(await count(root)).toBe(0);
    await control.transaction((sql) => insertRequest(sql, 'rq_committed1'));
    expect(await count(root)).toBe(1);
  });

  it('is given its place after its transaction, however late that commits, and never twice', async () => {
    const control = environment.pool('control');
    const notifier = environment.pool('notifier');
    await orderNew(notifier, { thorough: true });
    let late: () => void = () => undefined;
    let begun: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (late = resolve));
    const started = new Promise<void>((resolve) => (begun = resolve));
    const slow = control.transaction(async (sql) => {
      await insertRequest(sql, 'rq_slow000001');
      begun();
      await held;
    });
    await started;
    await control.transaction((sql) => insertRequest(sql, 'rq_fast000001'));
    // Ordering waits for nobody: the slow transaction is open, the fast one's notice has its place.
    await orderNew(notifier, { thorough: false });
    expect(await places()).toEqual(['rq_committed1', 'rq_fast000001']);
    late();
    await slow;
    await Promise.all([1, 2, 3].map(() => orderNew(notifier, { thorough: false })));
    expect(await places()).toEqual(['rq_committed1', 'rq_fast000001', 'rq_slow000001']);
  });

  it('is found by a thorough look when its transaction was open for longer than an hour', async () => {
    const notifier = environment.pool('notifier');
    await root.execute(
      `INSERT INTO notices VALUES ('nt_ages', ?, 'deletion.requested', lethe_now(),
         '{"requestId":"rq_ages000001"}', lethe_now() - INTERVAL 2 HOUR)`,
      [TENANT],
    );
    await orderNew(notifier, { thorough: false });
    expect(await places()).toHaveLength(3);
    await orderNew(notifier, { thorough: true });
    expect((await places()).at(-1)).toBe('rq_ages000001');
  });
});

async function places(): Promise<readonly string[]> {
  const rows = await root.query(
    `SELECT n.data FROM notice_order o JOIN notices n ON n.notice_id = o.notice_id
      WHERE n.tenant_id = ? ORDER BY o.sequence`,
    [TENANT],
  );
  return rows.map((row) => (JSON.parse(String(row['data'])) as { requestId: string }).requestId);
}
