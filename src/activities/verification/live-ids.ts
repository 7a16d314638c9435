import type { CollectionLocation } from '../../contracts/documents';
import type { RecordLocation } from '../../domain/inventory';
import { groupsOf, placesOf } from '../disposition/live-records';
import { plainText } from '../disposition/row-source';
import { listIds } from '../mongo/document-ids';
import { listGroups } from '../mongo/documents';
import type { VerifierPorts } from './ports';

/** Stores in which ids are looked for. */
export type IdReader = Pick<VerifierPorts, 'assets' | 'configuration' | 'documents'>;

/** An id that is live, by its asset or generation. */
export interface LiveId {
  readonly assetId: string;
  readonly versionId: string;
}

/** Ids that are live in one location for the assets, or generations, as many at a time as arrive together. */
export async function* liveIdsOfAssets(
  ports: IdReader,
  group: {
    readonly location: RecordLocation;
    readonly tenantId: string;
    readonly assetIds: readonly string[];
  },
): AsyncGenerator<readonly LiveId[]> {
  const { location, tenantId, assetIds } = group;
  if (location.startsWith('mongodb:')) {
    yield* liveDocuments(ports, { ...group, location: location as CollectionLocation });
    return;
  }
  const [database, table = ''] = location.slice('mysql:'.length).split('.');
  const pool = database === 'assets' ? ports.assets : ports.configuration;
  for (const some of groupsOf(assetIds)) {
    const chunks = pool.chunks(
      `SELECT asset_id, version_id FROM ${table}
        WHERE tenant_id = ? AND asset_id IN (${placesOf({ assetIds: some })})`,
      [tenantId, ...some],
    );
    for await (const rows of chunks) {
      yield rows.map(([assetId, versionId]) => ({
        assetId: plainText(assetId),
        versionId: plainText(versionId),
      }));
    }
  }
}

/** Only assets that have documents are asked for them: a store without procedures answers slowly. */
async function* liveDocuments(
  { documents }: IdReader,
  group: {
    readonly location: CollectionLocation;
    readonly tenantId: string;
    readonly assetIds: readonly string[];
  },
): AsyncGenerator<readonly LiveId[]> {
  const { location, tenantId } = group;
  const present = await listGroups(documents, location, tenantId);
  for (const assetId of group.assetIds) {
    if (!present.has(assetId)) continue;
    const ids = await listIds(documents, { location, tenantId, assetId });
    yield ids.map((versionId) => ({ assetId, versionId }));
  }
}
