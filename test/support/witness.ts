import type { EngineHarness } from './engine';
import { versionsIn } from './list-versions';

/** What an administrator sees of a tenant: a name for each thing, and what it holds. */
export type Sight = ReadonlyMap<string, string>;

const TABLES: Readonly<Record<string, readonly string[]>> = {
  assets: ['assets', 'asset_links', 'scans', 'image_risks'],
  configuration: ['console_settings', 'configuration_changes'],
};
const COLLECTIONS: Readonly<Record<string, readonly string[]>> = {
  assets: ['fingerprints', 'images'],
  configuration: ['detection_settings', 'whitelists'],
};

/**
 * Reads everything of a tenant as the administrator of each server: rows, documents, versions of
 * objects, wrapped keys. None of the engine's own readers is used, so that they cannot agree on a mistake.
 */
export async function seeEverything(engine: EngineHarness, tenantId: string): Promise<Sight> {
  const sight = new Map<string, string>();
  for (const [database, tables] of Object.entries(TABLES)) {
    for (const table of tables) {
      const rows = await engine
        .root(database)
        .query(`SELECT * FROM ${table} WHERE tenant_id = ?`, [tenantId]);
      for (const row of rows) {
        const place = `${String(row['asset_id'] ?? row['generation'])}/${String(row['version_id'])}`;
        sight.set(`row ${database}.${table} ${place}`, JSON.stringify(row));
      }
    }
  }
  for (const [database, collections] of Object.entries(COLLECTIONS)) {
    const store = engine.mongo.db(`${engine.environment.prefix}_${database}`);
    for (const name of collections) {
      for (const document of await store.collection(name).find({ tenantId }).toArray()) {
        // Who condemned a document last says nothing about what it holds.
        const held = JSON.stringify({ ...document, stamp: undefined });
        sight.set(`document ${database}.${name} ${String(document._id)}`, held);
      }
    }
  }
  await seeObjects(engine, tenantId, sight);
  const keys = await engine.root('keys').query(
    `SELECT w.key_ref, w.wrapping_number, w.wrapped FROM key_wrappings w
       JOIN data_keys k ON k.key_ref = w.key_ref WHERE k.tenant_id = ?`,
    [tenantId],
  );
  for (const row of keys) {
    const name = `key ${String(row['key_ref'])} ${String(row['wrapping_number'])}`;
    sight.set(name, Buffer.from(row['wrapped'] as Buffer).toString('hex'));
  }
  return sight;
}

async function seeObjects(
  engine: EngineHarness,
  tenantId: string,
  sight: Map<string, string>,
): Promise<void> {
  for (const copy of ['archive', 'backup']) {
    const bucket = `${engine.environment.name}-${copy}`;
    for await (const entry of versionsIn(engine.admin, bucket, `${tenantId}/`)) {
      const { name, versionId, etag, size, isDeleteMarker } = entry;
      sight.set(`object ${copy} ${name} ${versionId}`, `${etag} ${size} ${isDeleteMarker}`);
    }
  }
}

/** Names of what is gone or no longer holds the same. */
export const missingFrom = (before: Sight, after: Sight): readonly string[] =>
  [...before].filter(([name, held]) => after.get(name) !== held).map(([name]) => name);

/** Names of what was not there before. */
export const addedTo = (before: Sight, after: Sight): readonly string[] =>
  [...after.keys()].filter((name) => !before.has(name));

/** The versions that sealed manifests pin, by the due day of their cohort, as the administrator reads them. */
export async function pinnedVersions(
  engine: EngineHarness,
  tenantId: string,
): Promise<readonly { readonly cohort: string; readonly name: string }[]> {
  const rows = await engine.root('control').query(
    `SELECT o.run_id, o.due_on, o.copy, o.object_name, o.version_id FROM manifest_objects o
       JOIN runs r ON r.run_id = o.run_id WHERE r.tenant_id = ?`,
    [tenantId],
  );
  return rows.map((row) => ({
    cohort: `${String(row['run_id'])}/${String(row['due_on'])}`,
    name: `object ${String(row['copy'])} ${String(row['object_name'])} ${String(row['version_id'])}`,
  }));
}

/** Records, live or not: what the tenant must never lose before its time. */
export const recordsIn = (sight: Sight): ReadonlyMap<string, string> =>
  new Map([...sight].filter(([name]) => /^(row|document) /.test(name)));

/**
 * Which of the records are preserved nowhere: not live as they were, and not in two complete copies with
 * a living key.
 */
export async function lostRecords(
  engine: EngineHarness,
  tenantId: string,
  records: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const sight = await seeEverything(engine, tenantId);
  const away = [...records].filter(([name, held]) => sight.get(name) !== held);
  if (away.length === 0) return [];
  const pinned = await pinnedVersions(engine, tenantId);
  const keys = [...sight.keys()].filter((name) => name.startsWith('key asset:'));
  const complete = pinned.filter(({ cohort, name }) => {
    const [run = '', dueOn = ''] = cohort.split('/');
    return sight.has(name) && keys.some((key) => key.startsWith(`key asset:${run}:${dueOn} `));
  });
  const copies = ['archive', 'backup'].every((copy) =>
    complete.some(({ name }) => name.startsWith(`object ${copy} `)),
  );
  return copies && complete.length === pinned.length ? [] : away.map(([name]) => name);
}
