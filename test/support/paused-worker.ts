import type { MongoClient } from 'mongodb';
import type { Client } from 'minio';
import type { Sql, SqlPool, SqlValue } from '../../src/contracts/sql';
import { LetheError } from '../../src/domain/errors';
import type { Stores } from '../../src/platform/connections';
import { replacing, tappedDocuments } from './tapped-documents';

/** A call that a worker was about to send when it was paused. */
export interface PausedCall {
  /** The statement with its parameters, or the operation with its place. */
  readonly text: string;
  /** The worker wakes: the call is sent. */
  wake(): void;
  /** The call is sent and carried out, but its answer never arrives. */
  loseAnswer(): void;
}

interface Armed {
  readonly pattern: RegExp;
  skip: number;
  readonly stopped: (call: PausedCall) => void;
}

/**
 * Pauses workers between two of their calls, as a machine that stops for a while does: the call is
 * stopped before it leaves, and goes out unchanged whenever the test says so.
 */
export class Pauses {
  private armed: Armed[] = [];

  /** Stops the next call whose text matches, after letting `skip` of them pass. */
  stopNext(pattern: RegExp, skip = 0): Promise<PausedCall> {
    return new Promise((stopped) => {
      this.armed.push({ pattern, skip, stopped });
    });
  }

  /** Nobody is stopped any more. */
  disarm(): void {
    this.armed = [];
  }

  /** Sends a call, unless somebody waits to stop it. */
  async through<T>(describe: () => string, call: () => Promise<T>): Promise<T> {
    if (this.armed.length === 0) return call();
    const text = describe();
    const stop = this.armed.find(({ pattern }) => pattern.test(text));
    if (stop === undefined) return call();
    if (stop.skip > 0) {
      stop.skip -= 1;
      return call();
    }
    this.armed = this.armed.filter((other) => other !== stop);
    const arrives = await new Promise<boolean>((decide) => {
      stop.stopped({
        text,
        wake: () => {
          decide(true);
        },
        loseAnswer: () => {
          decide(false);
        },
      });
    });
    const answer = await call();
    if (arrives) return answer;
    throw new LetheError('OUTCOME_UNKNOWN', 'the answer was lost by the test');
  }
}

/** The same stores, with every call that changes or reads something passing the pauses. */
export function pausing(stores: Stores, pauses: Pauses): Stores {
  const pools = new Map<SqlPool, SqlPool>();
  const clients = new Map<object, object>();
  const once = <T extends object>(real: T, wrap: () => T): T => {
    const known = (clients.get(real) as T | undefined) ?? wrap();
    clients.set(real, known);
    return known;
  };
  return {
    ...stores,
    sql: (role, database) => {
      const pool = stores.sql(role, database);
      const known = pools.get(pool) ?? pausingPool(pool, pauses, role);
      pools.set(pool, known);
      return known;
    },
    objects: (role) => {
      const client = stores.objects(role);
      return once(client, () => pausingObjects(client, pauses, role));
    },
    mongo: async (role) => {
      const client = await stores.mongo(role);
      return once(client, () => pausingDocuments(client, pauses));
    },
  };
}

const described = (role: string, statement: string, params: readonly SqlValue[] = []): string =>
  `${role}: ${statement} ${params.map(String).join(' ')}`;

const pausingSql = (sql: Sql, pauses: Pauses, role: string): Sql => ({
  query: (statement, params) =>
    pauses.through(
      () => described(role, statement, params),
      () => sql.query(statement, params),
    ),
  execute: (statement, params) =>
    pauses.through(
      () => described(role, statement, params),
      () => sql.execute(statement, params),
    ),
});

const pausingPool = (pool: SqlPool, pauses: Pauses, role: string): SqlPool => ({
  ...pausingSql(pool, pauses, role),
  transaction: (work) => pool.transaction((sql) => work(pausingSql(sql, pauses, role))),
  stream: (statement, params) => pool.stream(statement, params),
  chunks: (statement, params) => pool.chunks(statement, params),
  close: () => pool.close(),
});

/** What a method of the object store's client is asked, as far as a test chooses by it. */
function describeRequest(role: string, method: string, args: readonly unknown[]): string {
  const [first, name] = args;
  if (typeof first === 'string') return `${role}: ${method} ${first} ${String(name)}`;
  const request = (first ?? {}) as Readonly<Record<string, unknown>>;
  const parts = ['method', 'bucketName', 'objectName', 'query'].map((key) => request[key] ?? '');
  return `${role}: ${method} ${parts.map(String).join(' ')}`;
}

/** Methods that change something at the object store. */
const WRITES = new Set(['makeRequestAsync', 'removeObject', 'setObjectLegalHold']);

type Method = (...args: unknown[]) => Promise<unknown>;

const pausingObjects = (client: Client, pauses: Pauses, role: string): Client =>
  replacing(client, (name, method) =>
    WRITES.has(name)
      ? (...args) =>
          pauses.through(
            () => describeRequest(role, name, args),
            () => (method as Method)(...args),
          )
      : undefined,
  );

const pausingDocuments = (client: MongoClient, pauses: Pauses): MongoClient =>
  tappedDocuments(client, (name, call) => pauses.through(() => name, call));
