import type { Collection, Db, MongoClient } from 'mongodb';

/** Lets a call to the document store through, or not; says with a name what is called. */
export type Tap = <T>(name: string, call: () => Promise<T>) => Promise<T>;

type Method = (...args: unknown[]) => unknown;

/** A proxy that replaces some methods and leaves the others alone. */
export const replacing = <T extends object>(
  target: T,
  replace: (name: string, method: Method) => Method | undefined,
): T =>
  new Proxy(target, {
    get: (real, name) => {
      const value: unknown = Reflect.get(real, name);
      if (typeof value !== 'function') return value;
      const method = (value as Method).bind(real);
      return (typeof name === 'string' ? replace(name, method) : undefined) ?? method;
    },
  });

/** Methods of a collection that make one call each. */
const CALLS = new Set(['insertMany', 'updateMany', 'deleteMany', 'countDocuments', 'findOne']);
/** Methods that begin a reading. */
const READINGS = new Set(['find', 'aggregate']);
/** Methods of a cursor that give a cursor. */
const REFINEMENTS = new Set(['sort', 'project', 'limit']);

/** The same client, each of whose calls passes a tap: changes, counts, and the first answer of a reading. */
export const tappedDocuments = (client: MongoClient, tap: Tap): MongoClient =>
  replacing(client, (name, method) =>
    name === 'db' ? (...args) => tappedDatabase(method(...args) as Db, tap) : undefined,
  );

const tappedDatabase = (database: Db, tap: Tap): Db =>
  replacing(database, (name, method) =>
    name === 'collection'
      ? (...args) => tappedCollection(method(...args) as Collection, tap)
      : undefined,
  );

const tappedCollection = (collection: Collection, tap: Tap): Collection =>
  replacing(collection, (name, method) => {
    const called = `documents: ${name} ${collection.collectionName}`;
    if (CALLS.has(name)) return (...args) => tap(called, () => method(...args) as Promise<unknown>);
    if (!READINGS.has(name)) return undefined;
    return (...args) => tappedCursor(method(...args) as object, { tap, called, isFirst: true });
  });

interface Reading {
  readonly tap: Tap;
  readonly called: string;
  /** What follows the first answer was asked for already, or is asked for in the same way. */
  isFirst: boolean;
}

const tappedCursor = (cursor: object, reading: Reading): object =>
  replacing(cursor, (name, method) => {
    if (REFINEMENTS.has(name)) return (...args) => tappedCursor(method(...args) as object, reading);
    if (name !== 'next' && name !== 'toArray') return undefined;
    return (...args) => {
      const call = (): Promise<unknown> => method(...args) as Promise<unknown>;
      if (!reading.isFirst) return call();
      reading.isFirst = false;
      return reading.tap(reading.called, call);
    };
  });
