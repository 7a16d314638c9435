-- How fast live rows may be moved away. Rows that follow one another; the newest one counts.
CREATE TABLE {{control}}.throttles (
  throttle_number INT UNSIGNED NOT NULL PRIMARY KEY,
  paused TINYINT NOT NULL,
  rows_per_second_max INT UNSIGNED NULL COMMENT 'NULL: as fast as it goes',
  threads_running_max INT UNSIGNED NOT NULL COMMENT 'more statements at once on the server: wait',
  quiet_from VARBINARY(5) NULL COMMENT 'HH:MM in the zone; NULL: no quiet hours',
  quiet_to VARBINARY(5) NULL,
  quiet_zone VARBINARY(64) NULL COMMENT 'NULL: the zone of each tenant',
  set_at DATETIME(6) NOT NULL,
  set_by VARBINARY(64) NOT NULL
) ENGINE=InnoDB
$$
