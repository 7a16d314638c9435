-- Parts that are written, locked and finished while a run is being sealed: an attempt that dies is resumed
-- behind them. They count for nothing until the run's manifest lists them.
CREATE TABLE {{control}}.seal_parts (
  run_id VARBINARY(64) NOT NULL,
  attempt_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  part INT UNSIGNED NOT NULL,
  location VARBINARY(64) NOT NULL,
  first_record BIGINT UNSIGNED NOT NULL COMMENT 'place of its first record among those of cohort and location',
  records BIGINT UNSIGNED NOT NULL,
  set_digest VARBINARY(64) NOT NULL COMMENT 'keyed digest of its records: the pass that resumes must find the same',
  plaintext_bytes BIGINT UNSIGNED NOT NULL,
  plaintext_mac VARBINARY(64) NOT NULL,
  bytes BIGINT UNSIGNED NOT NULL,
  digest VARBINARY(64) NOT NULL,
  archive_version VARBINARY(128) NOT NULL,
  backup_version VARBINARY(128) NOT NULL,
  finished_at DATETIME(6) NOT NULL,
  PRIMARY KEY (run_id, attempt_id, due_on, part)
) ENGINE=InnoDB
$$
