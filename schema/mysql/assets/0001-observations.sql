-- Observations are append-only versions; every key starts with tenant and asset.
CREATE TABLE {{assets}}.assets (
  tenant_id VARBINARY(64) NOT NULL,
  asset_id VARBINARY(64) NOT NULL,
  version_id VARBINARY(64) NOT NULL,
  record_id VARBINARY(64) NOT NULL,
  asset_kind VARBINARY(32) NOT NULL COMMENT 'host, container, cluster, image-repository',
  scan_id VARBINARY(64) NOT NULL,
  observed_at DATETIME(6) NOT NULL,
  vanished TINYINT NOT NULL,
  content_digest VARBINARY(64) NOT NULL,
  body LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (tenant_id, asset_id, version_id),
  KEY by_record (tenant_id, asset_id, record_id, observed_at)
) ENGINE=InnoDB
$$
CREATE TABLE {{assets}}.asset_links (
  tenant_id VARBINARY(64) NOT NULL,
  asset_id VARBINARY(64) NOT NULL,
  version_id VARBINARY(64) NOT NULL,
  service VARBINARY(64) NOT NULL,
  belongs_to_all TINYINT NOT NULL COMMENT '1: linked to whatever the tenant has',
  linked_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, asset_id, version_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{assets}}.scans (
  tenant_id VARBINARY(64) NOT NULL,
  asset_id VARBINARY(64) NOT NULL,
  version_id VARBINARY(64) NOT NULL,
  scan_id VARBINARY(64) NOT NULL,
  source VARBINARY(32) NOT NULL,
  observed_at DATETIME(6) NOT NULL,
  completed_at DATETIME(6) NOT NULL,
  kinds LONGTEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'JSON array: kinds that were read completely',
  records INT UNSIGNED NOT NULL,
  PRIMARY KEY (tenant_id, asset_id, version_id),
  KEY by_time (tenant_id, asset_id, observed_at)
) ENGINE=InnoDB
$$
CREATE TABLE {{assets}}.image_risks (
  tenant_id VARBINARY(64) NOT NULL,
  asset_id VARBINARY(64) NOT NULL,
  version_id VARBINARY(64) NOT NULL,
  record_id VARBINARY(64) NOT NULL,
  risk_kind VARBINARY(32) NOT NULL,
  scan_id VARBINARY(64) NOT NULL,
  observed_at DATETIME(6) NOT NULL,
  vanished TINYINT NOT NULL,
  content_digest VARBINARY(64) NOT NULL,
  body LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (tenant_id, asset_id, version_id),
  KEY by_record (tenant_id, asset_id, record_id, observed_at)
) ENGINE=InnoDB
$$
