import type { FindCursor } from 'mongodb';
import type { CollectionLocation } from '../../contracts/documents';
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
  const reading = new RawReading(store, group);
  try {
    yield* reading.answers();
  } finally {
    await reading.close();
  }
}

/** Groups of one location, read one behind the other. */
export interface DocumentGroups {
  readonly location: CollectionLocation;
  readonly tenantId: string;
  readonly assetIds: readonly string[];
}

/**
 * As `readRawGroup` for several groups in their order, each answer with its asset: the server looks for the next
 * group while one is worked on. Bounds: one answer more.
 *
 * @throws LetheError STORE_UNAVAILABLE.
 */
export async function* readRawGroups(
  store: DocumentStore,
  { location, tenantId, assetIds }: DocumentGroups,
): AsyncGenerator<{ readonly assetId: string; readonly contents: readonly Buffer[] }> {
  const readings: RawReading[] = [];
  const begin = (assetId: string | undefined): void => {
    if (assetId !== undefined)
      readings.push(new RawReading(store, { location, tenantId, assetId }));
  };
  try {
    begin(assetIds[0]);
    for (const [at, assetId] of assetIds.entries()) {
      begin(assetIds[at + 1]);
      const [reading] = readings;
      if (reading === undefined) return;
      for await (const contents of reading.answers()) yield { assetId, contents };
      await reading.close();
      readings.shift();
    }
  } finally {
    for (const reading of readings) await reading.close();
  }
}

/** One group being read; its first answer is asked for at once. */
class RawReading {
  private readonly cursor: FindCursor;
  private asked: Promise<unknown>;

  constructor(store: DocumentStore, { location, tenantId, assetId }: DocumentGroup) {
    this.cursor = collectionOf(store.client, store.prefix, location)
      .find({ tenantId, assetId }, { raw: true, projection: { stamp: 0 }, batchSize: PAGE })
      .sort({ recordId: 1, observedAt: 1, _id: 1 });
    this.asked = this.ask();
  }

  async *answers(): AsyncGenerator<readonly Buffer[]> {
    for (;;) {
      const next = await this.asked;
      if (next === null) return;
      // The rest of the same answer is here already; each buffer is a view into it.
      const answer = [next, ...(this.cursor.readBufferedDocuments() as readonly unknown[])];
      if (!answer.every((document) => Buffer.isBuffer(document))) {
        throw new LetheError('STORE_REFUSED', 'the document store gave no raw document');
      }
      // The server makes the next answer while this one is worked on.
      this.asked = this.ask();
      yield answer;
    }
  }

  close(): Promise<void> {
    return this.cursor.close();
  }

  private ask(): Promise<unknown> {
    const asked = speaking('read', () => this.cursor.next());
    // A failure is told when the answer's turn comes.
    asked.catch(() => undefined);
    return asked;
  }
}
