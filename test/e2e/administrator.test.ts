import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'minio';
import { MongoClient } from 'mongodb';
import { Administrator } from '../../demo/administrator/administrator';
import { total } from '../../demo/administrator/locations';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { createTemporalEnvironment, type TemporalEnvironment } from '../support/temporal';
import { emptyBucket } from '../support/list-versions';

const TENANT = 'tn_sought000000000001';
const OTHER = 'tn_sought000000000002';
const MARKER = 'planted-marker-4c1f';

const variable = (name: string): string => process.env[name] ?? '';

let sql: SqlEnvironment;
let temporal: TemporalEnvironment;
let mongo: MongoClient;
let objects: Client;
let administrator: Administrator;

const bucketsOf = (): string[] => [`${sql.name}-archive`, `${sql.name}-evidence`, `x${sql.name}-x`];

beforeAll(async () => {
  sql = await createSqlEnvironment();
  temporal = await createTemporalEnvironment();
  mongo = await MongoClient.connect(variable('LETHE_MONGO_URL'));
  const endpoint = new URL(variable('LETHE_S3_ENDPOINT'));
  objects = new Client({
    endPoint: endpoint.hostname,
    port: Number(endpoint.port),
    useSSL: false,
    accessKey: variable('LETHE_S3_ADMIN_ACCESS_KEY'),
    secretKey: variable('LETHE_S3_ADMIN_SECRET_KEY'),
  });
  for (const bucket of bucketsOf()) {
    await objects.makeBucket(bucket);
    await objects.setBucketVersioning(bucket, { Status: 'Enabled' });
  }
  administrator = new Administrator({
    environment: sql.name,
    mongoUrl: variable('LETHE_MONGO_URL'),
    sql: [
      {
        host: variable('LETHE_MYSQL_HOST'),
        port: Number(variable('LETHE_MYSQL_PORT')),
        user: 'root',
        password: variable('LETHE_MYSQL_ADMIN_PASSWORD'),
      },
    ],
    objects: {
      endpoint: variable('LETHE_S3_ENDPOINT'),
      region: 'us-east-1',
      pathStyle: true,
      pageSize: 2,
      accessKey: variable('LETHE_S3_ADMIN_ACCESS_KEY'),
      secretKey: variable('LETHE_S3_ADMIN_SECRET_KEY'),
    },
    engine: {
      address: variable('LETHE_TEMPORAL_ADDRESS'),
      namespace: temporal.namespace,
    },
  });
});

afterAll(async () => {
  for (const bucket of bucketsOf()) await removeBucket(bucket);
  for (const name of [`${sql.prefix}_assets`, `x${sql.prefix}`])
    await mongo.db(name).dropDatabase();
  await sql.pool('root').execute(`DROP DATABASE IF EXISTS \`x${sql.prefix}\``);
  await mongo.close();
  await temporal.close();
  await sql.remove();
});

async function removeBucket(bucket: string): Promise<void> {
  for await (const upload of objects.listIncompleteUploads(bucket, '', true)) {
    await objects.removeIncompleteUpload(bucket, (upload as { key: string }).key);
  }
  await emptyBucket(objects, bucket);
  await objects.removeBucket(bucket);
}

const root = (statement: string): Promise<unknown> => sql.pool('root').execute(statement);

async function plantRows(): Promise<void> {
  const scan = (tenant: string, id: string): string =>
    `INSERT INTO \`${sql.prefix}_assets\`.scans VALUES
       ('${tenant}', 'as_1', '${id}', 'sc_1', 'host', '2030-01-01', '2030-01-01', '["${MARKER}"]', 1)`;
  await root(scan(TENANT, 'v1'));
  await root(scan(TENANT, 'v2'));
  await root(scan(OTHER, 'v1'));
  const keys = `\`${sql.prefix}_keys\``;
  const wrap = (ref: string): string =>
    `INSERT INTO ${keys}.key_wrappings VALUES ('${ref}', 1, 'kek', 'bytes', '2030-01-01')`;
  await root(
    `INSERT INTO ${keys}.data_keys VALUES ('asset:rn_1:2030-01-01', '${TENANT}', '2030-01-01', '2030-01-01'),
       ('configuration:${TENANT}:1', '${TENANT}', '2030-01-01', '2030-01-01'),
       ('asset:rn_2:2030-01-01', '${OTHER}', '2030-01-01', '2030-01-01')`,
  );
  for (const ref of [
    'asset:rn_1:2030-01-01',
    `configuration:${TENANT}:1`,
    'asset:rn_2:2030-01-01',
  ]) {
    await root(wrap(ref));
  }
  await root(`INSERT INTO interlocks (scope, epoch) VALUES ('${TENANT}', 1)`);
  await root(`CREATE DATABASE \`x${sql.prefix}\``);
  await root(
    `CREATE TABLE \`x${sql.prefix}\`.backups (id INT PRIMARY KEY, dump LONGBLOB, at DATETIME)`,
  );
  await root(
    `INSERT INTO \`x${sql.prefix}\`.backups VALUES (1, 'a dump with ${TENANT} in it', NULL)`,
  );
}

async function plantDocuments(): Promise<void> {
  const prints = mongo
    .db(`${sql.prefix}_assets`)
    .collection<{ _id: string; [field: string]: unknown }>('fingerprints');
  await prints.insertMany([
    { _id: 'v1', tenantId: TENANT, body: { deep: [{ deeper: MARKER }] } },
    { _id: `${TENANT}:v2`, tenantId: 'nobody' },
    { _id: 'v3', tenantId: 'nobody', body: { deep: [{ deeper: `of ${TENANT}` }] } },
    { _id: 'v4', tenantId: OTHER },
  ]);
  await mongo.db(`x${sql.prefix}`).collection('copies').insertOne({ tenantId: TENANT });
}

async function plantObjects(): Promise<void> {
  const [archive = '', evidence = '', foreign = ''] = bucketsOf();
  await objects.putObject(archive, `${TENANT}/rn_1/part`, 'first');
  await objects.putObject(archive, `${TENANT}/rn_1/part`, `second, ${MARKER}`);
  await objects.putObject(archive, `${OTHER}/rn_2/part`, 'other');
  await objects.putObject(archive, `${TENANT}/rn_1/gone`, 'gone');
  await objects.removeObject(archive, `${TENANT}/rn_1/gone`);
  await objects.initiateNewMultipartUpload(archive, `${TENANT}/rn_1/unfinished`, {});
  await objects.putObject(evidence, `certificates/${TENANT}`, 'proof');
  await objects.putObject(foreign, `copy-of-${TENANT}`, 'copy');
}

describe("an administrator's search", () => {
  beforeAll(async () => {
    await plantRows();
    await plantDocuments();
    await plantObjects();
  });

  it('finds a tenant in every column, at any depth, in every version, marker, upload and key [ST-1] [ST-2]', async () => {
    const { data } = await administrator.find(TENANT);
    expect(data).toMatchObject({
      'mongodb:assets.fingerprints': 3,
      'mysql:assets.scans': 2,
      'mysql:assets.assets': 0,
      'mysql:control.staging': 0,
      'mysql:keys': 2,
      // Two versions, then a version and its marker, and an upload.
      's3:archive': 5,
    });
    expect(total(data)).toBe(12);
  });

  it('tells what proves an act from what should be gone', async () => {
    const { evidence } = await administrator.find(TENANT);
    expect(evidence).toMatchObject({
      'mysql:control.interlocks': 1,
      'mysql:keys.data_keys': 2,
      'mysql:evidence.entries': 0,
      's3:evidence': 1,
    });
  });

  it('looks into schemas, collections and buckets that nobody told it of', async () => {
    const { elsewhere } = await administrator.find(TENANT);
    expect(elsewhere).toMatchObject({
      [`mysql:/x${sql.prefix}.backups`]: 1,
      [`mongodb:/x${sql.prefix}.copies`]: 1,
      [`s3:/x${sql.name}-x`]: 1,
    });
    expect(total(elsewhere)).toBe(3);
  });

  it('does not count what belongs to another tenant', async () => {
    const { data, evidence, elsewhere } = await administrator.find(OTHER);
    expect([total(data), total(evidence), total(elsewhere)]).toEqual([4, 1, 0]);
  });

  it('finds planted content inside of documents, rows and object bodies', async () => {
    const { data, evidence } = await administrator.findText(MARKER);
    const found = Object.entries(data).filter(([, things]) => things > 0);
    expect(Object.fromEntries(found)).toEqual({
      'mongodb:assets.fingerprints': 1,
      'mysql:assets.scans': 3,
      's3:archive': 1,
    });
    expect(total(evidence)).toBe(0);
  });

  it('finds planted content in a history and in a memo, and says how many executions it read', async () => {
    const start = (workflowId: string, argument: string, memo: string): Promise<unknown> =>
      temporal.client.start('nobody', {
        workflowId,
        taskQueue: 'nowhere',
        args: [{ deep: argument }],
        memo: { note: memo },
      });
    await start('leaks-by-argument', MARKER, 'nothing');
    await start('leaks-by-memo', 'nothing', MARKER);
    await start('clean', 'nothing', 'nothing');
    let found = await administrator.findInHistories(MARKER);
    // The list of workflows may be a moment late.
    for (let poll = 0; poll < 100 && found.executions < 3; poll += 1) {
      found = await administrator.findInHistories(MARKER);
    }
    expect(found.executions).toBe(3);
    expect([...found.containing].sort()).toEqual(['leaks-by-argument', 'leaks-by-memo']);
    for (const id of ['leaks-by-argument', 'leaks-by-memo', 'clean']) {
      await temporal.client.getHandle(id).terminate();
    }
  });

  it.each(['', 'tn_', 'tn_short', '%'])(
    'refuses %j as a tenant: it would find everybody',
    async (id) => {
      await expect(administrator.find(id)).rejects.toThrow('not the id of a tenant');
    },
  );

  it('shares no code with the engine that it checks', () => {
    const folder = join(__dirname, '..', '..', 'demo', 'administrator');
    const files = readdirSync(folder);
    expect(files.length).toBeGreaterThan(4);
    for (const file of files) {
      const imports = readFileSync(join(folder, file), 'utf8').match(/from '[^']+'/g) ?? [];
      const own = imports.filter((line) => /from '\.\.|src\//.test(line));
      expect([file, own]).toEqual([file, []]);
    }
  });
});
