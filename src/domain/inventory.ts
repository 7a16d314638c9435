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

/**
 * What exists on the servers and is emptied by no step, each with its reason: it says nothing of the
 * tenant's assets or configuration, or it is kept as evidence. Control is weighed table by table, because
 * some of its tables hold words of people: a new one fails a test until it is listed here.
 */
export const EXEMPT = Object.freeze({
  'mysql:control.tenants':
    'tenant ids with zone and calendars of the contract; no content of either class',
  'mysql:control.commands':
    'ids, digests, who asked and what ids came of it; bodies stay in staging',
  'mysql:control.attestations': 'jurisdictions and ages that were attested; evidence by AT-1',
  'mysql:control.attestation_withdrawals':
    'instants at which an attestation was withdrawn; evidence by AT-1',
  'mysql:control.subscriptions': 'which service or the Feature was in use since when',
  'mysql:control.subscription_ends': 'when a use ended and who approved it',
  'mysql:control.authorizations':
    'registry addresses and repository names that the tenant authorized; kept as evidence of SH-1, listed as a gap',
  'mysql:control.authorization_revocations':
    'instants at which an authorization ended; evidence of SH-1',
  'mysql:control.configuration_generations': 'numbers of generations and when each began',
  'mysql:control.deletion_requests':
    'ids, class and instants of requests; evidence of CC-2 and DR-1',
  'mysql:control.deletion_withdrawals': 'ids and instants of withdrawn requests',
  'mysql:control.scan_orders':
    'what a scan was ordered to read, registry addresses among it; kept as evidence of SH-1, listed as a gap',
  'mysql:control.scan_results': 'outcome and numbers of records per scan; no content',
  'mysql:control.scanned_repositories':
    'outcome and numbers of records per repository of a scan, which only the id of its asset names',
  'mysql:control.refused_observations': 'ids and codes of observations that were refused',
  'mysql:control.holds':
    'ids of holds, matters and owners, kinds of grounds, instants, review dates, digests of grounds',
  'mysql:control.hold_grounds':
    'ground and owner of a legal hold in the words of who placed it; kept as evidence of CC-4',
  'mysql:control.hold_scopes':
    'tenant and asset ids, record classes, services and instants that a hold covers',
  'mysql:control.hold_parameters': 'the delay of a release and the life of its request, in hours',
  'mysql:control.hold_release_requests': 'who asked to release a hold, and until when it counts',
  'mysql:control.hold_releases': 'who released a hold and who approved it, with instants',
  'mysql:control.hold_release_withdrawals': 'who withdrew the release of a hold, and when',
  'mysql:control.hold_reviews': 'who looked at a hold, when, and the next day of review',
  'mysql:control.released_holds': 'a view of the releases of holds that have taken effect',
  'mysql:control.cohort_spans': 'from when the records of a cohort were collected, as instants',
  'mysql:control.cohort_splits':
    'which due days were split for which hold, and the run that withholds, as ids',
  'mysql:control.split_verdicts':
    'numbers and digests of what the verifier found in split due days',
  'mysql:control.returned_batches': 'version ids of records that came back, and their count',
  'mysql:control.lost_splits': 'splits that a restored control did not know, as ids and counts',
  'mysql:control.unsplit_cohorts': 'due days that a hold covers as a whole, as ids',
  'mysql:control.cohort_reliefs': 'a view of due days that a hold no longer covers',
  'mysql:control.freezes': 'ids, scopes and instants of freezes',
  'mysql:control.freeze_lifts': 'who lifted a freeze and when',
  'mysql:control.breaches': 'tenant, run and due day of a deadline that was missed',
  'mysql:control.events': 'ends and requests that start a run, with instants',
  'mysql:control.event_closings': 'events that no longer stand and why, as ids',
  'mysql:control.runs': 'ids, class, event and generation of disposition runs',
  'mysql:control.run_subjects': 'services whose end a run belongs to',
  'mysql:control.run_states': 'states of runs with instants',
  'mysql:control.cohorts': 'run, due day and newest observation instant of a cohort',
  'mysql:control.cohort_keys': 'references of data keys, never a key',
  'mysql:control.cohort_counts': 'numbers of records per location of a cohort',
  'mysql:control.cohort_states': 'states of cohorts with instants',
  'mysql:control.cohort_windows': 'windows with rule ids, dates and versions of their derivation',
  'mysql:control.window_refreshes': 'which windows were computed on which epoch',
  'mysql:control.manifests': 'digests and counts of sealed manifests',
  'mysql:control.manifest_batches': 'version ids, which are hashes, and their count and digest',
  'mysql:control.manifest_objects':
    'object names and version ids of archive copies; the names are ids',
  'mysql:control.verifications': 'verdicts with counts and digests',
  'mysql:control.permits': 'permits with batch, window and instants',
  'mysql:control.attempts': 'leases of writers and destroyers',
  'mysql:control.tombstones': 'what was destroyed, by run and due day',
  'mysql:control.interlocks': 'one epoch for each tenant and a global one',
  'mysql:control.deadline_warnings': 'due days that a cap would hold up, ids and instants',
  'mysql:control.sweeps': 'what later looks at certified cohorts found, as numbers',
  'mysql:control.run_assets': 'opaque ids of the assets of which a run sealed anything',
  'mysql:control.seal_parts': 'digests, counts and object versions of parts that are being sealed',
  'mysql:control.throttles': 'how fast live rows may be moved, and who said so',
  'mysql:control.pace_waits': 'which run waited for what, as ids, words and instants',
  'mysql:control.replica_beats': 'one instant, by which replicas say how far they are behind',
  'mysql:control.scan_schedules':
    'how often scans are repeated, and who said so; no address of what is scanned',
  'mysql:control.stray_archives':
    'references of keys and instants of what was found in the archive outside every run',
  'mysql:control.asset_uses':
    'opaque ids of assets and the services they were linked to, with instants',
  'mysql:control.continued_cohorts': 'a view of runs and due days whose use goes on elsewhere',
  'mysql:control.freeze_lift_requests':
    'who asked to lift a freeze, when, and the reason of the operator',
  'mysql:control.breaker_trips': 'what the circuit breaker stopped: scopes, numbers, ids, instants',
  'mysql:control.breaker_resets': 'who reset it, when, and the reason of the operator',
  'mysql:control.cap_gate': 'one row that permits lock before they count',
  'mysql:control.cap_settings': 'caps with who set them, when, and the reason of the operator',
  'mysql:control.cap_uses': 'numbers of records that permits let go, with instants',
  'mysql:control.cap_stops': 'which cap stopped which run, as ids and numbers',
  'mysql:control.policy_activations':
    'versions of the policy with digests, who signed them and since when they are in force',
  'mysql:control.backup_sets': 'ids, stores, instants and places of backups; no content of them',
  'mysql:control.backup_expiries': 'which backups are gone since when',
  'mysql:control.authority_gate': 'one row that changes of the registry of signers lock',
  'mysql:control.signers': 'public keys, roles and opaque ids of the people who may sign',
  'mysql:control.signer_revocations': 'which keys were taken out of the registry, and when',
  'mysql:control.approval_rules': 'how many people approve an order, and how soon',
  'mysql:control.authority_changes':
    'signed proposals to change who may sign: keys, roles, opaque ids of people, instants',
  'mysql:control.authority_approvals': 'signed approvals of such proposals, with opaque ids',
  'mysql:control.decision_rules': 'whether decisions need signatures, and since when',
  'mysql:control.decision_replays': 'which connection puts decisions back, while it does',
  'mysql:control.signed_decisions':
    'signed decisions: ids, words, digests, opaque ids of people and instants; kept as evidence',
  'mysql:control.deletion_orders':
    'signed orders: ids, classes, words, digests and instants; kept as evidence of CC-2 and DR-1',
  'mysql:control.deletion_order_requests': 'which requests an order carries out, as ids',
  'mysql:control.deletion_approvals': 'signed approvals of orders, with opaque ids of people',
  'mysql:control.deletion_order_stops':
    'signed denials and revocations of orders, as words and ids',
  'mysql:keys.key_refusals': 'how often the key store refused, by tenant, cause and hour',
  'mysql:control.order_refusals':
    'how often orders and permits were refused, per tenant, cause and hour',
  'mysql:control.order_refusal_totals': 'which of these numbers are in the evidence',
  'mysql:control.order_pages': 'when somebody was called about a request that nobody approved',
  'mysql:control.notices':
    'ids, instants, counts and known words of facts that are told to receivers',
  'mysql:control.notice_order': 'in which order notices are delivered',
  'mysql:control.notice_receivers':
    'addresses that operators registered for notices: URLs and mailboxes of staff, no data of tenants',
  'mysql:control.notice_receiver_ends': 'which receiver was disabled, when and by whom',
  'mysql:control.notice_replays': 'which notices somebody asked to be delivered again',
  'mysql:control.notice_attempts':
    'how each delivery went, as words and numbers; no answer of a receiver',
  'mysql:control.migrations': 'names and checksums of applied migrations',
  'mysql:control.migration_steps': 'which statements of a migration were carried out',
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
