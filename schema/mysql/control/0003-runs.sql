-- Disposition runs. States and windows are rows that follow one another; the newest one counts.
CREATE TABLE {{control}}.events (
  tenant_id VARBINARY(64) NOT NULL,
  event_id VARBINARY(64) NOT NULL,
  record_class VARBINARY(64) NOT NULL,
  event_kind VARBINARY(32) NOT NULL COMMENT 'termination, feature-end, request, stray, restore',
  event_ref VARBINARY(64) NOT NULL COMMENT 'subscription, request or discovery the event stands on',
  event_at DATETIME(6) NOT NULL,
  recorded_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, event_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.event_closings (
  tenant_id VARBINARY(64) NOT NULL,
  event_id VARBINARY(64) NOT NULL,
  closed_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, event_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.runs (
  run_id VARBINARY(64) NOT NULL PRIMARY KEY,
  tenant_id VARBINARY(64) NOT NULL,
  event_id VARBINARY(64) NOT NULL,
  record_class VARBINARY(64) NOT NULL,
  event_kind VARBINARY(32) NOT NULL,
  event_ref VARBINARY(64) NOT NULL,
  event_at DATETIME(6) NOT NULL,
  generation INT UNSIGNED NOT NULL COMMENT 'how often this class of this tenant was archived before, plus one',
  cutoff_at DATETIME(6) NULL COMMENT 'a request covers observations up to its receipt',
  generation_from INT UNSIGNED NULL COMMENT 'configuration generations covered, inclusive',
  generation_to INT UNSIGNED NULL,
  created_at DATETIME(6) NOT NULL,
  KEY by_tenant (tenant_id, created_at)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.run_subjects (
  run_id VARBINARY(64) NOT NULL,
  subject VARBINARY(64) NOT NULL COMMENT 'the services the run''s assets are linked to, or Feature',
  PRIMARY KEY (run_id, subject)
) ENGINE=InnoDB
$$
-- Assets of which the run sealed anything.
CREATE TABLE {{control}}.run_assets (
  run_id VARBINARY(64) NOT NULL,
  asset_id VARBINARY(64) NOT NULL,
  belongs_to_all TINYINT NOT NULL COMMENT '1: linked to whatever the tenant has',
  PRIMARY KEY (run_id, asset_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.run_states (
  run_id VARBINARY(64) NOT NULL,
  state VARBINARY(32) NOT NULL COMMENT 'archived, moved, superseded, recalled',
  at DATETIME(6) NOT NULL,
  PRIMARY KEY (run_id, state)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.cohorts (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  tenant_id VARBINARY(64) NOT NULL,
  newest_observed_at DATETIME(6) NULL,
  base_earliest_at DATETIME(6) NULL COMMENT 'earliest by the termination rule alone: what continues the use starts before it',
  rule_earliest_at DATETIME(6) NULL COMMENT 'earliest by rule alone at the seal: a retention lock reaches to it',
  records BIGINT UNSIGNED NOT NULL,
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (run_id, due_on),
  KEY by_tenant (tenant_id, due_on)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.cohort_keys (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  key_ref VARBINARY(160) NOT NULL,
  PRIMARY KEY (run_id, due_on, key_ref)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.cohort_counts (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  location VARBINARY(64) NOT NULL,
  records BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (run_id, due_on, location)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.cohort_states (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  state VARBINARY(32) NOT NULL COMMENT 'destroying, destroyed, certified, restoring, returned, restored, irrevocable, superseded',
  at DATETIME(6) NOT NULL,
  PRIMARY KEY (run_id, due_on, state)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.cohort_windows (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  window_number INT UNSIGNED NOT NULL,
  earliest_at DATETIME(6) NULL,
  delete_not_before DATETIME(6) NULL COMMENT 'NULL: nothing is due, or a hold is open',
  latest_at DATETIME(6) NULL,
  derivation LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
  computed_at DATETIME(6) NOT NULL,
  PRIMARY KEY (run_id, due_on, window_number)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.window_refreshes (
  run_id VARBINARY(64) NOT NULL,
  refresh_number INT UNSIGNED NOT NULL,
  global_epoch BIGINT UNSIGNED NOT NULL,
  tenant_epoch BIGINT UNSIGNED NOT NULL,
  computed_at DATETIME(6) NOT NULL,
  PRIMARY KEY (run_id, refresh_number)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.manifests (
  run_id VARBINARY(64) NOT NULL PRIMARY KEY,
  attempt_id VARBINARY(64) NOT NULL,
  digest VARBINARY(64) NOT NULL COMMENT 'over all batches and the manifest object of every cohort',
  sealed_at DATETIME(6) NOT NULL
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.manifest_batches (
  run_id VARBINARY(64) NOT NULL,
  location VARBINARY(64) NOT NULL,
  batch_number INT UNSIGNED NOT NULL,
  due_on VARBINARY(10) NOT NULL COMMENT 'empty for the batches of a move, which span due days',
  asset_id VARBINARY(64) NOT NULL COMMENT 'empty when the ids carry their asset',
  ids LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
  id_count INT UNSIGNED NOT NULL,
  id_digest VARBINARY(64) NOT NULL,
  PRIMARY KEY (run_id, location, batch_number)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.manifest_objects (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  copy VARBINARY(16) NOT NULL COMMENT 'archive or backup',
  part INT UNSIGNED NOT NULL COMMENT '0 is the manifest of the cohort',
  object_name VARBINARY(512) NOT NULL,
  version_id VARBINARY(128) NOT NULL,
  bytes BIGINT UNSIGNED NOT NULL,
  digest VARBINARY(64) NOT NULL,
  PRIMARY KEY (run_id, copy, object_name, version_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.verifications (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  subject VARBINARY(64) NOT NULL COMMENT 'copy:archive, copy:backup, moved, restored, destroyed:<location>',
  manifest_digest VARBINARY(64) NOT NULL,
  outcome VARBINARY(16) NOT NULL,
  records BIGINT UNSIGNED NOT NULL,
  newest_observed_at DATETIME(6) NULL COMMENT 'recomputed by the verifier, not copied',
  verified_at DATETIME(6) NOT NULL,
  PRIMARY KEY (run_id, due_on, subject, verified_at)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.permits (
  permit_id VARBINARY(64) NOT NULL PRIMARY KEY,
  kind VARBINARY(16) NOT NULL COMMENT 'move, destroy, retire',
  tenant_id VARBINARY(64) NOT NULL,
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  location VARBINARY(160) NOT NULL COMMENT 'an inventory location, or a key reference',
  batch_number INT UNSIGNED NOT NULL,
  global_epoch BIGINT UNSIGNED NOT NULL,
  tenant_epoch BIGINT UNSIGNED NOT NULL,
  issued_at DATETIME(6) NOT NULL,
  expires_at DATETIME(6) NOT NULL,
  used_at DATETIME(6) NULL,
  used_count INT UNSIGNED NULL,
  revoked_at DATETIME(6) NULL,
  KEY by_tenant (tenant_id, used_at, revoked_at),
  KEY by_batch (run_id, location, batch_number)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.attempts (
  attempt_id VARBINARY(64) NOT NULL PRIMARY KEY,
  tenant_id VARBINARY(64) NOT NULL,
  purpose VARBINARY(16) NOT NULL COMMENT 'ingest, archive, purge',
  permit_id VARBINARY(64) NULL,
  run_id VARBINARY(64) NULL,
  location VARBINARY(64) NULL,
  batch_number INT UNSIGNED NULL,
  asset_id VARBINARY(64) NULL,
  started_at DATETIME(6) NOT NULL,
  lease_until DATETIME(6) NOT NULL,
  ended_at DATETIME(6) NULL,
  deleted INT UNSIGNED NULL,
  KEY by_tenant (tenant_id, purpose, ended_at),
  KEY by_batch (run_id, location, batch_number)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.tombstones (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  tenant_id VARBINARY(64) NOT NULL,
  generation INT UNSIGNED NOT NULL,
  key_ref VARBINARY(160) NOT NULL,
  manifest_digest VARBINARY(64) NOT NULL,
  permit_id VARBINARY(64) NOT NULL,
  destroyed_at DATETIME(6) NOT NULL,
  PRIMARY KEY (run_id, due_on, key_ref)
) ENGINE=InnoDB
$$
$$
-- Cohorts with an asset whose use goes on under a service that its run does not know: the asset was linked
-- to it, or it belongs to all services, after the run was planned and before the cohort matured.
CREATE DEFINER={{definer}} SQL SECURITY DEFINER VIEW {{control}}.continued_cohorts AS
SELECT r.tenant_id, c.run_id, c.due_on
  FROM {{control}}.cohorts c
  JOIN {{control}}.runs r ON r.run_id = c.run_id AND r.record_class = 'asset-basic-data'
  JOIN {{control}}.run_assets a ON a.run_id = c.run_id
  JOIN {{control}}.subscriptions s ON s.tenant_id = r.tenant_id AND s.subject <> 'Feature'
  LEFT JOIN {{control}}.subscription_ends e
    ON e.tenant_id = s.tenant_id AND e.subscription_id = s.subscription_id
  LEFT JOIN {{control}}.asset_uses u
    ON u.tenant_id = r.tenant_id AND u.asset_id = a.asset_id AND u.service = s.subject
   AND u.recorded_at >= r.created_at
 WHERE (e.ended_at IS NULL OR e.ended_at > r.event_at)
   AND (u.asset_id IS NOT NULL OR (a.belongs_to_all = 1 AND s.recorded_at >= r.created_at))
   AND (c.base_earliest_at IS NULL
     OR GREATEST(s.started_at, COALESCE(u.linked_at, s.started_at)) < c.base_earliest_at)
   AND NOT EXISTS (SELECT 1 FROM {{control}}.run_subjects o
     WHERE o.run_id = c.run_id AND o.subject = s.subject)
