import type { FingerprintKind, Observation, ObservedAsset } from '../contracts/observations';
import { FINGERPRINT_KINDS } from '../contracts/observations';
import type { Fingerprint } from '../contracts/schemas/fingerprints';
import type { ClusterBasics, ContainerBasics, HostReport } from '../contracts/schemas/host-report';
import { makeId, parseId } from '../domain/identifiers';
import { recordsOf } from './observed-records';
import { without } from './without';
import { sha256 } from './text';

/** Whose scan the report belongs to. */
export interface ScanIdentity {
  readonly tenantId: string;
  readonly scanId: string;
}

/** Of a container only what runs in it is seen from outside. */
const SEEN_IN_CONTAINERS: readonly FingerprintKind[] = ['process', 'port'];

/**
 * Turns a report into what ingest stores: the host, and its containers and clusters as assets of
 * their own that belong to the same Hosting Services. A record that names a container goes to the
 * container.
 *
 * Two rescans of a machine on which nothing happened give the same records, so that no new version is
 * written: what changes by itself (process ids, loads, free memory, time of start to the second) is
 * left out or taken in coarse steps (`observed-records.ts`). The report keeps the exact figures until
 * it is accepted.
 *
 * @throws LetheError INVALID_TENANT_ID or INVALID_INPUT naming the id.
 * @source DC-1, HS-1
 */
export function observationOf(report: HostReport, scan: ScanIdentity): Observation {
  const tenantId = parseId('TenantId', scan.tenantId, 'tenantId');
  const scanId = parseId('ScanId', scan.scanId, 'scanId');
  const known = new Set(report.containers.map(({ containerId }) => containerId));
  const owned = new Map<string, Fingerprint[]>([['', []]]);
  for (const record of report.fingerprints) {
    const container = containerOf(record);
    const owner = container !== null && known.has(container) ? container : '';
    const records = owned.get(owner);
    if (records === undefined) owned.set(owner, [record]);
    else records.push(record);
  }
  const ofOwner = (owner: string): readonly Fingerprint[] => owned.get(owner) ?? [];
  return {
    tenantId,
    scanId,
    source: 'host-report',
    observedAt: report.collectedAt,
    assets: [
      hostAsset(report, ofOwner('')),
      ...report.containers.map((container) =>
        containerAsset(report, container, ofOwner(container.containerId)),
      ),
      ...report.clusters.map((cluster) => clusterAsset(report, cluster)),
    ],
  };
}

const containerOf = (record: Fingerprint): string | null =>
  'containerId' in record ? record.containerId : null;

function hostAsset(report: HostReport, records: readonly Fingerprint[]): ObservedAsset {
  // The instant of the start is computed from a clock that is set now and then; the boot id is not.
  const basics = without({ ...report.host, scope: report.scope }, 'bootedAt');
  return {
    assetId: report.assetId,
    assetKind: 'host',
    links: { to: 'linked' },
    basics,
    completeKinds: completeKinds(report),
    records: recordsOf(records),
  };
}

/** Kinds of which nothing stayed unread, so that what is missing is gone. */
function completeKinds(report: HostReport): readonly FingerprintKind[] {
  const unread = new Set<string>(report.unread.map(({ kind }) => kind));
  return FINGERPRINT_KINDS.filter((kind) => !unread.has(kind));
}

function containerAsset(
  report: HostReport,
  container: ContainerBasics,
  records: readonly Fingerprint[],
): ObservedAsset {
  return {
    assetId: derivedAssetId(report.assetId, 'container', container.containerId),
    assetKind: 'container',
    links: { to: 'same-as', assetId: report.assetId },
    basics: { ...container, hostAssetId: report.assetId },
    completeKinds: completeKinds(report).filter((kind) => SEEN_IN_CONTAINERS.includes(kind)),
    records: recordsOf(records),
  };
}

/** A cluster as this host knows it: each node reports its own sight, and `clusterKey` joins them. */
function clusterAsset(report: HostReport, cluster: ClusterBasics): ObservedAsset {
  return {
    assetId: derivedAssetId(report.assetId, 'cluster', cluster.clusterKey),
    assetKind: 'cluster',
    links: { to: 'same-as', assetId: report.assetId },
    basics: { ...cluster, hostAssetId: report.assetId },
    completeKinds: [],
    records: [],
  };
}

/**
 * Asset id of something on a host: the same whenever it is seen there, another on every other host
 * and for every other tenant, because the host's own id is part of it.
 */
export const derivedAssetId = (
  hostAssetId: string,
  kind: 'container' | 'cluster',
  ownId: string,
): string => makeId('AssetId', sha256(`${hostAssetId} ${kind} ${ownId}`));
