import type { RecordClass } from './record-class';

/** The step of the lifecycle that empties a location. */
export type EmptiedBy = 'move' | 'destroy' | 'acceptance' | 'expiry' | 'key-destruction';

/** One place where tenant data is or may be. */
export interface Location {
  readonly id: string;
  readonly kind: 'table' | 'collection' | 'bucket' | 'log' | 'backup' | 'file';
  readonly recordClass: RecordClass | 'both';
  readonly emptiedBy: EmptiedBy;
  /** For what cannot be emptied record by record: the longest it lives, in days. */
  readonly maxAgeDays?: number;
  /** What is in it, for people. */
  readonly holds: string;
}

const asset = 'asset-basic-data' as const;
const configuration = 'console-configuration-data' as const;
/** Logs and backups of clear data end well before the 30 days after a termination do. */
const REMNANT_DAYS = 21;

/**
 * Every location of tenant data. What is found on a server and is not here, or exempt with a reason,
 * fails a test; what is here and cannot be verified blocks the certificate. @source ST-1, ST-2, PU-1
 */
export const INVENTORY = Object.freeze([
  table(
    'mongodb:assets.fingerprints',
    'collection',
    asset,
    'move',
    'fingerprints of 15 kinds, containers, clusters',
  ),
  table(
    'mongodb:assets.images',
    'collection',
    asset,
    'move',
    'image basics, layers, construction history',
  ),
  table(
    'mysql:assets.assets',
    'table',
    asset,
    'move',
    'hosts, containers, clusters, image repositories',
  ),
  table(
    'mysql:assets.asset_links',
    'table',
    asset,
    'move',
    'which Hosting Services an asset belongs to',
  ),
  table('mysql:assets.scans', 'table', asset, 'move', 'one row for each complete scan'),
  table('mysql:assets.image_risks', 'table', asset, 'move', 'risks found in images'),
  table(
    'mongodb:configuration.detection_settings',
    'collection',
    configuration,
    'destroy',
    'detection settings, encrypted',
  ),
  table(
    'mongodb:configuration.whitelists',
    'collection',
    configuration,
    'destroy',
    'whitelists, encrypted',
  ),
  table(
    'mysql:configuration.console_settings',
    'table',
    configuration,
    'destroy',
    'other settings, encrypted',
  ),
  table(
    'mysql:configuration.configuration_changes',
    'table',
    configuration,
    'destroy',
    'what was changed when, without bodies',
  ),
  table('s3:archive', 'bucket', asset, 'key-destruction', 'encrypted archive parts, first copy'),
  table('s3:backup', 'bucket', asset, 'key-destruction', 'encrypted archive parts, second copy'),
  table('mysql:keys', 'table', 'both', 'destroy', 'wrapped data keys'),
  {
    ...table('mysql:control.staging', 'table', 'both', 'acceptance', 'bodies on their way in'),
    maxAgeDays: 1,
  },
  {
    ...table('s3:inbox', 'bucket', asset, 'acceptance', 'delivered reports on their way in'),
    maxAgeDays: 1,
  },
  remnant('mongodb:oplog', 'log', 'operations log of the document store'),
  remnant('mongodb:backups', 'backup', 'backups of the document store'),
  // Bodies of configuration pass through staging in clear.
  { ...remnant('mysql:binary-logs', 'log', 'binary logs of the SQL store'), recordClass: 'both' },
  { ...remnant('mysql:backups', 'backup', 'backups of the SQL store'), recordClass: 'both' },
  remnant(
    'worker:temporary-files',
    'file',
    'none are written; listed so that a new one has a place',
  ),
] as const satisfies readonly Location[]);

/** Id of a location that records live in and are removed from by id. */
export const RECORD_LOCATIONS = Object.freeze([
  'mongodb:assets.fingerprints',
  'mongodb:assets.images',
  'mysql:assets.assets',
  'mysql:assets.asset_links',
  'mysql:assets.scans',
  'mysql:assets.image_risks',
  'mongodb:configuration.detection_settings',
  'mongodb:configuration.whitelists',
  'mysql:configuration.console_settings',
  'mysql:configuration.configuration_changes',
] as const);

/** A location of records. */
export type RecordLocation = (typeof RECORD_LOCATIONS)[number];

/** Record locations of one class. */
export function recordLocationsOf(recordClass: RecordClass): readonly RecordLocation[] {
  const database = recordClass === 'asset-basic-data' ? 'assets' : 'configuration';
  return RECORD_LOCATIONS.filter((id) => id.includes(`:${database}.`));
}

/** Objects on the servers that hold no tenant data, each with its reason. */
export const EXEMPT = Object.freeze({
  'mysql:control':
    'facts, ids, counts and windows of the lifecycle; bodies only pass through staging',
  'mysql:evidence': 'ids, counts, digests and instants that prove what was done; no tenant content',
  's3:evidence': 'exported evidence and certificates; no tenant content by construction',
} as const);

function table(
  id: string,
  kind: Location['kind'],
  ...[recordClass, emptiedBy, holds]: [Location['recordClass'], EmptiedBy, string]
): Location {
  return { id, kind, recordClass, emptiedBy, holds };
}

function remnant(id: string, kind: Location['kind'], holds: string): Location {
  return { id, kind, recordClass: asset, emptiedBy: 'expiry', maxAgeDays: REMNANT_DAYS, holds };
}
