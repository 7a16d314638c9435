import { LetheError } from '../../domain/errors';
import { collectionOf } from './collections';
import type { DocumentGroup, DocumentStore } from './documents';
import { speaking } from './failures';

/** Documents that one answer of the server carries. */
const PAGE = 500;

/**
 * Streams the bytes of a group's documents exactly as they are stored, without the stamp that a purge
 * attempt may have left, an answer of the server at a time; record by record in the order of time. Reading,
 * so safe to repeat. Bounds: the answer that is worked on and the next one.
 *
 * @throws LetheError STORE_UNAVAILABLE; STORE_REFUSED when the server gives no raw document.
 */
export async function* readRawGroup(
  store: DocumentStore,
  group: DocumentGroup,
): AsyncGenerator<readonly Buffer[]> {
  const collection = collectionOf(store.client, store.prefix, group.location);
  const cursor = collection
    .find(
      { tenantId: group.tenantId, assetId: group.assetId },
      { raw: true, projection: { stamp: 0 }, batchSize: PAGE },
    )
    .sort({ recordId: 1, observedAt: 1, _id: 1 });
  const ask = (): Promise<unknown> => {
    const asked = speaking('read', () => cursor.next());
    // A failure is told when the answer's turn comes.
    asked.catch(() => undefined);
    return asked;
  };
  try {
    for (let asked = ask(); ;) {
      const next = await asked;
      if (next === null) return;
      // The rest of the same answer is here already; each buffer is a view into it.
      const answer = [next, ...(cursor.readBufferedDocuments() as readonly unknown[])];
      if (!answer.every((document) => Buffer.isBuffer(document))) {
        throw new LetheError('STORE_REFUSED', 'the document store gave no raw document');
      }
      // The server makes the next answer while this one is worked on.
      asked = ask();
      yield answer;
    }
  } finally {
    await cursor.close();
  }
}
