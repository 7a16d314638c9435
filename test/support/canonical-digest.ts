import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { MongoClient } from 'mongodb';
import type { SqlPool } from '../../src/contracts/sql';

/** Stores that the digest is read from, as the administrator. */
export interface DigestSources {
  readonly root: (database: string) => SqlPool;
  readonly mongo: MongoClient;
  readonly prefix: string;
  /** Versions, delete markers and unfinished uploads of a tenant in both copies. */
  readonly objectsOf: (tenantId: string) => Promise<number>;
}

/** The state of a tenant as docs/canonical-digest.md defines it. */
export interface CanonicalState {
  readonly live: Readonly<Record<string, number>>;
  readonly cohorts: readonly object[];
  readonly certificates: readonly object[];
  readonly evidence: Readonly<Record<string, number>>;
  readonly tombstones: Readonly<Record<string, number>>;
  readonly wrappings: number;
  readonly objects: number;
}

/**
 * Reads a tenant's state without what differs between two undisturbed lives: ids of runs, assets and
 * scans, instants, keys, attempts. Due days count from the day of their event.
 *
 * @param without - names of runs and keys that are left out: their ends are expected, and no part of the state.
 */
export async function canonicalState(
  sources: DigestSources,
  tenantId: string,
  without: readonly string[] = [],
): Promise<CanonicalState> {
  const { root } = sources;
  const tally = async (database: string, sql: string): Promise<Record<string, number>> => {
    const rows = await root(database).query(sql, [tenantId]);
    const counts: Record<string, number> = {};
    for (const row of rows) {
      const [name, of] = [String(row['name']), String(row['of'])];
      if (!without.some((left) => of.includes(left))) counts[name] = (counts[name] ?? 0) + 1;
    }
    return Object.fromEntries(Object.entries(counts).sort());
  };
  const wrappings = await tally(
    'keys',
    `SELECT 'wrappings' AS name, w.key_ref AS \`of\` FROM key_wrappings w
       JOIN data_keys k ON k.key_ref = w.key_ref WHERE k.tenant_id = ?`,
  );
  return {
    live: await liveCounts(sources, tenantId),
    cohorts: await cohortsOf(root('control'), tenantId, without),
    certificates: await certificatesOf(root('evidence'), tenantId, without),
    evidence: await tally(
      'evidence',
      'SELECT kind AS name, subject AS `of` FROM entries WHERE tenant_id = ?',
    ),
    tombstones: await tally(
      'keys',
      'SELECT kind AS name, key_ref AS `of` FROM key_tombstones WHERE tenant_id = ?',
    ),
    wrappings: wrappings['wrappings'] ?? 0,
    objects: await sources.objectsOf(tenantId),
  };
}

/** SHA-256 of the canonical text of a state. */
export const canonicalDigest = (state: CanonicalState): string =>
  createHash('sha256')
    .update(canonicalize(state) ?? '')
    .digest('hex');

async function liveCounts(
  { root, mongo, prefix }: DigestSources,
  tenantId: string,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const tables = [
    ...['assets', 'asset_links', 'scans', 'image_risks'].map((table) => ['assets', table] as const),
    ...['console_settings', 'configuration_changes'].map(
      (table) => ['configuration', table] as const,
    ),
  ];
  for (const [database, table] of tables) {
    const rows = await root(database).query(
      `SELECT COUNT(*) AS n FROM ${table} WHERE tenant_id = ?`,
      [tenantId],
    );
    counts[`mysql:${database}.${table}`] = Number(rows[0]?.['n']);
  }
  const collections = [
    ['assets', 'fingerprints'],
    ['assets', 'images'],
    ['configuration', 'detection_settings'],
    ['configuration', 'whitelists'],
  ] as const;
  for (const [database, collection] of collections) {
    const documents = mongo.db(`${prefix}_${database}`).collection(collection);
    counts[`mongodb:${database}.${collection}`] = await documents.countDocuments({ tenantId });
  }
  return counts;
}

async function cohortsOf(
  control: SqlPool,
  tenantId: string,
  without: readonly string[],
): Promise<readonly object[]> {
  const rows = await control.query(
    `SELECT r.run_id, r.record_class, r.event_kind, r.generation, c.records,
            DATEDIFF(c.due_on, DATE(r.event_at)) AS days,
            (SELECT GROUP_CONCAT(s.state ORDER BY s.state) FROM cohort_states s
              WHERE s.run_id = c.run_id AND s.due_on = c.due_on) AS states,
            (SELECT GROUP_CONCAT(CONCAT(n.location, '=', n.records) ORDER BY n.location)
               FROM cohort_counts n WHERE n.run_id = c.run_id AND n.due_on = c.due_on) AS counts
       FROM cohorts c JOIN runs r ON r.run_id = c.run_id
      WHERE c.tenant_id = ? ORDER BY r.record_class, r.generation, c.due_on, c.records`,
    [tenantId],
  );
  return rows
    .filter((row) => !without.includes(String(row['run_id'])))
    .map((row) =>
      Object.fromEntries(
        Object.entries(row).flatMap(([name, value]) =>
          name === 'run_id' ? [] : [[name, String(value)] as const],
        ),
      ),
    );
}

async function certificatesOf(
  evidence: SqlPool,
  tenantId: string,
  without: readonly string[],
): Promise<readonly object[]> {
  const rows = await evidence.query('SELECT run_id, body FROM certificates WHERE tenant_id = ?', [
    tenantId,
  ]);
  return rows
    .filter((row) => !without.includes(String(row['run_id'])))
    .map((row) => {
      const { recordClass, generation, late, keys, locations, withheld } = JSON.parse(
        String(row['body']),
      ) as {
        recordClass: string;
        generation: number;
        late: boolean;
        keys: unknown[];
        locations: { location: string; before: number; after: number }[];
        withheld?: { records: number }[];
      };
      return {
        recordClass,
        generation,
        late,
        withheld: (withheld ?? []).map(({ records }) => records),
        keys: keys.length,
        locations: locations.map(({ location, before, after }) => `${location} ${before} ${after}`),
      };
    })
    .sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}
