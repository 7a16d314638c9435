-- Payloads are encrypted under the tenant's key of their generation; asset_id is that generation, so that
-- configuration is addressed like everything else: tenant first, then the group that is destroyed together.
CREATE TABLE {{configuration}}.console_settings (
  tenant_id VARBINARY(64) NOT NULL,
  asset_id VARBINARY(64) NOT NULL COMMENT 'generation-<n>',
  version_id VARBINARY(64) NOT NULL,
  setting_id VARBINARY(128) NOT NULL,
  changed_at DATETIME(6) NOT NULL,
  payload LONGBLOB NOT NULL,
  PRIMARY KEY (tenant_id, asset_id, version_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{configuration}}.configuration_changes (
  tenant_id VARBINARY(64) NOT NULL,
  asset_id VARBINARY(64) NOT NULL COMMENT 'generation-<n>',
  version_id VARBINARY(64) NOT NULL,
  configuration_kind VARBINARY(32) NOT NULL,
  setting_id VARBINARY(128) NOT NULL,
  location VARBINARY(64) NOT NULL,
  changed_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, asset_id, version_id)
) ENGINE=InnoDB
$$
