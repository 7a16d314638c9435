import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { MongoClient } from 'mongodb';
import { Client } from 'minio';

/**
 * A judge that shares no code with the engine: it asks the servers as their administrator and knows from
 * the input alone what must be there and from when on it may be gone.
 */

/** What was put in, and what may happen to it. Instants are literal, in UTC. */
export interface Expected {
  readonly tenantId: string;
  /** Rows and documents by place. */
  readonly rows: Readonly<Record<string, number>>;
  /** Earliest instant of each destruction of a key, in their order. */
  readonly notBefore: readonly string[];
  /** Legal holds over all of the tenant's data. */
  readonly holds: readonly { readonly from: string; readonly to: string }[];
  /** Nobody may touch these tenants: rows by place. */
  readonly neighbours: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** What is in the stores of one tenant. */
export interface Seen {
  readonly now: string;
  readonly rows: Readonly<Record<string, number>>;
  /** Rows by place in cohorts whose key is readable and whose two copies are complete. */
  readonly archived: Readonly<Record<string, number>>;
  readonly objects: number;
  readonly wrappings: number;
  readonly manifests: number;
  readonly verdicts: number;
  readonly stamped: number;
  readonly openPermits: number;
  readonly tombstones: readonly { readonly keyRef: string; readonly at: string }[];
  readonly readableDespiteTombstone: number;
  readonly certificates: readonly {
    readonly dueOn: string;
    readonly objectsLeft: number;
    readonly keysLeft: number;
  }[];
}

/** Findings by kind. */
export type Findings = Record<
  'lost' | 'early' | 'held' | 'cross' | 'lies' | 'ghosts' | 'dup',
  number
>;

export interface Oracle {
  see(tenantId: string): Promise<Seen>;
  /** Judges a tenant; `over` says that its life has ended and nothing may be left. */
  judge(expected: Expected, over: boolean): Promise<Findings>;
  close(): Promise<void>;
}

const TABLES = ['assets', 'asset_links', 'scans', 'image_risks'] as const;
const COLLECTIONS = ['fingerprints', 'images'] as const;

/** The line that a suite prints. */
export const line = (faults: number, findings: Findings): string =>
  [`faults=${faults}`, ...Object.entries(findings).map(([kind, n]) => `${kind}=${n}`)].join(' ');

export const nothingFound = (): Findings => ({
  ...{ lost: 0, early: 0, held: 0, cross: 0, lies: 0, ghosts: 0, dup: 0 },
});

/** Opens the administrator's connections to one environment. */
export async function createOracle(environment: {
  readonly name: string;
  readonly prefix: string;
}): Promise<Oracle> {
  const sql = await administrator();
  const mongo = await MongoClient.connect(variable('LETHE_MONGO_URL'));
  const endpoint = new URL(variable('LETHE_S3_ENDPOINT'));
  const objects = new Client({
    endPoint: endpoint.hostname,
    port: Number(endpoint.port),
    useSSL: endpoint.protocol === 'https:',
    accessKey: variable('LETHE_S3_ADMIN_ACCESS_KEY'),
    secretKey: variable('LETHE_S3_ADMIN_SECRET_KEY'),
  });
  const eyes: Eyes = { sql, mongo, objects, ...environment };
  return {
    see: (tenantId) => see(eyes, tenantId),
    judge: async (expected, over) => {
      const findings = judgeSeen(await see(eyes, expected.tenantId), expected, over);
      for (const [tenantId, rows] of Object.entries(expected.neighbours)) {
        const neighbour = await see(eyes, tenantId);
        const touched = neighbour.tombstones.length + neighbour.objects + neighbour.manifests;
        findings.cross += touched + difference(rows, neighbour.rows);
      }
      return findings;
    },
    close: async () => {
      await sql.end();
      await mongo.close();
    },
  };
}

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`the oracle needs ${name}`);
  return value;
}

async function administrator(): Promise<Connection> {
  const given = process.env['LETHE_MYSQL_URL'];
  const sql = await createConnection(
    given === undefined
      ? {
          host: variable('LETHE_MYSQL_HOST'),
          port: Number(variable('LETHE_MYSQL_PORT')),
          user: 'root',
          password: variable('LETHE_MYSQL_ADMIN_PASSWORD'),
          dateStrings: true,
        }
      : { uri: given, dateStrings: true },
  );
  await sql.query("SET time_zone = '+00:00'");
  return sql;
}

interface Eyes {
  readonly sql: Connection;
  readonly mongo: MongoClient;
  readonly objects: Client;
  readonly name: string;
  readonly prefix: string;
}

async function ask(
  { sql, prefix }: Eyes,
  text: string,
  params: readonly string[],
): Promise<RowDataPacket[]> {
  // `~` stands for the environment's prefix.
  return (await sql.query<RowDataPacket[]>(text.replaceAll('~', `${prefix}_`), [...params]))[0];
}

async function countOf(eyes: Eyes, from: string, tenantId: string): Promise<number> {
  return Number((await ask(eyes, `SELECT COUNT(*) AS n FROM ${from}`, [tenantId]))[0]?.['n']);
}

async function versionsOf(eyes: Eyes, tenantId: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const copy of ['archive', 'backup']) {
    const all = eyes.objects.listObjects(`${eyes.name}-${copy}`, `${tenantId}/`, true, {
      IncludeVersion: true,
    });
    for await (const entry of all as AsyncIterable<{ name: string; versionId: string }>) {
      found.add(`${copy} ${entry.name} ${entry.versionId}`);
    }
  }
  return found;
}

async function see(eyes: Eyes, tenantId: string): Promise<Seen> {
  const rows: Record<string, number> = {};
  for (const table of TABLES) {
    rows[`mysql:assets.${table}`] = await countOf(
      eyes,
      `~assets.${table} WHERE tenant_id = ?`,
      tenantId,
    );
  }
  let stamped = 0;
  for (const name of COLLECTIONS) {
    const documents = eyes.mongo.db(`${eyes.prefix}_assets`).collection(name);
    rows[`mongodb:assets.${name}`] = await documents.countDocuments({ tenantId });
    stamped += await documents.countDocuments({ tenantId, stamp: { $exists: true } });
  }
  const versions = await versionsOf(eyes, tenantId);
  const cohorts = await cohortsOf(eyes, tenantId, versions);
  const archived: Record<string, number> = {};
  for (const { complete, keysLeft, counts } of cohorts) {
    if (!complete || keysLeft === 0) continue;
    for (const [place, n] of counts) archived[place] = (archived[place] ?? 0) + n;
  }
  const issued = await ask(
    eyes,
    'SELECT CAST(run_id AS CHAR) AS run_id, CAST(due_on AS CHAR) AS due_on FROM ~evidence.certificates WHERE tenant_id = ?',
    [tenantId],
  );
  const tombstones = await ask(
    eyes,
    'SELECT CAST(key_ref AS CHAR) AS key_ref, destroyed_at FROM ~keys.key_tombstones WHERE tenant_id = ? ORDER BY destroyed_at',
    [tenantId],
  );
  const keysOf = `~keys.key_wrappings w JOIN ~keys.data_keys k ON k.key_ref = w.key_ref`;
  return {
    now: String((await ask(eyes, 'SELECT ~control.lethe_now() AS now', []))[0]?.['now']),
    ...{ rows, archived, stamped, objects: versions.size },
    wrappings: await countOf(eyes, `${keysOf} WHERE k.tenant_id = ?`, tenantId),
    manifests: await countOf(
      eyes,
      '~control.manifests m JOIN ~control.runs r ON r.run_id = m.run_id WHERE r.tenant_id = ?',
      tenantId,
    ),
    verdicts: await countOf(
      eyes,
      '~control.verifications v JOIN ~control.runs r ON r.run_id = v.run_id WHERE r.tenant_id = ?',
      tenantId,
    ),
    openPermits: await countOf(
      eyes,
      '~control.permits WHERE tenant_id = ? AND used_at IS NULL AND revoked_at IS NULL',
      tenantId,
    ),
    tombstones: tombstones.map((row) => ({
      keyRef: String(row['key_ref']),
      at: String(row['destroyed_at']),
    })),
    readableDespiteTombstone: await countOf(
      eyes,
      '~keys.key_tombstones t JOIN ~keys.key_wrappings w ON w.key_ref = t.key_ref WHERE t.tenant_id = ?',
      tenantId,
    ),
    certificates: issued.map((row) => {
      const dueOn = String(row['due_on']);
      const cohort = cohorts.find((each) => each.runId === row['run_id'] && each.dueOn === dueOn);
      return { dueOn, objectsLeft: cohort?.objectsLeft ?? 0, keysLeft: cohort?.keysLeft ?? 0 };
    }),
  };
}

interface SeenCohort {
  readonly runId: string;
  readonly dueOn: string;
  readonly complete: boolean;
  readonly objectsLeft: number;
  readonly keysLeft: number;
  readonly counts: readonly (readonly [string, number])[];
}

async function cohortsOf(
  eyes: Eyes,
  tenantId: string,
  versions: ReadonlySet<string>,
): Promise<readonly SeenCohort[]> {
  const found = await ask(
    eyes,
    'SELECT CAST(run_id AS CHAR) AS run_id, CAST(due_on AS CHAR) AS due_on FROM ~control.cohorts WHERE tenant_id = ?',
    [tenantId],
  );
  return Promise.all(
    found.map(async (row): Promise<SeenCohort> => {
      const [runId, dueOn] = [String(row['run_id']), String(row['due_on'])];
      const pinned = await ask(
        eyes,
        `SELECT CONCAT(copy, ' ', object_name, ' ', version_id) AS version FROM ~control.manifest_objects WHERE run_id = ? AND due_on = ?`,
        [runId, dueOn],
      );
      const left = pinned.filter((each) => versions.has(String(each['version']))).length;
      const keys = await ask(
        eyes,
        'SELECT COUNT(*) AS n FROM ~control.cohort_keys c JOIN ~keys.key_wrappings w ON w.key_ref = c.key_ref WHERE c.run_id = ? AND c.due_on = ?',
        [runId, dueOn],
      );
      const counts = await ask(
        eyes,
        'SELECT CAST(location AS CHAR) AS location, records FROM ~control.cohort_counts WHERE run_id = ? AND due_on = ?',
        [runId, dueOn],
      );
      return {
        ...{ runId, dueOn, objectsLeft: left, keysLeft: Number(keys[0]?.['n']) },
        complete: pinned.length > 0 && left === pinned.length,
        counts: counts.map((each) => [String(each['location']), Number(each['records'])] as const),
      };
    }),
  );
}

const instant = (text: string): number =>
  Date.parse(text.endsWith('Z') ? text : `${text.replace(' ', 'T')}Z`);
const total = (rows: Readonly<Record<string, number>>): number =>
  Object.values(rows).reduce((sum, n) => sum + n, 0);

function difference(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): number {
  const places = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...places].reduce((sum, at) => sum + Math.abs((a[at] ?? 0) - (b[at] ?? 0)), 0);
}

function judgeSeen(seen: Seen, expected: Expected, over: boolean): Findings {
  const findings = nothingFound();
  const { rows, archived, tombstones, certificates } = seen;
  // Nothing may be missing until the first destruction may happen.
  const first = Math.min(...expected.notBefore.map(instant));
  if (instant(seen.now) < first || tombstones.length === 0) {
    for (const [place, n] of Object.entries(expected.rows)) {
      findings.lost += Math.max(0, n - (rows[place] ?? 0) - (archived[place] ?? 0));
    }
  }
  tombstones.forEach(({ at }, index) => {
    const allowed = expected.notBefore[index];
    if (allowed === undefined || instant(at) < instant(allowed)) findings.early += 1;
    const inHold = ({ from, to }: { from: string; to: string }): boolean =>
      instant(at) >= instant(from) && instant(at) < instant(to);
    if (expected.holds.some(inHold)) findings.held += 1;
  });
  findings.lies += seen.readableDespiteTombstone;
  for (const { objectsLeft, keysLeft } of certificates) findings.lies += objectsLeft + keysLeft;
  if (certificates.length > 0) findings.lies += total(rows);
  if (over) findings.ghosts += total(rows) + seen.objects + seen.wrappings + seen.stamped;
  findings.dup += Math.max(
    certificates.length - new Set(certificates.map(({ dueOn }) => dueOn)).size,
    tombstones.length - expected.notBefore.length,
    0,
  );
  return findings;
}
