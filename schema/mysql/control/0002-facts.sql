-- Facts of a tenant. Every table is insert-only for every login account; a change is a new row.
CREATE TABLE {{control}}.interlocks (
  scope VARBINARY(64) NOT NULL PRIMARY KEY COMMENT 'a tenant id, or global',
  epoch BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB
$$
INSERT INTO {{control}}.interlocks (scope, epoch) VALUES ('global', 1)
$$
CREATE TABLE {{control}}.tenants (
  tenant_id VARBINARY(64) NOT NULL PRIMARY KEY,
  zone VARBINARY(64) NOT NULL,
  calendars VARBINARY(255) NOT NULL COMMENT 'comma separated',
  policy_version VARBINARY(64) NOT NULL,
  accepted_at DATETIME(6) NOT NULL,
  CHECK (LEFT(tenant_id, 3) = 'tn_' AND LENGTH(tenant_id) BETWEEN 19 AND 43)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.commands (
  tenant_id VARBINARY(64) NOT NULL,
  idempotency_key VARBINARY(128) NOT NULL,
  kind VARBINARY(64) NOT NULL,
  body_digest VARBINARY(64) NOT NULL,
  requested_by VARBINARY(64) NOT NULL,
  accepted_at DATETIME(6) NOT NULL,
  result LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
  PRIMARY KEY (tenant_id, idempotency_key)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.attestations (
  tenant_id VARBINARY(64) NOT NULL,
  attestation_id VARBINARY(64) NOT NULL,
  jurisdiction VARBINARY(8) NOT NULL,
  minimum_age INT NOT NULL,
  attested_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, attestation_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.attestation_withdrawals (
  tenant_id VARBINARY(64) NOT NULL,
  attestation_id VARBINARY(64) NOT NULL,
  withdrawn_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, attestation_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.subscriptions (
  tenant_id VARBINARY(64) NOT NULL,
  subscription_id VARBINARY(64) NOT NULL,
  subject VARBINARY(64) NOT NULL COMMENT 'Feature, or a Hosting Service',
  started_at DATETIME(6) NOT NULL,
  recorded_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, subscription_id),
  KEY by_subject (tenant_id, subject, started_at)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.subscription_ends (
  tenant_id VARBINARY(64) NOT NULL,
  subscription_id VARBINARY(64) NOT NULL,
  ended_at DATETIME(6) NOT NULL,
  recorded_at DATETIME(6) NOT NULL,
  approved_by VARBINARY(64) NULL COMMENT 'second person of a backdated end',
  PRIMARY KEY (tenant_id, subscription_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.authorizations (
  tenant_id VARBINARY(64) NOT NULL,
  authorization_id VARBINARY(64) NOT NULL,
  registry VARBINARY(255) NOT NULL,
  repositories LONGTEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'JSON array of names or prefixes',
  granted_by VARBINARY(64) NOT NULL,
  granted_at DATETIME(6) NOT NULL,
  valid_until DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, authorization_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.authorization_revocations (
  tenant_id VARBINARY(64) NOT NULL,
  authorization_id VARBINARY(64) NOT NULL,
  revoked_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, authorization_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.configuration_generations (
  tenant_id VARBINARY(64) NOT NULL,
  generation INT UNSIGNED NOT NULL,
  opened_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, generation)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.deletion_requests (
  tenant_id VARBINARY(64) NOT NULL,
  request_id VARBINARY(64) NOT NULL,
  record_class VARBINARY(64) NOT NULL,
  received_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, request_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.deletion_withdrawals (
  tenant_id VARBINARY(64) NOT NULL,
  request_id VARBINARY(64) NOT NULL,
  withdrawn_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, request_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.scan_orders (
  tenant_id VARBINARY(64) NOT NULL,
  scan_id VARBINARY(64) NOT NULL,
  source VARBINARY(32) NOT NULL,
  parameters LONGTEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'JSON; addresses only, no content',
  ordered_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, scan_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.scan_results (
  tenant_id VARBINARY(64) NOT NULL,
  scan_id VARBINARY(64) NOT NULL,
  outcome VARBINARY(32) NOT NULL COMMENT 'complete, refused, failed',
  counts LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
  finished_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, scan_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.refused_observations (
  tenant_id VARBINARY(64) NOT NULL,
  scan_id VARBINARY(64) NOT NULL,
  reason VARBINARY(64) NOT NULL,
  refused_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, scan_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.holds (
  hold_id VARBINARY(64) NOT NULL PRIMARY KEY,
  placed_at DATETIME(6) NOT NULL,
  placed_by VARBINARY(64) NOT NULL,
  review_on VARBINARY(10) NOT NULL,
  ground_digest VARBINARY(64) NOT NULL
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.hold_grounds (
  hold_id VARBINARY(64) NOT NULL PRIMARY KEY,
  ground LONGTEXT CHARACTER SET utf8mb4 NOT NULL
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.hold_scopes (
  hold_id VARBINARY(64) NOT NULL,
  scope_number INT UNSIGNED NOT NULL,
  tenant_id VARBINARY(64) NOT NULL,
  record_class VARBINARY(64) NULL COMMENT 'NULL covers both classes',
  PRIMARY KEY (hold_id, scope_number),
  KEY by_tenant (tenant_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.hold_releases (
  hold_id VARBINARY(64) NOT NULL PRIMARY KEY,
  released_at DATETIME(6) NOT NULL,
  released_by VARBINARY(64) NOT NULL,
  approved_by VARBINARY(64) NOT NULL
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.freezes (
  freeze_id VARBINARY(64) NOT NULL PRIMARY KEY,
  scope VARBINARY(64) NOT NULL COMMENT 'global, or a tenant id',
  placed_at DATETIME(6) NOT NULL,
  placed_by VARBINARY(64) NOT NULL
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.freeze_lifts (
  freeze_id VARBINARY(64) NOT NULL,
  lifted_by VARBINARY(64) NOT NULL COMMENT 'two different people lift a freeze',
  lifted_at DATETIME(6) NOT NULL,
  PRIMARY KEY (freeze_id, lifted_by)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.staging (
  staging_id VARBINARY(64) NOT NULL PRIMARY KEY,
  tenant_id VARBINARY(64) NOT NULL,
  digest VARBINARY(64) NOT NULL,
  body LONGBLOB NOT NULL,
  staged_at DATETIME(6) NOT NULL,
  KEY by_age (staged_at)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.breaches (
  tenant_id VARBINARY(64) NOT NULL,
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  latest_at DATETIME(6) NOT NULL,
  recorded_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, run_id, due_on, latest_at)
) ENGINE=InnoDB
$$
$$
-- Kept when the links themselves are archived: a later link continues the use.
CREATE TABLE {{control}}.asset_uses (
  tenant_id VARBINARY(64) NOT NULL,
  asset_id VARBINARY(64) NOT NULL,
  service VARBINARY(64) NOT NULL,
  linked_at DATETIME(6) NOT NULL COMMENT 'since when the asset is linked to the service',
  recorded_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, asset_id, service, linked_at)
) ENGINE=InnoDB
