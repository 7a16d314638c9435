import { createPool, type Pool, type PoolConnection, type ResultSetHeader } from 'mysql2/promise';
import { LetheError, isLetheError } from '../domain/errors';
import type { Sql, SqlPool, SqlRow, SqlValue } from '../contracts/sql';
import { arriving } from './arriving-rows';
import { cutConnection, rawOf } from './cut-connection';
import { silence, translateSqlFailure } from './mysql-failures';

/** Address and login of one account. */
export interface MysqlLogin {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Database that unqualified names mean. */
  readonly database: string;
  readonly connectionsMax?: number;
  /** PEM text of the authority that signed the server's certificate; absent: not encrypted. */
  readonly tlsCa?: string;
  /** Longest wait for the answer to a statement or for the next row, in milliseconds. */
  readonly statementTimeoutMs?: number;
}

/** How long a server may be silent before its connection is cut, in milliseconds. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** Shorter than an activity's heartbeat, so that a store that is away is noticed by us. */
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * What every connection starts with. The driver's own `timezone` does not set the session's; the modes
 * turn cut-off ids and impossible dates into errors; a delete without a key is refused.
 */
const SESSION = [
  "SET time_zone = '+00:00'",
  "SET sql_mode = 'TRADITIONAL,NO_ENGINE_SUBSTITUTION'",
  'SET sql_safe_updates = 1',
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  'SET SESSION innodb_lock_wait_timeout = 15',
];

/**
 * Opens a pool for one account. The driver's dangerous conveniences are off: no local files, no
 * multiple statements, no implicit conversions of ids, instants as text in UTC.
 */
export function connectMysql(login: MysqlLogin): SqlPool {
  const pool = createPool({
    host: login.host,
    port: login.port,
    user: login.user,
    password: login.password,
    database: login.database,
    connectionLimit: login.connectionsMax ?? 4,
    connectTimeout: CONNECT_TIMEOUT_MS,
    ...(login.tlsCa !== undefined && { ssl: { ca: login.tlsCa, rejectUnauthorized: true } }),
    charset: 'utf8mb4',
    timezone: 'Z',
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    jsonStrings: true,
    multipleStatements: false,
    flags: ['-LOCAL_FILES', '-FOUND_ROWS'],
  });
  const on: Lender = { pool, statementMs: login.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS };
  return {
    query: (sql, params) => withConnection(on, (session) => session.query(sql, params)),
    execute: (sql, params) => withConnection(on, (session) => session.execute(sql, params)),
    transaction: (work) => withConnection(on, (session) => inTransaction(session, work)),
    stream: async function* (sql, params) {
      const query = { sql, params: params ?? [], waitingMax: ROWS_ONE_BY_ONE };
      for await (const chunk of streamChunks(on, query)) yield* chunk;
    },
    chunks: (sql, params) =>
      streamChunks(on, { sql, params: params ?? [], waitingMax: ROWS_TOGETHER }),
    close: async () => {
      await pool.end();
    },
  };
}

/** Rows that wait where they come many at a time: a few hundred bytes each. */
const ROWS_TOGETHER = 500;
/** Rows that wait where they come one by one: each may hold the ids of a whole batch. */
const ROWS_ONE_BY_ONE = 8;

/** A pool and how long it waits for a statement. */
interface Lender {
  readonly pool: Pool;
  readonly statementMs: number;
}

const prepared = new WeakSet<object>();

async function borrow({ pool, statementMs }: Lender): Promise<PoolConnection> {
  try {
    const connection = await lend(pool, statementMs);
    if (prepared.has(connection.connection)) return connection;
    for (const statement of SESSION) {
      await inTime(connection, statementMs, connection.query(statement));
    }
    prepared.add(connection.connection);
    return connection;
  } catch (error) {
    throw translateSqlFailure(error, 'before');
  }
}

/**
 * Takes a connection from the pool, and stops waiting when all of them stay taken: whoever waits for a
 * connection while it holds one itself would otherwise wait for ever. Nothing was sent.
 */
async function lend(pool: Pool, milliseconds: number): Promise<PoolConnection> {
  const lending = pool.getConnection();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      lending.then(
        (connection) => {
          connection.release();
        },
        () => undefined,
      );
      reject(silence());
    }, milliseconds);
  });
  try {
    return await Promise.race([lending, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function withConnection<T>(lender: Lender, work: (on: Sql) => Promise<T>): Promise<T> {
  const connection = await borrow(lender);
  let broken = false;
  const { statementMs } = lender;
  try {
    return await work({
      query: async (sql, params = []) =>
        (await send({ connection, statementMs }, sql, params)) as SqlRow[],
      execute: async (sql, params = []) => {
        const header = (await send({ connection, statementMs }, sql, params)) as ResultSetHeader;
        return { affectedRows: header.affectedRows };
      },
    });
  } catch (error) {
    broken = isLetheError(error) && BREAKING.has(error.code);
    throw error;
  } finally {
    if (broken) cutConnection(connection);
    else connection.release();
  }
}

/** After these a connection may be in the middle of something. */
const BREAKING: ReadonlySet<string> = new Set(['OUTCOME_UNKNOWN', 'STORE_UNAVAILABLE']);

async function inTransaction<T>(on: Sql, work: (sql: Sql) => Promise<T>): Promise<T> {
  await on.query('START TRANSACTION');
  try {
    const result = await work(on);
    await on.query('COMMIT');
    return result;
  } catch (error) {
    // A connection that is gone has rolled back by itself.
    await on.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Transaction control cannot be prepared on every server; everything else is. */
const PLAIN = /^(START TRANSACTION|COMMIT|ROLLBACK)$/;

async function send(
  {
    connection,
    statementMs,
  }: { readonly connection: PoolConnection; readonly statementMs: number },
  sql: string,
  params: readonly SqlValue[],
): Promise<unknown> {
  params.forEach(assertBindable);
  const work = PLAIN.test(sql)
    ? connection.query(sql)
    : connection.execute(
        sql,
        params.map((value) => (typeof value === 'bigint' ? value.toString() : value)),
      );
  try {
    const [result] = await inTime(connection, statementMs, work);
    return result;
  } catch (error) {
    throw translateSqlFailure(error, /^\s*SELECT/i.test(sql) ? 'read' : 'write');
  }
}

/**
 * Stops waiting for a server that has fallen silent. The driver would wait for ever: what it closes, it
 * closes politely, and a statement on its way is not told. The server may still carry it out.
 */
async function inTime<T>(
  connection: PoolConnection,
  milliseconds: number,
  work: Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silent = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      cutConnection(connection);
      reject(silence());
    }, milliseconds);
  });
  try {
    return await Promise.race([work, silent]);
  } finally {
    clearTimeout(timer);
  }
}

/** An undefined id or an invalid date must never reach a statement. */
function assertBindable(value: unknown, index: number): void {
  const safe =
    value === null ||
    typeof value === 'string' ||
    typeof value === 'bigint' ||
    (typeof value === 'number' && Number.isSafeInteger(value)) ||
    Buffer.isBuffer(value);
  if (!safe) {
    throw new LetheError(
      'UNSAFE_STATEMENT',
      `parameter ${index + 1} is neither text, a safe integer, binary nor null`,
    );
  }
}

async function* streamChunks(
  lender: Lender,
  query: {
    readonly sql: string;
    readonly params: readonly SqlValue[];
    readonly waitingMax: number;
  },
): AsyncGenerator<readonly (readonly unknown[])[]> {
  const { sql, params, waitingMax } = query;
  params.forEach(assertBindable);
  const connection = await borrow(lender);
  let finished = false;
  try {
    const statement = { sql, values: [...params], rowsAsArray: true };
    yield* arriving(rawOf(connection), { statement, silenceMs: lender.statementMs, waitingMax });
    finished = true;
  } catch (error) {
    throw translateSqlFailure(error, 'read');
  } finally {
    // A reader that stops early leaves a running query behind: its connection goes.
    if (finished) connection.release();
    else cutConnection(connection);
  }
}

/**
 * Proves at start-up that a session cannot move the clock that deadlines are compared with.
 *
 * @throws LetheError CLOCK_UNSAFE when SYSDATE follows SET timestamp.
 */
export async function probeClock(pool: SqlPool): Promise<void> {
  await pool.transaction(async (sql) => {
    const moved = await sql.execute('SET timestamp = 86400').then(
      () => true,
      () => false,
    );
    const rows = await sql.query('SELECT YEAR(SYSDATE(6)) AS year');
    if (moved) await sql.execute('SET timestamp = DEFAULT');
    // No answer is no proof.
    if (!(Number(rows[0]?.['year']) >= 2000)) {
      throw new LetheError(
        'CLOCK_UNSAFE',
        'SYSDATE follows SET timestamp; start the server without --sysdate-is-now',
      );
    }
  });
}
