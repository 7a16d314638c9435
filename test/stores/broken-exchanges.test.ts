import type { MongoClient } from 'mongodb';
import { speaking } from '../../src/activities/mongo/failures';
import { asking } from '../../src/activities/objects/failures';
import type { SqlPool } from '../../src/contracts/sql';
import { connectMongo } from '../../src/platform/mongo';
import { connectMysql } from '../../src/platform/mysql';
import { connectObjects } from '../../src/platform/objects';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { createFaultProxy, type FaultProxy, type WireFault } from '../support/fault-proxy';

/** How long a server may be silent here, and within what a caller knows it, in milliseconds. */
const SILENCE_MS = 500;
const BOUND_MS = 5_000;
/** The driver looks for a lost server twice a second at most. */
const DOCUMENT_SILENCE_MS = 1_500;

type ServerKind = 'sql' | 'documents' | 'objects';
/** A read and a write of one server through a wire that can be broken. */
interface Wire {
  readonly proxy: FaultProxy;
  readonly read: () => Promise<unknown>;
  readonly write: () => Promise<unknown>;
  close(): Promise<void>;
}

let environment: SqlEnvironment;
const wires = new Map<ServerKind, Wire>();

async function sqlWire(): Promise<Wire> {
  const given = process.env['LETHE_MYSQL_URL'];
  const server = given === undefined ? undefined : new URL(given);
  const proxy = await createFaultProxy({
    host: server?.hostname ?? process.env['LETHE_MYSQL_HOST'] ?? '127.0.0.1',
    port: Number(server?.port ?? process.env['LETHE_MYSQL_PORT']),
  });
  const pool: SqlPool = connectMysql({
    ...environment.logins.reader,
    ...{ host: '127.0.0.1', port: proxy.port, database: `${environment.prefix}_control` },
    statementTimeoutMs: SILENCE_MS,
  });
  return {
    proxy,
    read: () => pool.query('SELECT 1 AS one'),
    write: () => pool.execute('DO SLEEP(0)'),
    close: () => pool.close(),
  };
}

async function documentWire(): Promise<Wire> {
  const url = new URL(process.env['LETHE_MONGO_URL'] ?? '');
  const proxy = await createFaultProxy({ host: url.hostname, port: Number(url.port) });
  url.host = `127.0.0.1:${proxy.port}`;
  url.searchParams.set('directConnection', 'true');
  const client: MongoClient = await connectMongo(url.href, {
    silenceTimeoutMs: DOCUMENT_SILENCE_MS,
  });
  const facts = client.db(`${environment.prefix}_wires`).collection('facts');
  return {
    proxy,
    read: () => speaking('read', () => facts.countDocuments({})),
    write: () => speaking('write', () => facts.insertOne({ tenantId: 'tn_1' })),
    close: async () => {
      await client.db(`${environment.prefix}_wires`).dropDatabase();
      await client.close();
    },
  };
}

async function objectWire(): Promise<Wire> {
  const endpoint = new URL(process.env['LETHE_S3_ENDPOINT'] ?? '');
  const proxy = await createFaultProxy({ host: endpoint.hostname, port: Number(endpoint.port) });
  const client = connectObjects({
    endpoint: `http://127.0.0.1:${proxy.port}`,
    ...{ region: 'us-east-1', pathStyle: true, silenceTimeoutMs: SILENCE_MS },
    accessKey: process.env['LETHE_S3_ADMIN_ACCESS_KEY'] ?? '',
    secretKey: process.env['LETHE_S3_ADMIN_SECRET_KEY'] ?? '',
  });
  const bucket = `${environment.name}-wires`;
  await client.makeBucket(bucket);
  return {
    proxy,
    read: () => asking('read', () => client.bucketExists(bucket)),
    write: () => asking('write', () => client.putObject(bucket, 'one', 'text')),
    close: async () => {
      await client.removeObject(bucket, 'one');
      await client.removeBucket(bucket);
    },
  };
}

beforeAll(async () => {
  environment = await createSqlEnvironment();
  wires.set('sql', await sqlWire());
  wires.set('documents', await documentWire());
  wires.set('objects', await objectWire());
});
afterAll(async () => {
  for (const wire of wires.values()) {
    wire.proxy.set('none');
    await wire.close();
    await wire.proxy.close();
  }
  await environment.remove();
});

function wireTo(server: ServerKind): Wire {
  const wire = wires.get(server);
  if (wire === undefined) throw new Error(`there is no wire to ${server}`);
  return wire;
}

/** The code that a call ends with, `done` or what hung; and that it ended in time. */
async function outcomeOf(call: () => Promise<unknown>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<string>((resolve) => {
    timer = setTimeout(() => {
      resolve('hung');
    }, BOUND_MS);
  });
  const ended = call().then(
    () => 'done',
    (error: unknown) => String((error as { code?: unknown }).code ?? error),
  );
  const outcome = await Promise.race([ended, hung]);
  clearTimeout(timer);
  return outcome;
}

const SERVERS: readonly ServerKind[] = ['sql', 'documents', 'objects'];
const BREAKING: readonly WireFault[] = [
  ...(['drop-request', 'drop-response', 'half-request'] as const),
  ...(['half-response', 'reset', 'reset-after'] as const),
];
const SLOWING: readonly WireFault[] = ['latency', 'slow'];
const pairs = (faults: readonly WireFault[]): (readonly [ServerKind, WireFault])[] =>
  SERVERS.flatMap((server) => faults.map((fault) => [server, fault] as const));
/** More exchanges than a call and the driver's own questions have. */
const MANY = 1_000;

describe('an exchange with a server that breaks', () => {
  it.each(pairs(BREAKING))(
    'makes a read unavailable and a write unknown in bounded time: %s, %s [AB-1]',
    async (server, fault) => {
      const { proxy, read, write } = wireTo(server);
      proxy.set('none');
      expect(await outcomeOf(read)).toBe('done');
      proxy.set({ strike: fault, at: 1, times: MANY });
      expect(await outcomeOf(read)).toBe('STORE_UNAVAILABLE');
      proxy.set('none');
      expect(await outcomeOf(read)).toBe('done');
      proxy.set({ strike: fault, at: 1, times: MANY });
      expect(await outcomeOf(write)).toBe('OUTCOME_UNKNOWN');
      proxy.set('none');
      expect(await outcomeOf(read)).toBe('done');
      expect(proxy.struck[fault]).toBeGreaterThanOrEqual(2);
    },
  );

  it.each(pairs(SLOWING))(
    'is no failure when it is only late: %s, %s [AB-1]',
    async (server, fault) => {
      const { proxy, read, write } = wireTo(server);
      proxy.set({ strike: fault, at: 1, times: MANY });
      expect([await outcomeOf(read), await outcomeOf(write)]).toEqual(['done', 'done']);
      expect(proxy.struck[fault]).toBeGreaterThanOrEqual(2);
    },
  );

  it('strikes the exchange it was aimed at and no other', async () => {
    const { proxy, read } = wireTo('sql');
    proxy.set('none');
    await read();
    proxy.set({ strike: 'reset', at: 2 });
    expect([await outcomeOf(read), await outcomeOf(read), await outcomeOf(read)]).toEqual([
      ...['done', 'STORE_UNAVAILABLE', 'done'],
    ]);
  });
});
