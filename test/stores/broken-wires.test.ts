import type { SqlPool } from '../../src/contracts/sql';
import { connectMysql } from '../../src/platform/mysql';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { until } from '../support/live-engine';
import { createFaultProxy, type Fault, type FaultProxy } from '../support/fault-proxy';

let environment: SqlEnvironment;
let proxy: FaultProxy;
let pool: SqlPool;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  const given = process.env['LETHE_MYSQL_URL'];
  const server = given === undefined ? undefined : new URL(given);
  proxy = await createFaultProxy({
    host: server?.hostname ?? process.env['LETHE_MYSQL_HOST'] ?? '127.0.0.1',
    port: Number(server?.port ?? process.env['LETHE_MYSQL_PORT']),
  });
  pool = connectMysql({
    ...environment.logins.reader,
    host: '127.0.0.1',
    port: proxy.port,
    database: `${environment.prefix}_control`,
    statementTimeoutMs: 500,
  });
});
afterEach(() => {
  proxy.set('none');
});
afterAll(async () => {
  await pool.close();
  await proxy.close();
  await environment.remove();
});

/** About 1.6 MB of rows, more than any buffer on the way holds. */
const MANY = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
  SELECT i, REPEAT('x', 1800) FROM n`;

async function count(rows: AsyncIterable<unknown>): Promise<number> {
  let seen = 0;
  for await (const row of rows) seen += row === undefined ? 0 : 1;
  return seen;
}

const FAULTS: readonly [string, (bytes: number) => Fault][] = [
  ['cut', (bytes) => ({ cutAfter: bytes })],
  ['silent', (bytes) => ({ silentAfter: bytes })],
];

describe('a wire to the SQL server that breaks', () => {
  it.each(FAULTS)(
    'ends a stream in its middle, and nobody waits for ever: %s',
    async (_, fault) => {
      expect(await count(pool.stream(MANY))).toBe(900);
      proxy.set(fault(200_000));
      await expect(count(pool.stream(MANY))).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        store: 'sql',
      });
      proxy.set('none');
      expect(await count(pool.stream(MANY))).toBe(900);
    },
  );

  it.each(FAULTS)('ends a stream before its first row: %s', async (_, fault) => {
    await pool.query('SELECT 1 AS one');
    proxy.set(fault(0));
    await expect(count(pool.stream(MANY))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it.each(FAULTS)('makes a read unavailable and a write unknown: %s', async (_, fault) => {
    await pool.query('SELECT 1 AS one');
    proxy.set(fault(0));
    await expect(pool.query('SELECT 2 AS two')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      store: 'sql',
    });
    proxy.set('none');
    await pool.query('SELECT 1 AS one');
    proxy.set(fault(0));
    await expect(pool.execute('DO SLEEP(0)')).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
  });

  it.each(FAULTS)(
    'fails a transaction in its middle and gives the next one a new wire: %s',
    async (_, fault) => {
      const broken = pool.transaction(async (sql) => {
        await sql.query('SELECT 1 AS one');
        proxy.set(fault(0));
        return sql.query('SELECT 2 AS two');
      });
      await expect(broken).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      proxy.set('none');
      expect(await pool.query('SELECT 3 AS three')).toEqual([{ three: 3 }]);
    },
  );

  it('keeps no broken connection: what is open is what works', async () => {
    await pool.query('SELECT 1 AS one');
    proxy.set({ silentAfter: 0 });
    await Promise.allSettled(Array.from({ length: 4 }, () => pool.query('SELECT 1 AS one')));
    await until(() => Promise.resolve(proxy.connections === 0));
    proxy.set('none');
    expect(await pool.query('SELECT 1 AS one')).toHaveLength(1);
  });

  it('refuses whoever waits for a connection while all of them stay taken, and gives them out again after', async () => {
    let release = (): void => undefined;
    const until = new Promise<void>((resolve) => (release = resolve));
    const holders = Array.from({ length: 4 }, () => pool.transaction(() => until));
    await expect(pool.query('SELECT 1 AS one')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    release();
    await Promise.all(holders);
    for (let turn = 0; turn < 8; turn += 1) {
      expect(await pool.query('SELECT 2 AS two')).toEqual([{ two: 2 }]);
    }
  });

  it('does not take a reader that pauses for a server that is silent', async () => {
    const seen: unknown[] = [];
    for await (const row of pool.stream(MANY)) {
      // Longer than the server may be silent, at one row only.
      if (seen.length === 1) await new Promise((resolve) => setTimeout(resolve, 1_200));
      seen.push(row);
    }
    expect(seen).toHaveLength(900);
  });
});
