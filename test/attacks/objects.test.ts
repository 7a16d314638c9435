import { randomBytes } from 'node:crypto';
import { Client, CopyConditions } from 'minio';
import { isHeld, setLegalHold } from '../../src/activities/objects/legal-hold';
import { putLocked } from '../../src/activities/objects/put-locked';
import { migrateObjects } from '../../src/activities/objects/migrate-objects';
import { postSigned } from '../../src/platform/aws-signature';
import {
  createObjectAccounts,
  OBJECT_ROLES,
  removeObjectAccounts,
  type ObjectKeys,
  type ObjectRole,
} from '../../src/platform/migrate/object-accounts';
import { emptyBucket } from '../support/list-versions';

/** What somebody does with the keys of one account of the object store and a client of their own. */
const environment = `t${randomBytes(4).toString('hex')}`;
const endpoint = new URL(process.env['LETHE_S3_ENDPOINT'] ?? 'http://127.0.0.1:1');
const administrator = {
  endpoint: endpoint.origin,
  region: 'us-east-1',
  accessKey: process.env['LETHE_S3_ADMIN_ACCESS_KEY'] ?? '',
  secretKey: process.env['LETHE_S3_ADMIN_SECRET_KEY'] ?? '',
};
const connect = ({ accessKey, secretKey }: ObjectKeys): Client =>
  new Client({
    ...{ endPoint: endpoint.hostname, port: Number(endpoint.port), useSSL: false },
    ...{ region: 'us-east-1', accessKey, secretKey },
  });
const admin = connect(administrator);
const bucketOf = (role: string): string => `${environment}-${role}`;
const archive = bucketOf('archive');
const NAME = 'tn_intruders0000000a/rn_1/part-1';

let accounts: Readonly<Record<ObjectRole, ObjectKeys>>;
let held: string;
let entry: string;
let free: string;

beforeAll(async () => {
  accounts = await createObjectAccounts(administrator, environment);
  await migrateObjects(admin, environment);
  const put = async (bucket: string, name: string): Promise<string> =>
    (await admin.putObject(bucket, name, Buffer.from('sealed'))).versionId ?? '';
  held = await put(archive, NAME);
  free = await put(archive, `${NAME}-free`);
  entry = await put(bucketOf('evidence'), 'entry');
  await setLegalHold(admin, { bucket: archive, name: NAME, versionId: held }, 'ON');
});

afterAll(async () => {
  for (const role of ['archive', 'backup', 'evidence', 'inbox']) {
    const bucket = bucketOf(role);
    await emptyBucket(admin, bucket);
    await admin.removeBucket(bucket);
  }
  await removeObjectAccounts(administrator, environment);
});

const POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Principal: '*', Action: ['s3:*'], Resource: [`arn:aws:s3:::${archive}/*`] },
  ],
});
const LIFECYCLE = {
  Rule: [{ ID: 'gone', Status: 'Enabled', Filter: { Prefix: '' }, Expiration: { Days: 1 } }],
};
const TOMORROW = new Date(Date.now() + 86_400_000).toISOString();

/** The client's own types describe a callback, but it returns a promise. */
interface LockClient {
  setObjectLockConfig(bucket: string, options: object): Promise<void>;
}

interface Deed {
  readonly what: string;
  readonly act: (client: Client) => Promise<unknown>;
  /** Who may, because it is their task. */
  readonly by?: readonly ObjectRole[];
}

async function firstOf(listing: AsyncIterable<unknown>): Promise<unknown> {
  for await (const one of listing) return one;
  return undefined;
}

const DEEDS: readonly Deed[] = [
  {
    what: 'hides an object behind a marker',
    act: (client) => client.removeObject(archive, `${NAME}-marker`),
    by: ['destroyer'],
  },
  {
    what: 'deletes a held version with the right to bypass governance',
    act: (client) =>
      client.removeObject(archive, NAME, { versionId: held, governanceBypass: true }),
  },
  {
    what: 'deletes a whole prefix by force',
    act: (client) => client.removeObject(archive, NAME, { versionId: held, forceDelete: true }),
  },
  {
    what: 'deletes a version of the evidence',
    act: (client) => client.removeObject(bucketOf('evidence'), 'entry', { versionId: entry }),
  },
  { what: 'removes a bucket', act: (client) => client.removeBucket(archive) },
  {
    what: 'opens a bucket by a policy',
    act: async (client) => client.setBucketPolicy(archive, POLICY),
  },
  {
    what: 'lets objects expire by a rule',
    act: async (client) => client.setBucketLifecycle(archive, LIFECYCLE),
  },
  {
    what: 'stops the keeping of versions',
    act: (client) => client.setBucketVersioning(archive, { Status: 'Suspended' }),
  },
  {
    what: 'takes the lock off a bucket',
    act: (client) => (client as unknown as LockClient).setObjectLockConfig(archive, {}),
  },
  {
    what: 'sets a retention that nobody can take off again',
    act: (client) =>
      client.putObjectRetention(archive, `${NAME}-free`, {
        ...{ versionId: free, mode: 'COMPLIANCE', retainUntilDate: TOMORROW },
      } as never),
  },
  {
    what: 'clears a hold',
    act: (client) =>
      setLegalHold(client, { bucket: archive, name: NAME, versionId: held }, 'OFF').then(() =>
        setLegalHold(admin, { bucket: archive, name: NAME, versionId: held }, 'ON'),
      ),
    by: ['destroyer'],
  },
  {
    what: 'copies the archive to where it can read it',
    act: (client) =>
      client.copyObject(bucketOf('inbox'), 'stolen', `/${archive}/${NAME}`, new CopyConditions()),
  },
  {
    what: 'overwrites evidence',
    act: (client) => client.putObject(bucketOf('evidence'), 'entry', Buffer.from('other')),
    by: ['evidence'],
  },
  {
    what: 'puts a report of another deliverer away',
    act: (client) => client.removeObject(bucketOf('inbox'), 'report'),
    by: ['ingest'],
  },
  {
    what: 'lists the archive',
    act: (client) => firstOf(client.listObjects(archive, '', true)),
    by: ['verifier', 'destroyer'],
  },
  {
    what: 'lists the inbox',
    act: (client) => firstOf(client.listObjects(bucketOf('inbox'), '', true)),
    by: ['ingest'],
  },
  {
    what: 'reads an archived version',
    act: (client) => client.getObject(archive, NAME, { versionId: held }),
    by: ['verifier', 'destroyer'],
  },
  { what: 'makes a bucket', act: (client) => client.makeBucket(bucketOf('mine')) },
];

describe.each(OBJECT_ROLES)('somebody with the keys of the %s', (role) => {
  it.each(DEEDS.map((deed) => [deed.what, deed] as const))(
    '%s only where that is its task [AB-1] [CC-4]',
    async (_, { act, by = [] }) => {
      const done = await act(connect(accounts[role])).then(
        () => 'done',
        (error: unknown) => (error as { code?: string }).code ?? String(error),
      );
      expect(done).toBe(by.includes(role) ? 'done' : 'AccessDenied');
    },
  );

  it('makes itself no administrator [AB-1]', async () => {
    const access = { ...administrator, ...accounts[role] };
    const forms = [
      {
        Action: 'CreateAccessKey',
        UserName: `${environment}-${role === 'destroyer' ? 'archiver' : 'destroyer'}`,
      },
      { Action: 'CreateUser', UserName: `${environment}-mine` },
      {
        Action: 'PutUserPolicy',
        ...{ UserName: `${environment}-${role}`, PolicyName: 'mine', PolicyDocument: POLICY },
      },
    ];
    for (const form of forms) {
      const { status } = await postSigned(access, 'iam', { ...form, Version: '2010-05-08' });
      expect([form.Action, status]).toEqual([form.Action, 403]);
    }
  });
});

describe('a copy that the archiver writes', () => {
  it.each([1, 9 * 1024 * 1024])(
    'is under its hold from the first moment, with %i bytes, without the right to set one later [ST-1]',
    async (bytes) => {
      const name = `tn_intruders0000000a/rn_1/2030-01-01/part-${bytes}`;
      const { versionId } = await putLocked(
        { client: connect(accounts.archiver), environment },
        { bucket: 'archive', name, body: Buffer.alloc(bytes), lock: { mode: 'legal-hold' } },
      );
      const version = { bucket: archive, name, versionId };
      expect(await isHeld(admin, version)).toBe(true);
      await expect(setLegalHold(connect(accounts.archiver), version, 'OFF')).rejects.toMatchObject({
        code: 'AccessDenied',
      });
      expect(await isHeld(admin, version)).toBe(true);
    },
  );
});

describe('what was attacked', () => {
  it('is there, under its hold, in a bucket that keeps versions [AB-1] [ST-1]', async () => {
    expect(await isHeld(admin, { bucket: archive, name: NAME, versionId: held })).toBe(true);
    expect((await admin.statObject(archive, NAME, { versionId: held })).size).toBe(6);
    expect((await admin.statObject(bucketOf('evidence'), 'entry', { versionId: entry })).size).toBe(
      6,
    );
    expect(await admin.getBucketVersioning(archive)).toMatchObject({ Status: 'Enabled' });
  });
});
