/**
 * Login accounts of the SQL server and everything each may do. None has UPDATE or DELETE on any table:
 * rows change only inside procedures that run as a locked account. A reviewer reads this page to know
 * what a stolen password is worth.
 *
 * Entries read `<database>.<object>`; `*` is every table of the database.
 */
export interface RoleGrants {
  readonly select?: readonly string[];
  readonly insert?: readonly string[];
  readonly execute?: readonly string[];
  readonly update?: readonly string[];
}

const CONTROL_FACTS = [
  'tenants',
  'commands',
  'attestations',
  'attestation_withdrawals',
  'subscriptions',
  'subscription_ends',
  'authorizations',
  'authorization_revocations',
  'configuration_generations',
  'deletion_requests',
  'deletion_withdrawals',
  'order_pages',
  'order_refusal_totals',
  'scan_orders',
  'holds',
  'hold_grounds',
  'hold_scopes',
  'hold_reviews',
  'freezes',
  'cap_stops',
  'backup_sets',
  'backup_expiries',
  'throttles',
  'pace_waits',
  'scan_schedules',
  'breaches',
  'events',
  'event_closings',
  'runs',
  'run_subjects',
  'run_states',
  'cohort_states',
  'cohort_windows',
  'window_refreshes',
  'tombstones',
  'sweeps',
  'deadline_warnings',
  'asset_uses',
  'notice_receivers',
  'notice_receiver_ends',
  'notice_replays',
  'stray_archives',
  'cohort_splits',
  'unsplit_cohorts',
  'lost_splits',
].map((table) => `control.${table}`);

/** All of control but bodies on their way in and grounds of holds: those are content. */
const CONTROL_READ = [
  ...CONTROL_FACTS.filter((table) => table !== 'control.hold_grounds'),
  ...[
    'interlocks',
    'scan_results',
    'scanned_repositories',
    'refused_observations',
    'run_assets',
    'cohorts',
    'cohort_keys',
    'cohort_counts',
    'manifests',
    'manifest_batches',
    'manifest_objects',
    'seal_parts',
    'verifications',
    'permits',
    'attempts',
    'freeze_lifts',
    'freeze_lift_requests',
    'hold_parameters',
    'hold_release_requests',
    'hold_releases',
    'hold_release_withdrawals',
    'released_holds',
    'cohort_spans',
    'split_verdicts',
    'returned_batches',
    'cohort_reliefs',
    'cap_settings',
    'cap_uses',
    'breaker_trips',
    'breaker_resets',
    'policy_activations',
    'signers',
    'signer_revocations',
    'approval_rules',
    'authority_changes',
    'authority_approvals',
    'decision_rules',
    'signed_decisions',
    'deletion_orders',
    'deletion_order_requests',
    'deletion_approvals',
    'deletion_order_stops',
    'order_refusals',
    'notices',
    'notice_order',
    'notice_attempts',
  ].map((table) => `control.${table}`),
];

const NOTICE_TABLES = [
  'notices',
  'notice_order',
  'notice_receivers',
  'notice_receiver_ends',
  'notice_replays',
  'notice_attempts',
].map((table) => `control.${table}`);

const SQL_REPLAYS = [
  'assets.replay_assets',
  'assets.replay_asset_links',
  'assets.replay_scans',
  'assets.replay_image_risks',
  'configuration.replay_console_settings',
  'configuration.replay_configuration_changes',
];

const SQL_PURGES = [
  'assets.purge_assets',
  'assets.purge_asset_links',
  'assets.purge_scans',
  'assets.purge_image_risks',
  'configuration.purge_console_settings',
  'configuration.purge_configuration_changes',
];

/** Grants per role. */
export const ROLE_GRANTS = Object.freeze({
  /** Accepts commands and holds; issues nothing, deletes nothing. */
  control: {
    select: [
      'control.*',
      'keys.data_keys',
      'keys.key_permits',
      'keys.key_tombstones',
      'keys.key_epochs',
      'keys.key_refusals',
    ],
    insert: [...CONTROL_FACTS, 'control.scan_results'],
    execute: [
      'control.lethe_now',
      'control.lock_tenant',
      'control.bump_interlock',
      'control.staged_configuration',
      'control.erase_staging',
      'control.erase_stale_staging',
      'control.close_key_permit',
      'control.request_lift',
      'control.approve_lift',
      'control.request_hold_release',
      'control.approve_hold_release',
      'control.withdraw_hold_release',
      'control.replay_hold_release',
      'control.set_cap',
      'control.trip_breaker',
      'control.reset_breaker',
      'control.activate_policy',
      'control.bootstrap_signer',
      'control.propose_change',
      'control.approve_change',
      'control.order_for_request',
      'control.submit_order',
      'control.approve_order',
      'control.stop_order',
      'control.count_refusal',
      'control.replay_order_stop',
      'control.replay_signer_revocation',
      'control.replay_approval_rule',
      'control.replay_cap',
      'control.replay_trip',
      'control.record_decision',
      'control.replay_decision_rule',
      'keys.lethe_now',
      'keys.ensure_epoch',
      'keys.bump_key_epoch',
    ],
  },
  /** Issues permits; cannot use them. */
  issuer: {
    select: ['control.permits', 'keys.key_epochs'],
    execute: [
      'control.lethe_now',
      'control.issue_move_permit',
      'control.issue_destroy_permit',
      'control.issue_retire_permit',
      'control.issue_replay_permit',
      'keys.issue_key_permit',
    ],
  },
  /** Uses row permits; cannot issue them and cannot delete without one. */
  purger: {
    select: [
      'control.manifest_batches',
      'control.permits',
      'control.attempts',
      'control.replica_beats',
    ],
    execute: [
      'control.beat_replicas',
      ...SQL_PURGES,
      ...SQL_REPLAYS,
      'control.lethe_now',
      'control.start_purge_attempt',
      'control.assert_attempt_live',
      'control.finish_purge_attempt',
    ],
  },
  /** Reads one row at replicas, which says how far they are behind; nothing else, anywhere. */
  watcher: { select: ['control.replica_beats'] },
  /** Uses key permits. */
  destroyer: {
    select: ['keys.data_keys', 'keys.key_tombstones', 'keys.key_permits'],
    execute: ['keys.lethe_now', 'keys.destroy_key'],
  },
  /** Makes and reads data keys. */
  keys: {
    select: ['keys.data_keys', 'keys.key_wrappings', 'keys.key_tombstones'],
    insert: ['keys.data_keys', 'keys.key_wrappings'],
    execute: ['keys.lethe_now'],
  },
  /** Reads live rows and seals runs. */
  archiver: {
    select: [...CONTROL_READ, 'assets.*', 'configuration.*'],
    insert: [
      'control.manifests',
      'control.manifest_batches',
      'control.manifest_objects',
      'control.cohorts',
      'control.run_assets',
      'control.cohort_counts',
      'control.cohort_keys',
      'control.seal_parts',
    ],
    execute: [
      'control.lethe_now',
      'control.order_for_request',
      'control.start_attempt',
      'control.end_archive_attempt',
    ],
  },
  /** Reads everything but what waits in staging and why holds were placed; writes only its verdicts. */
  verifier: {
    select: [
      ...CONTROL_READ,
      'control.backup_sets',
      'control.backup_expiries',
      'assets.*',
      'configuration.*',
      'keys.*',
      'evidence.*',
    ],
    insert: [
      'control.verifications',
      'control.cohort_spans',
      'control.split_verdicts',
      'control.returned_batches',
    ],
    execute: ['control.lethe_now', 'control.order_for_request', 'control.stale_staged'],
  },
  /** Writes observations, and nothing else about them. */
  collector: {
    select: [
      'assets.*',
      'control.tenants',
      'control.subscriptions',
      'control.subscription_ends',
      'control.attestations',
      'control.attestation_withdrawals',
      'control.authorizations',
      'control.authorization_revocations',
      'control.deletion_requests',
      'control.deletion_withdrawals',
      'control.events',
      'control.event_closings',
      'control.asset_uses',
      'control.runs',
      'control.scan_orders',
      'control.scan_results',
      'control.scanned_repositories',
      'control.attempts',
    ],
    insert: [
      'assets.*',
      'control.asset_uses',
      'control.scan_results',
      'control.scanned_repositories',
      'control.refused_observations',
    ],
    execute: [
      'control.lethe_now',
      'control.start_attempt',
      'control.end_attempt',
      'control.staged_report',
      'control.erase_staged_report',
    ],
  },
  /** Writes configuration. */
  console: {
    select: ['configuration.*', 'control.configuration_generations'],
    insert: ['configuration.*'],
    execute: ['control.lethe_now', 'control.staged_configuration'],
  },
  /** Puts notices in order and records how each delivery went; it can write none and reads nothing else. */
  notifier: {
    select: NOTICE_TABLES,
    insert: ['control.notice_order', 'control.notice_attempts', 'control.notice_receiver_ends'],
    execute: ['control.lethe_now'],
  },
  /** Puts bodies into staging; cannot read them back. */
  stager: { insert: ['control.staging'], execute: ['control.lethe_now'] },
  /** Appends evidence. */
  ledger: { select: ['evidence.*'], insert: ['evidence.*'], execute: ['evidence.lethe_now'] },
  /** Counts live rows for previews of orders; reads tenant data and nothing else, and writes nowhere. */
  previewer: { select: ['assets.*', 'configuration.*'] },
  /** Status and deadlines for people; no tenant content. */
  reader: {
    select: [...CONTROL_READ, 'evidence.*'],
    execute: ['control.lethe_now', 'control.order_for_request'],
  },
} as const satisfies Record<string, RoleGrants>);

/** Exists in simulation environments only: the one account that may write a clock offset. */
export const SIMULATOR_GRANTS: RoleGrants = Object.freeze({
  select: [
    'control.simulation_clock',
    'keys.simulation_clock',
    'evidence.simulation_clock',
    'control.permits',
    'control.attempts',
    'keys.key_permits',
  ],
  update: ['control.simulation_clock', 'keys.simulation_clock', 'evidence.simulation_clock'],
  execute: ['control.lethe_now'],
});

/** A login account of the SQL server. */
export type SqlRole = keyof typeof ROLE_GRANTS | 'simulator';
