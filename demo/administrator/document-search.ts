import { MongoClient } from 'mongodb';
import { databaseLocation, type Count, type EnvironmentNames } from './locations';

const SOCKET_TIMEOUT_MS = 60_000;
/** The server's own log of operations expires by age; certificates name the date. */
const EXPIRING = new Set(['local']);

/**
 * Counts the documents of every collection of the server that contain `text` anywhere: in any field at
 * any depth, in a field's name or in the id. The stored bytes are searched, not a field that somebody
 * believes to be the right one.
 */
export async function searchDocuments(
  url: string,
  names: EnvironmentNames,
  text: string,
): Promise<readonly Count[]> {
  const client = new MongoClient(url, {
    socketTimeoutMS: SOCKET_TIMEOUT_MS,
    serverSelectionTimeoutMS: 5_000,
  });
  try {
    const counts: Count[] = [];
    const { databases } = await client.db('admin').admin().listDatabases({ nameOnly: true });
    for (const { name: database } of databases) {
      if (EXPIRING.has(database)) continue;
      const collections = await client
        .db(database)
        .listCollections({}, { nameOnly: true })
        .toArray();
      for (const { name: table } of collections) {
        counts.push({
          location: databaseLocation(names, { server: 'mongodb', database, table }),
          things: await countDocuments(client, { database, table }, Buffer.from(text)),
        });
      }
    }
    return counts;
  } finally {
    await client.close();
  }
}

async function countDocuments(
  client: MongoClient,
  place: { readonly database: string; readonly table: string },
  wanted: Buffer,
): Promise<number> {
  const documents = client.db(place.database).collection(place.table).find({}, { raw: true });
  let things = 0;
  for await (const document of documents) {
    if ((document as unknown as Buffer).includes(wanted)) things += 1;
  }
  return things;
}
