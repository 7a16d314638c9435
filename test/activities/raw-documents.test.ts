import type { MongoClient } from 'mongodb';
import { readRawGroups } from '../../src/activities/mongo/raw-documents';

/** What the server has of an asset: answers of documents, or a failure in their place. */
type Stored = Readonly<Record<string, readonly (readonly string[] | Error)[]>>;

/** A server that writes down what it is asked, in the order in which it is asked. */
function serverOf(stored: Stored) {
  const asked: string[] = [];
  const open = new Set<string>();
  const find = ({ assetId }: { assetId: string }) => {
    const answers = [...(stored[assetId] ?? [])];
    let rest: Buffer[] = [];
    open.add(assetId);
    const cursor = {
      sort: () => cursor,
      next: () => {
        asked.push(assetId);
        const answer = answers.shift();
        if (answer instanceof Error) return Promise.reject(answer);
        const [first = null, ...others] = (answer ?? []).map((text) => Buffer.from(text));
        rest = others;
        return Promise.resolve(first);
      },
      readBufferedDocuments: () => rest.splice(0),
      close: () => Promise.resolve(void open.delete(assetId)),
    };
    return cursor;
  };
  const client = { db: () => ({ collection: () => ({ find }) }) } as unknown as MongoClient;
  return { store: { client, prefix: 't' }, asked, open };
}

const groups = (...assetIds: readonly string[]) => ({
  ...{ location: 'mongodb:assets.fingerprints' as const, tenantId: 'tn_1', assetIds },
});

async function read(stored: Stored, ...assetIds: readonly string[]) {
  const server = serverOf(stored);
  const found: string[] = [];
  const reading = (async () => {
    for await (const { assetId, contents } of readRawGroups(server.store, groups(...assetIds))) {
      found.push(...contents.map((content) => `${assetId} ${content.toString()}`));
    }
  })();
  const failure = await reading.then(
    () => null,
    (error: unknown) => error,
  );
  return { ...server, found, failure };
}

describe('documents of several assets', () => {
  it('come asset by asset, every one once, and no cursor stays open', async () => {
    const stored = { a: [['1', '2'], ['3']], b: [], c: [['4']] };
    const { found, failure, open } = await read(stored, 'a', 'b', 'c');
    expect(failure).toBeNull();
    expect(found).toEqual(['a 1', 'a 2', 'a 3', 'c 4']);
    expect([...open]).toEqual([]);
    expect((await read(stored)).found).toEqual([]);
  });

  it('are looked for one asset ahead and no further', async () => {
    const { store, asked, open } = serverOf({ a: [['1']], b: [['2']], c: [['3']] });
    const reading = readRawGroups(store, groups('a', 'b', 'c'));
    expect(await reading.next()).toMatchObject({ value: { assetId: 'a' } });
    expect(asked).toEqual(['a', 'b', 'a']);
    await reading.return(undefined);
    expect([...open]).toEqual([]);
  });

  it('fail when the turn of what failed has come, and what is before it was given out', async () => {
    const lost = Object.assign(new Error('gone'), { name: 'MongoNetworkError' });
    const { found, failure, open } = await read({ a: [['1'], ['2']], b: [lost] }, 'a', 'b');
    expect(found).toEqual(['a 1', 'a 2']);
    expect(failure).not.toBeNull();
    expect([...open]).toEqual([]);
  });
});
