import { BSON, type MongoClient } from 'mongodb';
import type { Client } from 'minio';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import {
  documentDigest,
  readCopy,
  recordName,
  rowDigest,
  unwrap,
  type Records,
} from './archive-reader';
import { versionsIn } from './list-versions';
import type { SplitSight } from './split-verdict';

/** The administrator's connections to one environment. */
export interface Eyes {
  readonly sql: Connection;
  readonly mongo: MongoClient;
  readonly objects: Client;
  readonly name: string;
  readonly prefix: string;
  /** Keys that wrap data keys, by their id. */
  readonly keks: ReadonlyMap<string, Buffer>;
}

/** Asks the SQL server; `~` stands for the environment's prefix. */
export async function ask(
  { sql, prefix }: Pick<Eyes, 'sql' | 'prefix'>,
  text: string,
  params: readonly string[],
): Promise<RowDataPacket[]> {
  return (await sql.query<RowDataPacket[]>(text.replaceAll('~', `${prefix}_`), [...params]))[0];
}

const TABLES = ['assets', 'asset_links', 'scans', 'image_risks'] as const;
const COLLECTIONS = ['fingerprints', 'images'] as const;

const NO_FRACTION = '.000000';

/** Every live record of asset data, as the bytes that the servers hold. */
export async function readLive(eyes: Eyes, tenantId: string): Promise<Records> {
  const records = new Map<string, string>();
  for (const table of TABLES) {
    const [rows] = await eyes.sql.query<RowDataPacket[]>({
      sql: `SELECT * FROM ${eyes.prefix}_assets.${table} WHERE tenant_id = ?`,
      values: [tenantId],
      typeCast: (field) => {
        const bytes = field.buffer();
        // The archive has instants as drivers write them: without a fraction that is zero.
        return field.type === 'DATETIME' && bytes?.toString().endsWith(NO_FRACTION) === true
          ? bytes.subarray(0, -NO_FRACTION.length)
          : bytes;
      },
    });
    for (const row of rows as readonly Readonly<Record<string, Buffer | null>>[]) {
      const of = (column: string): string => row[column]?.toString('utf8') ?? '';
      const name = recordName(`mysql:assets.${table}`, of('asset_id'), of('version_id'));
      records.set(name, rowDigest(Object.entries(row)));
    }
  }
  for (const collection of COLLECTIONS) {
    const documents = eyes.mongo.db(`${eyes.prefix}_assets`).collection(collection);
    for await (const raw of documents.find({ tenantId }, { raw: true })) {
      const bson = raw as unknown as Buffer;
      const { assetId, _id } = BSON.deserialize(bson);
      const name = recordName(`mongodb:assets.${collection}`, String(assetId), String(_id));
      records.set(name, documentDigest(bson));
    }
  }
  return records;
}

/** Reads what is live, what can still be read in the archive, and what certificates say is withheld. */
export async function readSplitSight(eyes: Eyes, tenantId: string): Promise<SplitSight> {
  const certificates = await ask(
    eyes,
    `SELECT CAST(run_id AS CHAR) AS run_id, CAST(due_on AS CHAR) AS due_on, body
       FROM ~evidence.certificates WHERE tenant_id = ?`,
    [tenantId],
  );
  const readable = await readableCohorts(eyes, tenantId);
  return {
    live: await readLive(eyes, tenantId),
    readable,
    outside: await readableOutside(eyes, tenantId, readable),
    certificates: certificates.map((row) => {
      const { withheld = [] } = JSON.parse(String(row['body'])) as {
        withheld?: SplitSight['certificates'][number]['withheld'];
      };
      return { keyRef: `asset:${String(row['run_id'])}:${String(row['due_on'])}`, withheld };
    }),
  };
}

async function readableCohorts(eyes: Eyes, tenantId: string): Promise<SplitSight['readable']> {
  const keys = await ask(
    eyes,
    `SELECT CAST(c.run_id AS CHAR) AS run_id, CAST(c.due_on AS CHAR) AS due_on,
            CAST(w.key_ref AS CHAR) AS key_ref, CAST(w.kek_id AS CHAR) AS kek_id, w.wrapped
       FROM ~control.cohorts c
       JOIN ~control.runs r ON r.run_id = c.run_id
       JOIN ~control.cohort_keys k ON k.run_id = c.run_id AND k.due_on = c.due_on
       JOIN ~keys.key_wrappings w ON w.key_ref = k.key_ref
      WHERE c.tenant_id = ? AND w.wrapping_number = 1`,
    [tenantId],
  );
  const found: { keyRef: string; records: Records }[] = [];
  for (const row of keys) {
    const [runId, dueOn] = [String(row['run_id']), String(row['due_on'])];
    const pinnedIn = async (copy: string): Promise<Versions> => {
      const pinned = await ask(
        eyes,
        `SELECT CAST(object_name AS CHAR) AS name, CAST(version_id AS CHAR) AS version
           FROM ~control.manifest_objects WHERE run_id = ? AND due_on = ? AND copy = ?`,
        [runId, dueOn, copy],
      );
      return new Map(pinned.map((one) => [String(one['name']), String(one['version'])]));
    };
    found.push(await readBoth(eyes, { tenantId, row }, pinnedIn));
  }
  return found;
}

/** What can be read by keys and objects alone, of runs that control does not show. */
async function readableOutside(
  eyes: Eyes,
  tenantId: string,
  known: SplitSight['readable'],
): Promise<SplitSight['outside']> {
  const keys = await ask(
    eyes,
    `SELECT CAST(w.key_ref AS CHAR) AS key_ref, CAST(w.kek_id AS CHAR) AS kek_id, w.wrapped
       FROM ~keys.data_keys k JOIN ~keys.key_wrappings w ON w.key_ref = k.key_ref
      WHERE k.tenant_id = ? AND k.key_ref LIKE 'asset:%' AND w.wrapping_number = 1`,
    [tenantId],
  );
  const found: { keyRef: string; records: Records }[] = [];
  for (const row of keys) {
    const keyRef = String(row['key_ref']);
    if (known.some((cohort) => cohort.keyRef === keyRef)) continue;
    const [, runId, dueOn] = keyRef.split(':');
    const storedIn = async (copy: string): Promise<Versions> => {
      const versions = new Map<string, string>();
      const prefix = `${tenantId}/${runId}/${dueOn}/`;
      for await (const one of versionsIn(eyes.objects, `${eyes.name}-${copy}`, prefix)) {
        versions.set(one.name, one.versionId);
      }
      return versions;
    };
    found.push(await readBoth(eyes, { tenantId, row }, storedIn));
  }
  return found;
}

/** Versions of objects by their names. */
type Versions = ReadonlyMap<string, string>;

/** What both copies of a due day hold alike. */
async function readBoth(
  eyes: Eyes,
  { tenantId, row }: { readonly tenantId: string; readonly row: RowDataPacket },
  versionsOf: (copy: string) => Promise<Versions>,
): Promise<{ readonly keyRef: string; readonly records: Records }> {
  const [keyRef, kekId] = [String(row['key_ref']), String(row['kek_id'])];
  const kek = eyes.keks.get(kekId);
  if (kek === undefined) throw new Error(`the oracle does not know the key ${kekId}`);
  const dataKey = unwrap(row['wrapped'] as Buffer, { keyRef, tenantId, kekId }, kek);
  const read = async (copy: string): Promise<Records> =>
    readVersions(eyes, { copy, versions: await versionsOf(copy), dataKey });
  const [archive, backup] = [await read('archive'), await read('backup')];
  const records = [...archive].filter(([name, digest]) => backup.get(name) === digest);
  return { keyRef, records: new Map(records) };
}

/** What one copy holds; nothing when it is not complete or cannot be opened. */
async function readVersions(
  eyes: Eyes,
  {
    copy,
    versions,
    dataKey,
  }: { readonly copy: string; readonly versions: Versions; readonly dataKey: Buffer },
): Promise<Records> {
  const manifest = [...versions.keys()].find((name) => name.endsWith('-manifest'));
  if (manifest === undefined) return new Map();
  const objectNamed = async (name: string): Promise<Buffer> => {
    const versionId = versions.get(name);
    if (versionId === undefined) throw new Error(`${name} is not pinned`);
    const stream = await eyes.objects.getObject(`${eyes.name}-${copy}`, name, { versionId });
    const chunks: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  try {
    return await readCopy(manifest, dataKey, objectNamed);
  } catch {
    // Whatever is wrong with it: nobody reads it any more.
    return new Map();
  }
}
