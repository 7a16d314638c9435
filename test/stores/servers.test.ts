import { createConnection } from 'mysql2/promise';
import { MongoClient, type Collection } from 'mongodb';
import { createServers, type Servers } from '../support/servers';

let servers: Servers;

beforeAll(async () => {
  servers = await createServers('faults');
});

afterAll(async () => {
  await servers.remove();
});

async function sql(statement: string): Promise<unknown> {
  const connection = await createConnection({
    host: servers.addresses['LETHE_MYSQL_HOST'] ?? '',
    port: Number(servers.addresses['LETHE_MYSQL_PORT']),
    user: 'root',
    password: servers.addresses['LETHE_MYSQL_ADMIN_PASSWORD'] ?? '',
  });
  try {
    return (await connection.query(statement))[0];
  } finally {
    await connection.end();
  }
}

async function withDocuments<T>(work: (facts: Collection) => Promise<T>): Promise<T> {
  const client = new MongoClient(servers.addresses['LETHE_STACK_MONGO_URL'] ?? '', {
    serverSelectionTimeoutMS: 2_000,
  });
  try {
    return await work(client.db('faults').collection('facts'));
  } finally {
    await client.close();
  }
}

/** How long a server may take to be through again, in milliseconds. */
const RECOVERY_MS = 90_000;

describe('servers that a test may break', () => {
  it('keep what the SQL server acknowledged before it was killed', async () => {
    await sql('CREATE DATABASE faults');
    await sql('CREATE TABLE faults.facts (id INT PRIMARY KEY)');
    await sql('INSERT INTO faults.facts VALUES (1), (2)');
    await servers.killServer('mysql');
    await expect(sql('SELECT 1')).rejects.toMatchObject({
      code: expect.stringMatching(/^ECONN(REFUSED|RESET)$/) as string,
    });
    await servers.restartServer('mysql');
    expect(await sql('SELECT COUNT(*) AS facts FROM faults.facts')).toEqual([{ facts: 2 }]);
  });

  it('let the document server answer again once the database behind it is back', async () => {
    await withDocuments((facts) => facts.insertMany([{ tenantId: 'tn_1' }, { tenantId: 'tn_1' }]));
    await servers.killServer('postgres');
    await expect(withDocuments((facts) => facts.countDocuments({}))).rejects.toThrow(
      /57P01|ECONN|connect/,
    );
    await servers.restartServer('postgres');
    // Connections that the server kept to its old database fail once each; then it is through again.
    const end = performance.now() + RECOVERY_MS;
    const count = async (): Promise<number> => {
      try {
        return await withDocuments((facts) => facts.countDocuments({}));
      } catch (error) {
        if (performance.now() > end) throw error;
        return count();
      }
    };
    expect(await count()).toBe(2);
  });

  it('refuse the name of a server that no stack has', async () => {
    await expect(servers.killServer('oracle' as 'mysql')).rejects.toThrow('--server is one of');
  });
});
