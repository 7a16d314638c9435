import { randomBytes } from 'node:crypto';
import { MongoClient, type CommandStartedEvent } from 'mongodb';
import { migrateMongo } from '../../src/activities/mongo/collections';
import { insertDocuments, listGroups, readGroup } from '../../src/activities/mongo/documents';
import {
  countBatch,
  deleteStamped,
  stampBatch,
  unstamp,
  type StampedBatch,
} from '../../src/activities/mongo/guard';

const LOCATION = 'mongodb:assets.fingerprints' as const;
const ASSET = 'as_0123456789abcdef';
const STAMP = 'at_0123456789abcdef';
const OTHER_STAMP = 'at_fedcba9876543210';

const prefix = `t${randomBytes(4).toString('hex')}`;
const sent: CommandStartedEvent[] = [];
let client: MongoClient;
let serial = 0;

beforeAll(async () => {
  client = new MongoClient(process.env['LETHE_MONGO_URL'] ?? '', {
    monitorCommands: true,
    retryWrites: false,
  });
  client.on('commandStarted', (event) => sent.push(event));
  await client.connect();
  await migrateMongo(client, prefix);
});
afterAll(async () => {
  await client.db(`${prefix}_assets`).dropDatabase();
  await client.db(`${prefix}_configuration`).dropDatabase();
  await client.close();
});

const store = () => ({ client, prefix });
const document = (tenantId: string, index: number, content = 'same') => ({
  _id: `version-${tenantId.slice(3)}-${index}`,
  tenantId,
  assetId: ASSET,
  contentDigest: content,
  body: { port: index },
});

async function stored(count: number): Promise<StampedBatch> {
  serial += 1;
  const tenantId = `tn_guard${String(serial).padStart(11, '0')}`;
  const documents = Array.from({ length: count }, (_, index) => document(tenantId, index));
  await insertDocuments(store(), LOCATION, documents);
  return {
    location: LOCATION,
    tenantId,
    assetId: ASSET,
    ids: documents.map(({ _id }) => _id),
    stamp: STAMP,
  };
}

describe('the guard of the document store', () => {
  it('deletes exactly the stamped ids of one tenant and asset, and nothing beside them', async () => {
    const batch = await stored(5);
    const neighbour = await stored(2);
    const part = { ...batch, ids: batch.ids.slice(0, 3) };
    expect(await stampBatch(store(), part)).toBe(3);
    expect(await deleteStamped(store(), part)).toEqual({ deleted: 3, missing: 0 });
    expect(await countBatch(store(), batch)).toBe(2);
    expect(await countBatch(store(), neighbour)).toBe(2);
  });

  it('deletes nothing that carries no stamp, or the stamp of another attempt', async () => {
    const batch = await stored(3);
    expect(await deleteStamped(store(), batch)).toEqual({ deleted: 0, missing: 3 });
    await stampBatch(store(), { ...batch, stamp: OTHER_STAMP });
    expect(await deleteStamped(store(), batch)).toEqual({ deleted: 0, missing: 3 });
    expect(await countBatch(store(), batch)).toBe(3);
  });

  it('deletes nothing after an interlock took the stamps off [CC-4]', async () => {
    const batch = await stored(3);
    await stampBatch(store(), batch);
    const { ids, ...attempt } = batch;
    expect(await unstamp(store(), attempt)).toBe(ids.length);
    expect(await deleteStamped(store(), batch)).toEqual({ deleted: 0, missing: 3 });
  });

  it('reports ids that are not there, so that only an earlier attempt can explain them', async () => {
    const batch = await stored(3);
    await stampBatch(store(), batch);
    await deleteStamped(store(), { ...batch, ids: batch.ids.slice(0, 1) });
    expect(await deleteStamped(store(), batch)).toEqual({ deleted: 2, missing: 1 });
  });

  const id = 'version-000000000001';
  it.each<[string, unknown]>([
    ['an undefined tenant', { tenantId: undefined }],
    ['a null tenant', { tenantId: null }],
    ['a tenant that is an operator', { tenantId: { $ne: null } }],
    ['a tenant that is a list', { tenantId: ['tn_0123456789abcdef'] }],
    ['a tenant that is a function', { tenantId: () => 'tn_0123456789abcdef' }],
    ['a tenant that is a symbol', { tenantId: Symbol('tn_0123456789abcdef') }],
    ['a tenant with a trailing space', { tenantId: 'tn_0123456789abcdef ' }],
    ['a tenant that is a pattern', { tenantId: /tn_.*/ }],
    ['an undefined asset', { assetId: undefined }],
    ['an asset of another kind of id', { assetId: 'tn_0123456789abcdef' }],
    ['undefined ids', { ids: undefined }],
    ['no ids', { ids: [] }],
    ['ids that are a promise', { ids: Promise.resolve([id]) }],
    ['ids that are a Map', { ids: new Map([[0, id]]) }],
    ['an id that is an operator', { ids: [{ $gt: '' }] }],
    ['an id that is undefined', { ids: [id, undefined] }],
    ['an id twice', { ids: [id, id] }],
    [
      'more ids than a batch has',
      { ids: Array.from({ length: 501 }, (_, n) => `version-${n + 10000}`) },
    ],
    ['an undefined stamp', { stamp: undefined }],
    ['a stamp that is an operator', { stamp: { $exists: true } }],
  ])('sends no statement for %s', async (_, change) => {
    const batch = {
      location: LOCATION,
      tenantId: 'tn_0123456789abcdef',
      assetId: ASSET,
      ids: [id],
      stamp: STAMP,
      ...(change as object),
    } as unknown as StampedBatch;
    const before = sent.length;
    await expect(deleteStamped(store(), batch)).rejects.toMatchObject({ code: 'UNSAFE_STATEMENT' });
    await expect(stampBatch(store(), batch)).rejects.toMatchObject({ code: 'UNSAFE_STATEMENT' });
    expect(sent.slice(before)).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'TypeError'],
    ['null', null, 'TypeError'],
    ['a Map', new Map(), 'LetheError'],
    ['an error', new Error('x'), 'LetheError'],
    ['a promise', Promise.resolve({}), 'LetheError'],
    [
      'an object that only inherits its fields',
      Object.create({ tenantId: 'tn_0123456789abcdef' }),
      'LetheError',
    ],
  ])('sends no statement for %s as the batch', async (_, value, name) => {
    const before = sent.length;
    await expect(deleteStamped(store(), value as StampedBatch)).rejects.toMatchObject({ name });
    expect(sent.slice(before)).toEqual([]);
  });

  it('sends an equality on tenant, asset and stamp with explicit ids, as the server sees it', async () => {
    const batch = await stored(2);
    const before = sent.length;
    await deleteStamped(store(), batch);
    const command = sent.slice(before).find((event) => event.commandName === 'delete')?.command as {
      deletes: readonly { q: object; limit: number }[];
    };
    expect(command.deletes).toHaveLength(1);
    expect(command.deletes[0]?.q).toEqual({
      tenantId: batch.tenantId,
      assetId: ASSET,
      _id: { $in: batch.ids },
      stamp: STAMP,
    });
  });
});

describe('the insert-only writer', () => {
  it('inserts nothing a second time and changes nothing [AB-1]', async () => {
    const batch = await stored(3);
    const documents = [0, 1, 2, 3].map((index) => document(batch.tenantId, index));
    expect(await insertDocuments(store(), LOCATION, documents)).toBe(1);
    expect(await listGroups(store(), LOCATION, batch.tenantId)).toEqual(new Map([[ASSET, 4]]));
  });

  it('refuses other content under an id that is taken [AB-1]', async () => {
    const batch = await stored(1);
    await expect(
      insertDocuments(store(), LOCATION, [document(batch.tenantId, 0, 'other')]),
    ).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    for await (const kept of readGroup(store(), batch)) expect(kept.contentDigest).toBe('same');
  });
});
