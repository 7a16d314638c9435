import type { Client } from 'minio';
import type { Sql, SqlPool } from '../../src/contracts/sql';
import { LetheError } from '../../src/domain/errors';
import type { Stores } from '../../src/platform/connections';
import { kindOf, type Call } from './store-calls';
import { replacing, tappedDocuments } from './tapped-documents';

/** Where a call is broken: before it is sent, or after it was carried out and its answer is lost. */
export type Moment = 'before' | 'after';

/** The call to break: the n-th of all, or the n-th of its kind. */
export interface Target {
  readonly call: number;
  readonly kind?: string;
  readonly moment: Moment;
}

/**
 * Breaks one call to a store, as a killed worker or a lost connection would: the call is never sent, or
 * its answer never arrives. Which one is said by its number in the order of all calls, or of those of its
 * kind.
 */
export class Saboteur {
  private called: Call[] = [];
  private activity = '';
  private alike = 0;
  private target: Target | null = null;
  private dies = false;
  private struck = false;

  /** What was called since the last arming, in its order. */
  get calls(): readonly Call[] {
    return this.called;
  }

  /** True once the armed call was reached. */
  get hasStruck(): boolean {
    return this.struck;
  }

  /**
   * From now on the call of that number is broken; null breaks none. Who dies at it makes no call after it
   * either, not even to clean up.
   */
  arm(target: Target | null, then: 'goes on' | 'dies' = 'goes on'): void {
    this.called = [];
    this.alike = 0;
    this.target = target;
    this.dies = then === 'dies';
    this.struck = false;
  }

  /** From now on calls are those of that activity. */
  enter(activity: string): void {
    this.activity = activity;
  }

  /** Runs a call, unless it is the one to break. */
  async through<T>(name: string, call: () => Promise<T>): Promise<T> {
    if (this.dies && this.struck) throw lost();
    const strikes = this.isNext({ activity: this.activity, name });
    if (strikes && this.target?.moment === 'before') throw lost();
    const result = await call();
    if (strikes) throw lost();
    return result;
  }

  private isNext(call: Call): boolean {
    this.called.push(call);
    if (this.target === null || this.struck) return false;
    const { kind, call: number } = this.target;
    if (kind === undefined || kind === kindOf(call)) this.alike += 1;
    this.struck = this.alike === number;
    return this.struck;
  }
}

const lost = (): LetheError =>
  new LetheError('OUTCOME_UNKNOWN', 'the connection was cut by the test');

/** The same stores with every call to each of the three servers passing the saboteur. */
export function sabotaged(stores: Stores, saboteur: Saboteur): Stores {
  const known = new Map<object, object>();
  const once = <T extends object>(real: T, wrap: () => T): T => {
    const wrapped = (known.get(real) as T | undefined) ?? wrap();
    known.set(real, wrapped);
    return wrapped;
  };
  return {
    ...stores,
    sql: (role, database) => {
      const pool = stores.sql(role, database);
      return once(pool, () => sabotagedPool(pool, saboteur, role));
    },
    objects: (role) => {
      const client = stores.objects(role);
      return once(client, () => sabotagedClient(client, saboteur, role));
    },
    mongo: async (role) => {
      const client = await stores.mongo(role);
      return once(client, () =>
        tappedDocuments(client, (name, call) => saboteur.through(name, call)),
      );
    },
  };
}

const sabotagedSql = (sql: Sql, saboteur: Saboteur, role: string): Sql => ({
  query: (statement, params) =>
    saboteur.through(`${role}: ${statement}`, () => sql.query(statement, params)),
  execute: (statement, params) =>
    saboteur.through(`${role}: ${statement}`, () => sql.execute(statement, params)),
});

const sabotagedPool = (pool: SqlPool, saboteur: Saboteur, role: string): SqlPool => ({
  ...sabotagedSql(pool, saboteur, role),
  transaction: (work) =>
    saboteur.through(`${role}: transaction`, () =>
      pool.transaction((sql) => work(sabotagedSql(sql, saboteur, role))),
    ),
  stream: async function* (statement, params) {
    await saboteur.through(`${role}: stream`, () => Promise.resolve());
    yield* pool.stream(statement, params);
  },
  chunks: async function* (statement, params) {
    await saboteur.through(`${role}: chunks`, () => Promise.resolve());
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

const sabotagedClient = (client: Client, saboteur: Saboteur, role: string): Client =>
  replacing(client, (name, method) =>
    REMOTE.has(name)
      ? (...args) => saboteur.through(`${role}: ${name}`, () => method(...args) as Promise<unknown>)
      : undefined,
  );
