import { createConnection, type Connection } from 'mysql2/promise';
import { MongoClient } from 'mongodb';
import { Client } from 'minio';
import type { Records } from './archive-reader';
import { ask, readLive, readSplitSight, type Eyes } from './split-sight';
import { archivedOutside, judgeSplit } from './split-verdict';
import {
  addUp,
  excess,
  judgeSeen,
  type Expected,
  type Findings,
  type Rows,
  type Seen,
} from './verdict';
import { versionsIn } from './list-versions';

/**
 * A judge that shares no code with the engine: it asks the servers as their administrator and knows from
 * the input alone what must be there and from when on it may be gone.
 */

export interface Oracle {
  see(tenantId: string): Promise<Seen>;
  /** Every live record of asset data with a digest of its bytes. */
  recordsOf(tenantId: string): Promise<Records>;
  /** Judges a tenant; `over` says that its life has ended and nothing may be left. */
  judge(expected: Expected, over: boolean): Promise<Findings>;
  close(): Promise<void>;
}

const TABLES = ['assets', 'asset_links', 'scans', 'image_risks'] as const;
const COLLECTIONS = ['fingerprints', 'images'] as const;
/** Places of configuration, each counted by generation. */
const SETTINGS = ['console_settings', 'configuration_changes'] as const;
const SETTING_COLLECTIONS = ['detection_settings', 'whitelists'] as const;

/** Opens the administrator's connections to one environment. */
export async function createOracle(environment: {
  readonly name: string;
  readonly prefix: string;
  readonly keks?: ReadonlyMap<string, Buffer>;
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
  const { name, prefix, keks = new Map<string, Buffer>() } = environment;
  const eyes: Eyes = { sql, mongo, objects, name, prefix, keks };
  return {
    see: (tenantId) => see(eyes, tenantId),
    recordsOf: (tenantId) => readLive(eyes, tenantId),
    judge: async (expected, over) => {
      const { tenantId: judged, split } = expected;
      const known = await see(eyes, judged);
      const sight = split === undefined ? null : await readSplitSight(eyes, judged);
      const isLost = sight !== null && split?.isLost === true;
      const outside = isLost ? archivedOutside(sight) : {};
      const seen = { ...known, archived: sumOf(known.archived, outside) };
      const findings = judgeSeen(seen, expected, over);
      if (sight !== null) addUp(findings, judgeSplit(sight, seen, expected));
      for (const [tenantId, rows] of Object.entries(expected.neighbours)) {
        const neighbour = await see(eyes, tenantId);
        const touched = neighbour.tombstones.length + neighbour.objects + neighbour.manifests;
        findings.cross += touched + excess(rows, neighbour.rows) + excess(neighbour.rows, rows);
      }
      return findings;
    },
    close: async () => {
      await sql.end();
      await mongo.close();
    },
  };
}

/** Rows of two together, place by place. */
function sumOf(some: Rows, others: Rows): Rows {
  const sum = { ...some };
  for (const [place, n] of Object.entries(others)) sum[place] = (sum[place] ?? 0) + n;
  return sum;
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

async function countOf(eyes: Eyes, from: string, tenantId: string): Promise<number> {
  return Number((await ask(eyes, `SELECT COUNT(*) AS n FROM ${from}`, [tenantId]))[0]?.['n']);
}

async function versionsOf(eyes: Eyes, tenantId: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const copy of ['archive', 'backup']) {
    const all = versionsIn(eyes.objects, `${eyes.name}-${copy}`, `${tenantId}/`);
    for await (const { name, versionId } of all) {
      found.add(`${copy} ${name} ${versionId}`);
    }
  }
  return found;
}

/** Configuration by place and generation; a place without any is left out. */
async function settingsOf(eyes: Eyes, tenantId: string): Promise<Rows> {
  const rows: Record<string, number> = {};
  const count = (place: string, generation: unknown): void => {
    const name = `${place} ${String(generation)}`;
    rows[name] = (rows[name] ?? 0) + 1;
  };
  for (const table of SETTINGS) {
    const from = `SELECT CAST(asset_id AS CHAR) AS name FROM ~configuration.${table} WHERE tenant_id = ?`;
    for (const row of await ask(eyes, from, [tenantId])) {
      count(`mysql:configuration.${table}`, row['name']);
    }
  }
  for (const name of SETTING_COLLECTIONS) {
    const documents = eyes.mongo.db(`${eyes.prefix}_configuration`).collection(name);
    for await (const document of documents.find({ tenantId })) {
      count(`mongodb:configuration.${name}`, document['assetId']);
    }
  }
  return rows;
}

/** Documents that carry the stamp of an attempt. */
async function stampedOf(eyes: Eyes, tenantId: string): Promise<number> {
  let stamped = 0;
  for (const [database, names] of [
    ['assets', COLLECTIONS],
    ['configuration', SETTING_COLLECTIONS],
  ] as const) {
    for (const name of names) {
      const documents = eyes.mongo.db(`${eyes.prefix}_${database}`).collection(name);
      stamped += await documents.countDocuments({ tenantId, stamp: { $exists: true } });
    }
  }
  return stamped;
}

async function see(eyes: Eyes, tenantId: string): Promise<Seen> {
  const rows: Record<string, number> = { ...(await settingsOf(eyes, tenantId)) };
  for (const table of TABLES) {
    rows[`mysql:assets.${table}`] = await countOf(
      eyes,
      `~assets.${table} WHERE tenant_id = ?`,
      tenantId,
    );
  }
  for (const name of COLLECTIONS) {
    const documents = eyes.mongo.db(`${eyes.prefix}_assets`).collection(name);
    rows[`mongodb:assets.${name}`] = await documents.countDocuments({ tenantId });
  }
  const stamped = await stampedOf(eyes, tenantId);
  const versions = await versionsOf(eyes, tenantId);
  const cohorts = await cohortsOf(eyes, tenantId, versions);
  const archived: Record<string, number> = {};
  for (const { counts } of cohorts.filter((cohort) => cohort.complete && cohort.keysLeft > 0)) {
    for (const [place, n] of counts) archived[place] = (archived[place] ?? 0) + n;
  }
  const issued = await ask(
    eyes,
    'SELECT CAST(run_id AS CHAR) AS run_id, CAST(due_on AS CHAR) AS due_on FROM ~evidence.certificates WHERE tenant_id = ?',
    [tenantId],
  );
  const tombstones = await ask(
    eyes,
    'SELECT CAST(key_ref AS CHAR) AS key_ref, CAST(kind AS CHAR) AS kind, destroyed_at FROM ~keys.key_tombstones WHERE tenant_id = ? ORDER BY destroyed_at',
    [tenantId],
  );
  const keysOf = `~keys.key_wrappings w JOIN ~keys.data_keys k ON k.key_ref = w.key_ref`;
  return {
    now: String((await ask(eyes, 'SELECT ~control.lethe_now() AS now', []))[0]?.['now']),
    ...{ rows, archived, stamped, objects: versions.size },
    wrappings: await countOf(eyes, `${keysOf} WHERE k.tenant_id = ?`, tenantId),
    readableKeys: await countOf(
      eyes,
      '~keys.data_keys k WHERE k.tenant_id = ? AND EXISTS (SELECT 1 FROM ~keys.key_wrappings w WHERE w.key_ref = k.key_ref)',
      tenantId,
    ),
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
      kind: String(row['kind']),
    })),
    splits: await countOf(eyes, '~control.cohort_splits WHERE tenant_id = ?', tenantId),
    splitVerdicts: await countOf(
      eyes,
      '~control.split_verdicts v JOIN ~control.runs r ON r.run_id = v.run_id WHERE r.tenant_id = ?',
      tenantId,
    ),
    readableDespiteTombstone: await countOf(
      eyes,
      '~keys.key_tombstones t JOIN ~keys.key_wrappings w ON w.key_ref = t.key_ref WHERE t.tenant_id = ?',
      tenantId,
    ),
    certificates: issued.map((row) => {
      const dueOn = String(row['due_on']);
      const cohort = cohorts.find((each) => each.runId === row['run_id'] && each.dueOn === dueOn);
      return {
        cohort: `${String(row['run_id'])} ${dueOn}`,
        objectsLeft: cohort?.objectsLeft ?? 0,
        keysLeft: cohort?.keysLeft ?? 0,
      };
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
