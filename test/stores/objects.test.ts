import { randomBytes } from 'node:crypto';
import { Client } from 'minio';
import { isHeld, setLegalHold } from '../../src/activities/objects/legal-hold';
import { listEverything, namesIn } from '../../src/activities/objects/list-everything';
import { putLocked } from '../../src/activities/objects/put-locked';
import { migrateObjects } from '../../src/activities/objects/migrate-objects';
import {
  createObjectAccounts,
  removeObjectAccounts,
  type ObjectKeys,
  type ObjectRole,
} from '../../src/platform/migrate/object-accounts';
import { removeBuckets } from '../support/buckets';

const environment = `t${randomBytes(4).toString('hex')}`;
const endpoint = new URL(process.env['LETHE_S3_ENDPOINT'] ?? 'http://127.0.0.1:1');
const connect = (accessKey: string, secretKey: string): Client =>
  new Client({
    endPoint: endpoint.hostname,
    port: Number(endpoint.port),
    useSSL: false,
    region: 'us-east-1',
    accessKey,
    secretKey,
  });
const administrator = {
  endpoint: endpoint.origin,
  region: 'us-east-1',
  accessKey: process.env['LETHE_S3_ADMIN_ACCESS_KEY'] ?? '',
  secretKey: process.env['LETHE_S3_ADMIN_SECRET_KEY'] ?? '',
};
const admin = connect(administrator.accessKey, administrator.secretKey);
let accounts: Readonly<Record<ObjectRole, ObjectKeys>>;
let clients: Readonly<Record<ObjectRole, Client>>;

beforeAll(async () => {
  accounts = await createObjectAccounts(administrator, environment);
  clients = Object.fromEntries(
    Object.entries(accounts).map(([role, { accessKey, secretKey }]) => [
      role,
      connect(accessKey, secretKey),
    ]),
  ) as Record<ObjectRole, Client>;
  await migrateObjects(admin, environment);
  await migrateObjects(admin, environment);
});

afterAll(async () => {
  await removeBuckets(admin, environment);
  await removeObjectAccounts(administrator, environment);
  await removeObjectAccounts(administrator, environment);
});

const refused = { code: 'AccessDenied' };
const archive = `${environment}-archive`;

async function archived(name: string): Promise<string> {
  const { versionId } = await clients.archiver.putObject(archive, name, Buffer.from('sealed'));
  return versionId ?? '';
}

/** As the engine writes a copy: held from its first moment. */
async function heldCopy(name: string): Promise<string> {
  const response = await clients.archiver.makeRequestAsync(
    {
      ...{ method: 'PUT', bucketName: archive, objectName: name },
      headers: { 'x-amz-object-lock-legal-hold': 'ON' },
    },
    'sealed',
  );
  response.resume();
  return String(response.headers['x-amz-version-id']);
}

describe('the accounts of the object store', () => {
  it('let the archiver write and lock a copy, but neither delete nor read it [AB-1]', async () => {
    const versionId = await heldCopy('tn/a');
    await expect(
      clients.archiver.removeObject(archive, 'tn/a', { versionId }),
    ).rejects.toMatchObject(refused);
    await expect(clients.archiver.removeObject(archive, 'tn/a')).rejects.toMatchObject(refused);
    await expect(clients.archiver.getObject(archive, 'tn/a')).rejects.toMatchObject(refused);
    const copy = { bucket: archive, name: 'tn/a', versionId };
    await expect(setLegalHold(clients.archiver, copy, 'OFF')).rejects.toMatchObject(refused);
    expect(await isHeld(admin, copy)).toBe(true);
  });

  it('keep an unlocked version from the archiver too', async () => {
    const versionId = await archived('tn/b');
    await expect(
      clients.archiver.removeObject(archive, 'tn/b', { versionId }),
    ).rejects.toMatchObject(refused);
  });

  it('let the verifier read a version and its lock, and write nothing', async () => {
    const versionId = await heldCopy('tn/c');
    expect(await isHeld(clients.verifier, { bucket: archive, name: 'tn/c', versionId })).toBe(true);
    await expect(
      clients.verifier.putObject(archive, 'tn/c', Buffer.from('x')),
    ).rejects.toMatchObject(refused);
    await expect(
      clients.verifier.removeObject(archive, 'tn/c', { versionId }),
    ).rejects.toMatchObject(refused);
  });

  it('let nobody delete a locked version, and the destroyer only after the lock is off [CC-4]', async () => {
    const versionId = await heldCopy('tn/d');
    for (const client of [clients.destroyer, admin]) {
      await expect(client.removeObject(archive, 'tn/d', { versionId })).rejects.toMatchObject(
        refused,
      );
    }
    await setLegalHold(clients.destroyer, { bucket: archive, name: 'tn/d', versionId }, 'OFF');
    await clients.destroyer.removeObject(archive, 'tn/d', { versionId });
    await expect(
      clients.destroyer.statObject(archive, 'tn/d', { versionId }),
    ).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('keep every account out of the buckets that are not its own', async () => {
    for (const role of ['archiver', 'verifier', 'destroyer', 'ingest'] as const) {
      await expect(
        clients[role].putObject(`${environment}-evidence`, 'x', Buffer.from('x')),
      ).rejects.toMatchObject(refused);
    }
    await expect(clients.evidence.putObject(archive, 'x', Buffer.from('x'))).rejects.toMatchObject(
      refused,
    );
  });

  it('keep evidence that was written', async () => {
    const bucket = `${environment}-evidence`;
    const { versionId } = await clients.evidence.putObject(bucket, 'entry', Buffer.from('{}'));
    await expect(
      clients.evidence.removeObject(bucket, 'entry', { versionId: versionId ?? '' }),
    ).rejects.toMatchObject(refused);
  });

  it('list everything under a prefix over all pages, every version once [AB-3]', async () => {
    const tenant = 'tn_listing0000000001';
    const archiver = { client: clients.archiver, environment };
    const names = Array.from({ length: 7 }, (_, index) => `${tenant}/run/2030-01-01/part-${index}`);
    for (const name of names) {
      await putLocked(archiver, {
        bucket: 'archive',
        name,
        body: Buffer.from('part'),
        lock: { mode: 'legal-hold' },
      });
    }
    for (const role of ['verifier', 'destroyer'] as const) {
      const store = { client: clients[role], environment };
      for (const pageSize of [1, 2, 7, 1000]) {
        const order = { bucket: 'archive' as const, prefix: `${tenant}/`, pageSize };
        const listing = await listEverything(store, order);
        expect(listing.versions.map(({ name }) => name)).toEqual(names);
        expect(listing.uploads).toEqual([]);
        const all: string[] = [];
        for await (const name of namesIn(store, { bucket: 'archive', pageSize })) all.push(name);
        expect(all.filter((name) => name.startsWith(tenant))).toEqual(names);
      }
    }
  });

  it('are made again with the keys that are known, and end keys that nobody knows', async () => {
    const again = await createObjectAccounts(administrator, environment, accounts);
    expect(again).toEqual(accounts);
    const { archiver, courier, destroyer, evidence, ingest } = accounts;
    const known = { archiver, courier, destroyer, evidence, ingest };
    const renewed = await createObjectAccounts(administrator, environment, known);
    expect(renewed).toEqual({ ...accounts, verifier: renewed.verifier });
    expect(renewed.verifier).not.toEqual(accounts.verifier);
    await expect(clients.verifier.bucketExists(archive)).rejects.toMatchObject(refused);
    const { accessKey, secretKey } = renewed.verifier;
    expect(await connect(accessKey, secretKey).bucketExists(archive)).toBe(true);
  });

  it('need an administrator: with other keys nothing is made, and the variable is named', async () => {
    const stranger = { ...administrator, secretKey: 'x'.repeat(36) };
    await expect(createObjectAccounts(stranger, environment)).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      field: 'LETHE_S3_ADMIN_ACCESS_KEY',
    });
    const nowhere = { ...administrator, endpoint: 'http://127.0.0.1:1' };
    await expect(createObjectAccounts(nowhere, environment)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
  });
});
