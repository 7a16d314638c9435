import { OWN_BASICS, type RecordHead } from '../../domain/observation';
import type { ObservedLocation } from '../../contracts/observations';
import { required, textRows, toInstant, toSqlTime } from '../control/sql-text';
import { readHeads } from '../mongo/documents';
import type { IngestPorts } from './ports';
import { BASICS_LOCATION, type VersionLocation } from './prepare';

/** The newest version of a record before a scan, and where it is. */
export interface LocatedHead extends RecordHead {
  readonly location: VersionLocation;
}

/** Which asset, and before which scan. */
export interface HeadsBefore {
  readonly tenantId: string;
  readonly assetId: string;
  readonly observedAt: string;
}

const COLLECTIONS = ['mongodb:assets.fingerprints', 'mongodb:assets.images'] as const;
const TABLES = [
  [BASICS_LOCATION, 'assets', `'${OWN_BASICS}'`],
  ['mysql:assets.image_risks', 'image_risks', 't.risk_kind'],
] as const;

/**
 * The newest version of every record of an asset that was observed before a scan. Versions of the scan
 * itself are not among them, so that a repetition compares with the same ones.
 *
 * One entry per record is held in memory; bodies stay in the stores.
 */
export async function readHeadsBefore(
  ports: Pick<IngestPorts, 'assets' | 'documents' | 'heartbeat'>,
  scan: HeadsBefore,
): Promise<ReadonlyMap<string, LocatedHead>> {
  const heads = new Map<string, LocatedHead>();
  for (const [location, table, kind] of TABLES) {
    for (const head of await readTableHeads(ports, scan, { location, table, kind })) {
      keepNewest(heads, head);
    }
    ports.heartbeat();
  }
  for (const location of COLLECTIONS) {
    await readCollectionHeads(ports, { location, ...scan }, heads);
    ports.heartbeat();
  }
  return heads;
}

async function readTableHeads(
  { assets }: Pick<IngestPorts, 'assets'>,
  scan: HeadsBefore,
  { location, table, kind }: { location: VersionLocation; table: string; kind: string },
): Promise<readonly LocatedHead[]> {
  const group = [scan.tenantId, scan.assetId];
  const rows = await textRows(
    assets,
    `SELECT t.record_id, ${kind} AS kind, t.observed_at, t.vanished, t.content_digest
       FROM ${table} t
       JOIN (SELECT record_id, MAX(observed_at) AS newest FROM ${table}
              WHERE tenant_id = ? AND asset_id = ? AND observed_at < ? GROUP BY record_id) n
         ON n.record_id = t.record_id AND n.newest = t.observed_at
      WHERE t.tenant_id = ? AND t.asset_id = ?`,
    [...group, toSqlTime(scan.observedAt), ...group],
  );
  return rows.map((row) => ({
    location,
    recordId: required(row, 'record_id'),
    kind: required(row, 'kind'),
    observedAt: toInstant(required(row, 'observed_at')),
    vanished: required(row, 'vanished') === '1',
    contentDigest: required(row, 'content_digest'),
  }));
}

async function readCollectionHeads(
  ports: Pick<IngestPorts, 'documents' | 'heartbeat'>,
  group: HeadsBefore & { readonly location: ObservedLocation & `mongodb:${string}` },
  heads: Map<string, LocatedHead>,
): Promise<void> {
  const { location, tenantId, assetId } = group;
  let read = 0;
  for await (const head of readHeads(ports.documents, { location, tenantId, assetId })) {
    read += 1;
    if (read % 1000 === 0) ports.heartbeat();
    if (head.observedAt >= group.observedAt) continue;
    const { recordId, kind, observedAt, vanished, contentDigest } = head;
    keepNewest(heads, { location, recordId, kind, observedAt, vanished, contentDigest });
  }
}

function keepNewest(heads: Map<string, LocatedHead>, head: LocatedHead): void {
  const known = heads.get(head.recordId);
  if (known === undefined || known.observedAt < head.observedAt) heads.set(head.recordId, head);
}
