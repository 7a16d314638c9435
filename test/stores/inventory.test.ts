import type { Client } from 'minio';
import type { MongoClient } from 'mongodb';
import { migrateMongo } from '../../src/activities/mongo/collections';
import { migrateObjects } from '../../src/activities/objects/migrate-objects';
import type { SqlPool } from '../../src/contracts/sql';
import { bucketNames, mongoDatabases, sqlDatabases } from '../../src/domain/environment-names';
import { EXEMPT, INVENTORY, RECORD_LOCATIONS } from '../../src/domain/inventory';
import { ROLE_GRANTS, type SqlRole } from '../../src/platform/migrate/grants';
import { connectMongo } from '../../src/platform/mongo';
import { connectObjects } from '../../src/platform/objects';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { badReasons, differences, type Listed } from '../support/inventory';

let environment: SqlEnvironment;
let root: SqlPool;
let mongo: MongoClient;
let objects: Client;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  root = environment.pool('root');
  mongo = await connectMongo(process.env['LETHE_MONGO_URL'] ?? '');
  await migrateMongo(mongo, environment.prefix);
  objects = connectObjects({
    endpoint: process.env['LETHE_S3_ENDPOINT'] ?? '',
    region: 'us-east-1',
    pathStyle: true,
    accessKey: process.env['LETHE_S3_ADMIN_ACCESS_KEY'] ?? '',
    secretKey: process.env['LETHE_S3_ADMIN_SECRET_KEY'] ?? '',
  });
  await migrateObjects(objects, environment.name);
});

afterAll(async () => {
  for (const database of Object.values(mongoDatabases(environment.name)) as string[]) {
    await mongo.db(database).dropDatabase();
  }
  await mongo.close();
  for (const bucket of await ownBuckets()) await objects.removeBucket(bucket);
  await environment.remove();
});

/** Database names by their place in the inventory, e.g. `t12_assets` to `assets`. */
const places = (databases: object): ReadonlyMap<string, string> =>
  new Map(Object.entries(databases).map(([place, name]) => [String(name), place]));

async function rows(sql: string): Promise<readonly string[]> {
  const own = `${environment.prefix.replaceAll('_', '\\_')}\\_%`;
  const found = await root.query(sql, [own]);
  return found.map((row) => String(row['name']));
}

async function sqlTables(): Promise<readonly Listed[]> {
  const databases = places(sqlDatabases(environment.name));
  const names = await rows(
    `SELECT CONCAT(table_schema, '.', table_name) AS name FROM information_schema.tables
      WHERE table_schema LIKE ?`,
  );
  return names.map((name) => {
    const [database = '', table = ''] = name.split('.');
    return { id: `mysql:${databases.get(database) ?? database}.${table}`, kind: 'table' };
  });
}

async function documentCollections(): Promise<readonly Listed[]> {
  const databases = places(mongoDatabases(environment.name));
  const all = await mongo.db('admin').admin().listDatabases({ nameOnly: true });
  const own = all.databases.filter(({ name }) => name.startsWith(`${environment.prefix}_`));
  const listed: Listed[] = [];
  for (const { name } of own) {
    for (const collection of await mongo.db(name).listCollections().toArray()) {
      const place = databases.get(name) ?? name;
      listed.push({ id: `mongodb:${place}.${collection.name}`, kind: 'collection' });
    }
  }
  return listed;
}

async function ownBuckets(): Promise<readonly string[]> {
  const buckets = await objects.listBuckets();
  return buckets.map(({ name }) => name).filter((name) => name.startsWith(`${environment.name}-`));
}

async function buckets(): Promise<readonly Listed[]> {
  const roles = places(bucketNames(environment.name));
  return (await ownBuckets()).map((name) => ({
    id: `s3:${roles.get(name) ?? name}`,
    kind: 'bucket',
  }));
}

describe('the inventory', () => {
  it('names every table, collection and bucket of an environment, and nothing that is not there [ST-1]', async () => {
    const found = [...(await sqlTables()), ...(await documentCollections()), ...(await buckets())];
    expect(found.length).toBeGreaterThan(40);
    expect(differences(found, INVENTORY, EXEMPT)).toEqual({ unlisted: [], missing: [] });
  });

  it('weighs every table of control by itself, so that a new one fails until it is listed [ST-1]', () => {
    const found = [{ id: 'mysql:control.shadow_grounds', kind: 'table' } as const];
    expect(Object.keys(EXEMPT)).not.toContain('mysql:control');
    expect(differences(found, [], EXEMPT).unlisted).toEqual(['mysql:control.shadow_grounds']);
  });

  it('exempts nothing without a reason that a reviewer can weigh [ST-1]', () => {
    expect(badReasons(EXEMPT)).toEqual([]);
  });

  it('would show a table nobody listed, a location nobody made and a reason nobody gave', () => {
    const found = [{ id: 'mysql:assets.shadow_copies', kind: 'table' } as const];
    const listed = [{ id: 's3:archive', kind: 'bucket' } as const];
    expect(differences(found, listed, {})).toEqual({
      unlisted: ['mysql:assets.shadow_copies'],
      missing: ['s3:archive'],
    });
    expect(badReasons({ 'mysql:a': 'TBD', 'mysql:b': 'to be done later, TBD' })).toEqual([
      'mysql:a',
      'mysql:b',
    ]);
  });

  it('gives every location that no record can be removed from a longest life below thirty days [AB-3]', () => {
    const removable = new Set<string>(RECORD_LOCATIONS);
    const lasting = INVENTORY.filter(({ emptiedBy }) => emptiedBy === 'expiry');
    expect(lasting.length).toBeGreaterThan(3);
    for (const location of lasting) {
      expect(removable.has(location.id)).toBe(false);
      expect('maxAgeDays' in location ? location.maxAgeDays : Infinity).toBeLessThan(30);
    }
  });

  it('keeps console configuration out of the object store [ST-2]', () => {
    const inBuckets = INVENTORY.filter(({ kind }) => kind === 'bucket');
    expect(inBuckets.map(({ recordClass }) => recordClass)).toEqual(
      inBuckets.map(() => 'asset-basic-data'),
    );
  });
});

describe('nothing on the servers destroys by itself:', () => {
  it('no index of a collection expires documents [AB-1]', async () => {
    const found = await documentCollections();
    const databases = mongoDatabases(environment.name);
    for (const { id } of found) {
      const [place = '', name = ''] = id.slice('mongodb:'.length).split('.');
      const database = databases[place as keyof typeof databases];
      const indexes = await mongo.db(database).collection(name).indexes();
      expect(indexes.length).toBeGreaterThan(1);
      expect(indexes.filter((index) => 'expireAfterSeconds' in index)).toEqual([]);
    }
    expect(found.length).toBeGreaterThan(3);
  });

  it('no bucket has a lifecycle rule [AB-1]', async () => {
    for (const bucket of await ownBuckets()) {
      await expect(objects.getBucketLifecycle(bucket)).rejects.toMatchObject({
        code: 'NoSuchLifecycleConfiguration',
      });
    }
  });

  it('no SQL event runs, no view shows data elsewhere and the only triggers refuse, use a signature up or add a notice [AB-1]', async () => {
    expect(
      await rows(
        `SELECT event_name AS name FROM information_schema.events WHERE event_schema LIKE ?`,
      ),
    ).toEqual([]);
    expect(
      await rows(
        `SELECT table_name AS name FROM information_schema.views WHERE table_schema LIKE ?
          ORDER BY table_name`,
      ),
    ).toEqual(['cohort_reliefs', 'continued_cohorts', 'released_holds']);
    const triggers = await rows(
      `SELECT trigger_name AS name FROM information_schema.triggers WHERE trigger_schema LIKE ?
          AND NOT (trigger_name LIKE 'notice\\_of\\_%' AND action_timing = 'AFTER'
               AND event_manipulation = 'INSERT' AND action_statement NOT REGEXP '\\\\b(DELETE|UPDATE)\\\\b')`,
    );
    expect([...triggers].sort()).toEqual([
      'cohort_counts_before_seal',
      'cohort_keys_before_seal',
      'cohorts_before_seal',
      'ends_signed',
      'lift_requests_signed',
      'lifts_signed',
      'looser_caps_signed',
      'manifest_batches_before_seal',
      'manifest_objects_before_seal',
      'manifests_after_rows',
      'no_resurrection',
      'permits_for_own_keys',
      'permits_under_no_hold',
      'permits_within_limits',
      'release_requests_signed',
      'releases_by_two',
      'releases_signed',
      'resets_signed',
      'run_assets_before_seal',
    ]);
  });

  it('no foreign key deletes with its parent [AB-1]', async () => {
    expect(
      await rows(
        `SELECT constraint_name AS name FROM information_schema.referential_constraints
          WHERE constraint_schema LIKE ?`,
      ),
    ).toEqual([]);
  });
});

const PRIVILEGE = /^GRANT (?<verbs>.+?) ON (?<object>.+?) TO /;
const HARMLESS = new Set(['USAGE', 'SELECT', 'INSERT', 'EXECUTE']);

interface Grant {
  readonly verbs: readonly string[];
  readonly object: string;
}

async function grantsOf(role: string, prefix = environment.prefix): Promise<readonly Grant[]> {
  const shown = await root.query(`SHOW GRANTS FOR '${prefix}_${role}'@'%'`);
  return shown.map((row) => {
    const text = String(Object.values(row)[0]);
    const parts = PRIVILEGE.exec(text)?.groups;
    if (parts === undefined || text.includes('GRANT OPTION')) throw new Error(text);
    return {
      verbs: (parts['verbs'] ?? '').split(/,\s*/),
      object: (parts['object'] ?? '').replaceAll('`', '').replaceAll('\\', ''),
    };
  });
}

const ROLES = Object.keys(ROLE_GRANTS) as SqlRole[];

describe('the grants on the server', () => {
  it('are to the accounts of the list, and to nobody else', async () => {
    const users = await rows(`SELECT DISTINCT user AS name FROM mysql.user WHERE user LIKE ?`);
    const expected = [...ROLES, 'definer'].map((role) => `${environment.prefix}_${role}`);
    expect([...users].sort()).toEqual(expected.sort());
  });

  it.each(ROLES)('let account %s read, insert and call, and nothing else [AB-1]', async (role) => {
    const grants = await grantsOf(role);
    expect(grants.length).toBeGreaterThan(1);
    const beyond = grants.filter(({ verbs }) => verbs.some((verb) => !HARMLESS.has(verb)));
    expect(beyond).toEqual([]);
    const elsewhere = grants.filter(
      ({ verbs, object }) =>
        !verbs.includes('USAGE') &&
        !object.replace(/^(PROCEDURE|FUNCTION) /, '').startsWith(`${environment.prefix}_`),
    );
    expect(elsewhere).toEqual([]);
  });

  it('would show the owner of the procedures, which may change rows and cannot log in', async () => {
    const verbs = (await grantsOf('definer')).flatMap((grant) => grant.verbs);
    expect(verbs).toEqual(expect.arrayContaining(['DELETE', 'UPDATE']));
  });

  it('open tenant data to collecting, archiving, verifying, the console and previews, and to no other reader [PU-1]', async () => {
    const readers: Record<string, readonly string[]> = {};
    for (const role of ROLES) {
      const grants = await grantsOf(role);
      const open = ['assets', 'configuration'].filter((database) =>
        grants.some(
          ({ verbs, object }) =>
            verbs.includes('SELECT') && object.startsWith(`${environment.prefix}_${database}.`),
        ),
      );
      if (open.length > 0) readers[role] = open;
    }
    expect(readers).toEqual({
      archiver: ['assets', 'configuration'],
      verifier: ['assets', 'configuration'],
      collector: ['assets'],
      console: ['configuration'],
      previewer: ['assets', 'configuration'],
    });
  });

  it('let no account both issue a permit and use one [AB-1]', async () => {
    const may = async (role: SqlRole, procedure: RegExp): Promise<boolean> =>
      (await grantsOf(role)).some(({ object }) => procedure.test(object));
    for (const role of ROLES) {
      const issues = await may(role, /\.issue_\w+_permit$/);
      const uses = await may(role, /\.(purge_\w+|destroy_key|start_purge_attempt)$/);
      const verifies = ROLE_GRANTS[role as keyof typeof ROLE_GRANTS];
      const writesVerdicts =
        'insert' in verifies && verifies.insert.some((table) => table === 'control.verifications');
      expect([issues, uses, writesVerdicts].filter(Boolean).length).toBeLessThanOrEqual(1);
    }
  });
});

/** Free text in databases that are exempt from the inventory: each with what keeps tenant data out. */
const FREE_TEXT: Readonly<Record<string, string>> = {
  'control.authorizations.repositories':
    'names of repositories the tenant authorized; the authorization is evidence by SH-1',
  'control.breaker_resets.reason': 'one line of the person who reset a trip of the circuit breaker',
  'control.cap_settings.reason': 'one line of the person who set a cap',
  'control.freeze_lift_requests.reason': 'one line of the person who asked to lift a freeze',
  'control.authority_changes.document':
    'a signed change of the registry: keys, ids, words, instants',
  'control.authority_approvals.document': 'a signed approval of such a change: ids and digests',
  'control.deletion_orders.document': 'a signed order: ids, words, digests and instants',
  'control.deletion_approvals.document': 'a signed approval: ids, words, digests and instants',
  'control.deletion_order_stops.document': 'a signed denial or revocation: ids, words and instants',
  'control.signed_decisions.document': 'a signed decision: ids, words, digests and instants',
  'control.cohort_windows.derivation': 'rule ids, civil dates and versions of one derivation',
  'control.commands.result': 'ids and instants that a command produced; bodies stay in staging',
  'control.hold_grounds.ground': 'ground and owner of a legal hold; kept as long as its evidence',
  'control.manifest_batches.ids': 'version ids, which are hashes, of the rows of one batch',
  'control.returned_batches.ids': 'version ids, which are hashes, of the records that came back',
  'control.notices.data':
    'ids, instants, counts and words of closed lists, written by triggers only',
  'control.scan_orders.parameters': 'addresses that a scan was ordered for, and staging ids',
  'control.scan_results.counts': 'numbers of records per kind',
  'control.scanned_repositories.counts': 'numbers of records per kind',
  'control.staging.body': 'in the inventory: erased on acceptance, or after a day',
  'evidence.certificates.body': 'ids, counts, digests and instants of one cohort',
  'evidence.checkpoints.signed': 'hashes, counts and instants of one position, signed',
  'evidence.entries.entry': 'ids, counts, digests and instants of one act',
};

describe('databases that are exempt from the inventory', () => {
  it('have no column of free text beyond those that a reviewer has weighed [ST-1]', async () => {
    const databases = places(sqlDatabases(environment.name));
    const columns = await rows(
      `SELECT CONCAT(table_schema, '.', table_name, '.', column_name) AS name
         FROM information_schema.columns
        WHERE table_schema LIKE ? AND data_type IN ('tinytext', 'text', 'mediumtext', 'longtext',
          'tinyblob', 'blob', 'mediumblob', 'longblob', 'json', 'varchar', 'char')`,
    );
    const free = columns
      .map((name) => {
        const [database = '', ...rest] = name.split('.');
        return [databases.get(database) ?? database, ...rest].join('.');
      })
      .filter((name) => name.startsWith('control.') || name.startsWith('evidence.'));
    expect(free.sort()).toEqual(Object.keys(FREE_TEXT).sort());
    expect(badReasons(FREE_TEXT)).toEqual([]);
  });
});

describe('a simulated environment', () => {
  let simulated: SqlEnvironment;
  beforeAll(async () => {
    simulated = await createSqlEnvironment({ simulation: true });
  });
  afterAll(() => simulated.remove());

  it('has one account more, which may set three clocks and change nothing else [AB-1]', async () => {
    const writable = (await grantsOf('simulator', simulated.prefix))
      .filter(({ verbs }) => verbs.some((verb) => !HARMLESS.has(verb)))
      .map(({ verbs, object }) => [verbs.filter((verb) => !HARMLESS.has(verb)), object]);
    expect(writable.sort()).toEqual(
      ['control', 'evidence', 'keys'].map((database) => [
        ['UPDATE'],
        `${simulated.prefix}_${database}.simulation_clock`,
      ]),
    );
  });

  it.each(ROLES)('gives account %s no more than elsewhere', async (role) => {
    const plain = (grants: readonly Grant[], prefix: string): readonly string[] =>
      grants
        .map(({ verbs, object }) => `${verbs.join()} ${object}`.replaceAll(prefix, ''))
        .filter((grant) => !grant.startsWith('USAGE'))
        .sort();
    expect(plain(await grantsOf(role, simulated.prefix), simulated.prefix)).toEqual(
      plain(await grantsOf(role), environment.prefix),
    );
  });

  it('is the only kind that has a clock to set', async () => {
    const clocksOf = async (prefix: string): Promise<number> => {
      const found = await root.query(
        `SELECT table_schema AS place FROM information_schema.tables
          WHERE table_name = 'simulation_clock' AND table_schema IN (?, ?, ?)`,
        ['control', 'keys', 'evidence'].map((database) => `${prefix}_${database}`),
      );
      return found.length;
    };
    expect(await clocksOf(environment.prefix)).toBe(0);
    expect(await clocksOf(simulated.prefix)).toBe(3);
  });
});
