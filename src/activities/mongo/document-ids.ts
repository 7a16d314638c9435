import { LetheError } from '../../domain/errors';
import { collectionOf } from './collections';
import type { DocumentGroup, DocumentStore } from './documents';
import { speaking } from './failures';

/**
 * Ids of the documents of a group, in their order. Reading, so safe to repeat.
 *
 * @throws LetheError VERIFICATION_FAILED when a document has an id of another kind.
 */
export async function listIds(
  store: DocumentStore,
  group: DocumentGroup,
): Promise<readonly string[]> {
  const collection = collectionOf(store.client, store.prefix, group.location);
  const documents = await speaking('read', () =>
    collection
      .find({ tenantId: group.tenantId, assetId: group.assetId }, { projection: { _id: 1 } })
      .sort({ _id: 1 })
      .toArray(),
  );
  return documents.map(({ _id }) => {
    if (typeof _id === 'string') return _id;
    throw new LetheError('VERIFICATION_FAILED', 'a document has an id that is no version id');
  });
}
