import { types } from 'node:util';
import { createPool, type Pool, type PoolConnection, type ResultSetHeader } from 'mysql2/promise';
import { FAILURES, LetheError, type FailureCode } from '../domain/errors';
import type { Sql, SqlPool, SqlRow, SqlValue } from '../contracts/sql';
import { arriving, type RowSource } from './arriving-rows';

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
}

/** How long one statement may take before its connection is destroyed, in milliseconds. */
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
  return {
    query: (sql, params) => withConnection(pool, (on) => on.query(sql, params)),
    execute: (sql, params) => withConnection(pool, (on) => on.execute(sql, params)),
    transaction: (work) => withConnection(pool, (on) => inTransaction(on, work)),
    stream: async function* (sql, params) {
      for await (const chunk of streamChunks(pool, sql, params ?? [])) yield* chunk;
    },
    chunks: (sql, params) => streamChunks(pool, sql, params ?? []),
    close: async () => {
      await pool.end();
    },
  };
}

const prepared = new WeakSet<object>();

async function borrow(pool: Pool): Promise<PoolConnection> {
  try {
    const connection = await pool.getConnection();
    if (!prepared.has(connection.connection)) {
      for (const statement of SESSION) await connection.query(statement);
      prepared.add(connection.connection);
    }
    return connection;
  } catch (error) {
    throw translate(error, 'before');
  }
}

async function withConnection<T>(pool: Pool, work: (on: Sql) => Promise<T>): Promise<T> {
  const connection = await borrow(pool);
  let broken = false;
  try {
    return await work({
      query: async (sql, params = []) => (await send(connection, sql, params)) as SqlRow[],
      execute: async (sql, params = []) => {
        const header = (await send(connection, sql, params)) as ResultSetHeader;
        return { affectedRows: header.affectedRows };
      },
    });
  } catch (error) {
    broken = isLetheFailure(error, 'OUTCOME_UNKNOWN') || isLetheFailure(error, 'STORE_UNAVAILABLE');
    throw error;
  } finally {
    if (broken) connection.destroy();
    else connection.release();
  }
}

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
  connection: PoolConnection,
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
  const timer = setTimeout(() => {
    // The server may still carry it out; destroying the connection at least stops us from waiting.
    connection.destroy();
  }, STATEMENT_TIMEOUT_MS);
  try {
    const [result] = await work;
    return result;
  } catch (error) {
    throw translate(error, /^\s*SELECT/i.test(sql) ? 'read' : 'write');
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

const CONNECTION_LOST = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR',
  'ER_SERVER_SHUTDOWN',
  'ER_CON_COUNT_ERROR',
  'EHOSTUNREACH',
]);
const CONTENTION = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT']);

/**
 * Driver errors embed statements and values; what leaves here has a stable code and neither. A write
 * whose answer was lost is `unknown`, never assumed to have failed.
 */
function translate(error: unknown, phase: 'before' | 'read' | 'write'): unknown {
  if (error instanceof LetheError || !types.isNativeError(error)) return error;
  const { code = '', sqlState, sqlMessage } = error as DriverError;
  if (sqlState === '45000') return ofProcedure(sqlMessage ?? '');
  if (CONTENTION.has(code)) {
    return new LetheError(
      'STORE_UNAVAILABLE',
      'the SQL store is contended; the transaction was rolled back',
    );
  }
  if (isLost(error)) {
    return phase === 'write'
      ? new LetheError('OUTCOME_UNKNOWN', 'the SQL store lost the connection during a write')
      : new LetheError('STORE_UNAVAILABLE', 'the SQL store cannot be reached');
  }
  const failure = new Error(`the SQL store refused a statement: ${code}`);
  failure.name = 'SqlStoreError';
  return Object.assign(failure, { code });
}

interface DriverError extends Error {
  readonly code?: string;
  readonly sqlState?: string;
  readonly sqlMessage?: string;
}

const isLost = (error: DriverError): boolean =>
  CONNECTION_LOST.has(error.code ?? '') ||
  /closed state|connection.*(lost|closed)/i.test(error.message);

/** Guarded procedures refuse with `CODE: what happened`. */
function ofProcedure(message: string): LetheError {
  const [, code = '', text = ''] = /^([A-Z_]+): (.*)$/.exec(message) ?? [];
  return code in FAILURES
    ? new LetheError(code as FailureCode, text)
    : new LetheError('NOT_PERMITTED', 'a guarded procedure refused');
}

const isLetheFailure = (error: unknown, code: FailureCode): boolean =>
  error instanceof LetheError && error.code === code;

async function* streamChunks(
  pool: Pool,
  sql: string,
  params: readonly SqlValue[],
): AsyncGenerator<readonly (readonly unknown[])[]> {
  params.forEach(assertBindable);
  const connection = await borrow(pool);
  let finished = false;
  try {
    const raw = connection.connection as unknown as RowSource;
    yield* arriving(raw, { sql, values: [...params], rowsAsArray: true });
    finished = true;
  } catch (error) {
    throw translate(error, 'read');
  } finally {
    // A reader that stops early leaves a running query behind: its connection goes.
    if (finished) connection.release();
    else connection.destroy();
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
    if (Number(rows[0]?.['year']) < 2000) {
      throw new LetheError(
        'CLOCK_UNSAFE',
        'SYSDATE follows SET timestamp; start the server without --sysdate-is-now',
      );
    }
  });
}
