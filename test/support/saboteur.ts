import type { Client } from 'minio';
import type { Sql, SqlPool } from '../../src/contracts/sql';
import { LetheError } from '../../src/domain/errors';
import type { Stores } from '../../src/platform/connections';

/** Where a call is broken: before it is sent, or after it was carried out and its answer is lost. */
export type Moment = 'before' | 'after';

/**
 * Breaks one call to a store, as a killed worker or a lost connection would: the call is never sent, or
 * its answer never arrives. Which one is said by its number in the order of all calls.
 */
export class Saboteur {
  private calls = 0;
  private target: { readonly call: number; readonly moment: Moment } | null = null;
  private dies = false;

  /** Calls since the last arming. */
  get count(): number {
    return this.calls;
  }

  /** True once the armed call was reached. */
  get hasStruck(): boolean {
    return this.target !== null && this.calls >= this.target.call;
  }

  /**
   * From now on the call of that number is broken; null breaks none. Who dies at it makes no call after it
   * either, not even to clean up.
   */
  arm(
    target: { readonly call: number; readonly moment: Moment } | null,
    then: 'goes on' | 'dies' = 'goes on',
  ): void {
    this.calls = 0;
    this.target = target;
    this.dies = then === 'dies';
  }

  /** Runs a call, unless it is the one to break. */
  async through<T>(call: () => Promise<T>): Promise<T> {
    if (this.dies && this.hasStruck) throw lost();
    this.calls += 1;
    const strikes = this.calls === this.target?.call;
    if (strikes && this.target?.moment === 'before') throw lost();
    const result = await call();
    if (strikes) throw lost();
    return result;
  }
}

const lost = (): LetheError =>
  new LetheError('OUTCOME_UNKNOWN', 'the connection was cut by the test');

/** The same stores with every call to SQL and to the object store passing the saboteur. */
export function sabotaged(stores: Stores, saboteur: Saboteur): Stores {
  const pools = new Map<SqlPool, SqlPool>();
  const clients = new Map<Client, Client>();
  return {
    ...stores,
    sql: (role, database) => {
      const pool = stores.sql(role, database);
      const known = pools.get(pool) ?? sabotagedPool(pool, saboteur);
      pools.set(pool, known);
      return known;
    },
    objects: (role) => {
      const client = stores.objects(role);
      const known = clients.get(client) ?? sabotagedClient(client, saboteur);
      clients.set(client, known);
      return known;
    },
  };
}

const sabotagedSql = (sql: Sql, saboteur: Saboteur): Sql => ({
  query: (statement, params) => saboteur.through(() => sql.query(statement, params)),
  execute: (statement, params) => saboteur.through(() => sql.execute(statement, params)),
});

const sabotagedPool = (pool: SqlPool, saboteur: Saboteur): SqlPool => ({
  ...sabotagedSql(pool, saboteur),
  transaction: (work) =>
    saboteur.through(() => pool.transaction((sql) => work(sabotagedSql(sql, saboteur)))),
  stream: async function* (statement, params) {
    await saboteur.through(() => Promise.resolve());
    yield* pool.stream(statement, params);
  },
  chunks: async function* (statement, params) {
    await saboteur.through(() => Promise.resolve());
    yield* pool.chunks(statement, params);
  },
  close: () => pool.close(),
});

/** Calls of the client that reach the server. */
const REMOTE = new Set([
  'makeRequestAsync',
  'getObject',
  'statObject',
  'removeObject',
  'setObjectLegalHold',
  'getObjectLegalHold',
  'listObjectsQuery',
  'listIncompleteUploadsQuery',
]);

function sabotagedClient(client: Client, saboteur: Saboteur): Client {
  return new Proxy(client, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const method = value as (...args: unknown[]) => Promise<unknown>;
      if (typeof name !== 'string' || !REMOTE.has(name)) return method.bind(target);
      return (...args: unknown[]) => saboteur.through(() => method.apply(target, args));
    },
  });
}
