-- How often the repositories that a tenant had scanned are scanned again. Rows that follow one another; the
-- newest one of a tenant counts. What is scanned follows from the orders so far: no address stands here.
CREATE TABLE {{control}}.scan_schedules (
  tenant_id VARBINARY(64) NOT NULL,
  schedule_number INT UNSIGNED NOT NULL,
  every_hours INT UNSIGNED NULL COMMENT 'NULL: not any more',
  set_at DATETIME(6) NOT NULL,
  set_by VARBINARY(64) NOT NULL,
  PRIMARY KEY (tenant_id, schedule_number)
) ENGINE=InnoDB
$$
