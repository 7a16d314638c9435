-- How many sensitive values the gate replaced in what a scan brought; by detector in `counts`.
ALTER TABLE {{control}}.scan_results
  ADD COLUMN redacted BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'sensitive values that were replaced'
