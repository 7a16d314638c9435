-- What was found in the archive or among the keys without a cohort that still waits: one row for each key, with
-- the newest observation that may stand behind it. A run of strays is sealed from these rows.
CREATE TABLE {{control}}.stray_archives (
  tenant_id VARBINARY(64) NOT NULL,
  event_id VARBINARY(64) NOT NULL,
  key_ref VARBINARY(160) NOT NULL,
  newest_observed_at DATETIME(6) NOT NULL COMMENT 'never earlier than the true one',
  objects INT UNSIGNED NOT NULL COMMENT 'versions, delete markers and uploads of both copies when it was found',
  found_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, event_id, key_ref)
) ENGINE=InnoDB
$$
