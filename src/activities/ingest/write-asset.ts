import { versionsToAdd } from '../../domain/observation';
import type { CollectionLocation, StoredDocument } from '../../contracts/documents';
import { recordTable } from '../../contracts/record-tables';
import { databaseNow } from '../control/tenant-facts';
import { required, textRows, toSqlTime } from '../control/sql-text';
import { linkIdOf } from '../links/link-writer';
import { insertDocuments } from '../mongo/documents';
import { canonicalText, NOTHING, scanRowIdOf, versionIdOf, type StoredContent } from './content';
import { readServicesInUse } from './facts';
import { readHeadsBefore } from './heads';
import type { IngestLease } from './lease';
import type { Binding } from './links';
import type { IngestPorts } from './ports';
import {
  BASICS_LOCATION,
  type PreparedAsset,
  type PreparedObservation,
  type VersionLocation,
} from './prepare';
import { BATCH_BYTES_MAX, BATCH_ROWS_MAX, insertNewRows, type RowValues } from './rows';
import { unlessTaken } from '../taken';

/** A version that a scan adds. */
interface Version {
  readonly versionId: string;
  readonly recordId: string;
  readonly location: VersionLocation;
  readonly kind: string;
  readonly vanished: boolean;
  readonly content: StoredContent;
}

/** An admitted asset of an observation and the attempt that may write it. */
export interface AssetWork {
  readonly observation: PreparedObservation;
  readonly asset: PreparedAsset;
  readonly binding: Binding;
  readonly requestedAt: readonly string[];
  readonly lease: IngestLease;
}

/** What one scan of one asset came to; the same after a repetition. */
export interface AssetCounts {
  /** Records that were seen, the asset's own basics included. */
  readonly records: number;
  readonly versions: number;
  readonly vanished: number;
  /** Records seen, by kind. */
  readonly byKind: ReadonlyMap<string, number>;
  /** Sensitive values that were redacted in the records, by detector. */
  readonly byDetector: ReadonlyMap<string, number>;
  /** Variables whose value was left out. */
  readonly withheldValues: number;
}

/** Order of writing: what is known of the asset itself first, so that nothing is there without it. */
const WRITE_ORDER: readonly VersionLocation[] = [
  BASICS_LOCATION,
  'mongodb:assets.fingerprints',
  'mongodb:assets.images',
  'mysql:assets.image_risks',
];

/**
 * Writes one asset of a scan: its links, the versions that differ, and last the row that says the scan is
 * complete. Until that row is there the versions stand for themselves and vouch for nothing else.
 *
 * @idempotency every id follows from the scan and from what was observed before it: a repetition after
 * a crash at any point finds what is there and adds the rest.
 * @throws LetheError see insertNewRows and IngestLease.assertMayWrite.
 * @source AB-1, HS-1
 */
export async function writeAsset(ports: IngestPorts, work: AssetWork): Promise<AssetCounts> {
  await writeLinks(ports, work);
  const { observation, asset } = work;
  const heads = await readHeadsBefore(ports, {
    tenantId: observation.tenantId,
    assetId: asset.assetId,
    observedAt: observation.observedAt,
  });
  const { present, vanished } = versionsToAdd({
    observedAt: observation.observedAt,
    completeKinds: new Set(asset.completeKinds),
    seen: asset.records,
    heads,
    requestedAt: work.requestedAt,
  });
  const versions = [
    ...present.map((record) => versionOf(work, { ...record, vanished: false })),
    ...vanished.map((head) => versionOf(work, { ...head, content: NOTHING, vanished: true })),
  ];
  await writeVersions(ports, work, versions);
  await writeScanRow(ports, work);
  return countsOf(asset, present.length, vanished.length);
}

/**
 * Writes records of an asset while its scan still goes on: a version of each, and nothing else. Whether
 * they differ from what is known is not asked: the caller read them anew.
 *
 * @idempotency see writeAsset; the complete scan finds these versions and adds none for them.
 * @throws LetheError see writeAsset.
 * @source AB-1, HS-1
 */
export async function writePart(ports: IngestPorts, work: AssetWork): Promise<AssetCounts> {
  await writeLinks(ports, work);
  const records = work.asset.records.filter(({ location }) => location !== BASICS_LOCATION);
  const versions = records.map((record) => versionOf(work, { ...record, vanished: false }));
  await writeVersions(ports, work, versions);
  return countsOf({ ...work.asset, records }, versions.length, 0);
}

async function writeVersions(
  ports: IngestPorts,
  work: AssetWork,
  versions: readonly Version[],
): Promise<void> {
  for (const location of WRITE_ORDER) {
    const here = versions.filter((version) => version.location === location);
    for (const batch of batchesOf(here)) await writeBatch(ports, work, { location, batch });
  }
}

/**
 * Links first: nothing is stored of an asset that belongs to no service. For an asset that belongs to all
 * services they are read again once its link is committed: a service that is attached at the same time
 * either sees the link and adds its own, or is seen here. @source HS-1
 */
async function writeLinks(ports: IngestPorts, work: AssetWork): Promise<void> {
  await insertLinks(ports, work, work.binding.services);
  if (!work.binding.belongsToAll) return;
  const { tenantId } = work.observation;
  await insertLinks(ports, work, await readServicesInUse(ports.control, tenantId));
}

async function insertLinks(
  ports: IngestPorts,
  work: AssetWork,
  services: readonly string[],
): Promise<void> {
  const { observation, asset, binding } = work;
  const { belongsToAll } = binding;
  const owner = { tenantId: observation.tenantId, assetId: asset.assetId };
  const linkedAt = toSqlTime(observation.observedAt);
  await recordUses(ports, { ...owner, services, linkedAt });
  const known = await readLinked(ports, owner, belongsToAll);
  const missing = services.filter((service) => !known.has(service));
  const rows = missing.map((service) => [
    linkIdOf({ ...owner, service, belongsToAll, linkedAt }),
    service,
    belongsToAll ? 1 : 0,
    linkedAt,
  ]);
  await insertRows(ports, work, { location: 'mysql:assets.asset_links', rows });
}

async function readLinked(
  ports: IngestPorts,
  owner: { readonly tenantId: string; readonly assetId: string },
  belongsToAll: boolean,
): Promise<ReadonlySet<string>> {
  const rows = await textRows(
    ports.assets,
    'SELECT service FROM asset_links WHERE tenant_id = ? AND asset_id = ? AND belongs_to_all = ?',
    [owner.tenantId, owner.assetId, belongsToAll ? 1 : 0],
  );
  return new Set(rows.map((row) => required(row, 'service')));
}

/**
 * Kept in control when the links are archived: a later link continues the asset's use. A use that is on
 * record since the tenant's newest run, from no later day, says all that this one would say. @source AB-2
 */
async function recordUses(
  ports: IngestPorts,
  use: {
    readonly tenantId: string;
    readonly assetId: string;
    readonly services: readonly string[];
    readonly linkedAt: string;
  },
): Promise<void> {
  for (const service of use.services) {
    const key = [use.tenantId, use.assetId, service, use.linkedAt];
    await unlessTaken(() =>
      ports.control.execute(
        `INSERT INTO asset_uses (tenant_id, asset_id, service, linked_at, recorded_at)
       SELECT ?, ?, ?, ?, lethe_now() FROM DUAL WHERE NOT EXISTS (
         SELECT 1 FROM asset_uses WHERE tenant_id = ? AND asset_id = ? AND service = ?
            AND (linked_at = ? OR linked_at <= ? AND recorded_at >= COALESCE(
              (SELECT MAX(created_at) FROM runs WHERE tenant_id = ?), '1000-01-01')))`,
        [...key, ...key, use.linkedAt, use.tenantId],
      ),
    );
  }
}

function versionOf({ observation, asset }: AssetWork, record: Omit<Version, 'versionId'>): Version {
  const { recordId, location, kind, vanished, content } = record;
  const versionId = versionIdOf({
    tenantId: observation.tenantId,
    assetId: asset.assetId,
    recordId,
    vanished,
    contentDigest: content.digest,
    scanId: observation.scanId,
    observedAt: observation.observedAt,
  });
  return { versionId, recordId, location, kind, vanished, content };
}

/** Batches that one statement can carry: bounded by their number and by the size of their bodies. */
function* batchesOf(versions: readonly Version[]): Generator<readonly Version[]> {
  let batch: Version[] = [];
  let bytes = 0;
  for (const version of versions) {
    const size = version.content.bytes;
    const full = batch.length === BATCH_ROWS_MAX || bytes + size > BATCH_BYTES_MAX;
    if (full && batch.length > 0) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(version);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

async function writeBatch(
  ports: IngestPorts,
  work: AssetWork,
  { location, batch }: { readonly location: VersionLocation; readonly batch: readonly Version[] },
): Promise<void> {
  if (location.startsWith('mongodb:')) {
    await mayWrite(ports, work);
    const documents = batch.map((version) => documentOf(work, version));
    await insertDocuments(ports.documents, location as CollectionLocation, documents);
    return;
  }
  const rows = batch.map((version) => rowOf(work, version));
  await insertRows(ports, work, { location, rows });
}

function documentOf({ observation, asset }: AssetWork, version: Version): StoredDocument {
  return {
    _id: version.versionId,
    tenantId: observation.tenantId,
    assetId: asset.assetId,
    recordId: version.recordId,
    kind: version.kind,
    scanId: observation.scanId,
    observedAt: observation.observedAt,
    vanished: version.vanished,
    contentDigest: version.content.digest,
    body: version.content.body,
  };
}

function rowOf({ observation, asset }: AssetWork, version: Version): RowValues {
  return [
    version.versionId,
    version.recordId,
    version.location === BASICS_LOCATION ? asset.assetKind : version.kind,
    observation.scanId,
    toSqlTime(observation.observedAt),
    version.vanished ? 1 : 0,
    version.content.digest,
    canonicalText(version.content.body),
  ];
}

async function writeScanRow(ports: IngestPorts, work: AssetWork): Promise<void> {
  const { observation, asset } = work;
  const { tenantId, scanId, source, observedAt } = observation;
  const row = [
    scanRowIdOf({ tenantId, assetId: asset.assetId, scanId, observedAt }),
    scanId,
    source,
    toSqlTime(observedAt),
    toSqlTime(await databaseNow(ports.control)),
    JSON.stringify(asset.completeKinds),
    asset.records.length,
  ];
  await insertRows(ports, work, { location: 'mysql:assets.scans', rows: [row] });
}

async function insertRows(
  ports: IngestPorts,
  work: AssetWork,
  { location, rows }: { readonly location: string; readonly rows: readonly RowValues[] },
): Promise<void> {
  await mayWrite(ports, work);
  await insertNewRows(
    ports.assets,
    { attemptId: work.lease.attemptId, prefix: ports.documents.prefix },
    {
      table: recordTable(location),
      tenantId: work.observation.tenantId,
      assetId: work.asset.assetId,
      rows,
    },
  );
}

async function mayWrite(ports: IngestPorts, work: AssetWork): Promise<void> {
  ports.heartbeat();
  await work.lease.assertMayWrite();
}

function countsOf(asset: PreparedAsset, present: number, vanished: number): AssetCounts {
  const byKind = new Map<string, number>();
  const byDetector = new Map<string, number>();
  let withheldValues = 0;
  for (const { kind, content } of asset.records) {
    byKind.set(kind, (byKind.get(kind) ?? 0) + 1);
    if (content.body['valueState'] === 'withheld') withheldValues += 1;
    for (const [id, times] of content.redacted) {
      byDetector.set(id, (byDetector.get(id) ?? 0) + times);
    }
  }
  const records = asset.records.length;
  return { records, versions: present + vanished, vanished, byKind, byDetector, withheldValues };
}
