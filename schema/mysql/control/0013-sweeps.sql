-- Looks at what was certified, again and again: backups, replicas and forgotten writers bring things back.
CREATE TABLE {{control}}.sweeps (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  round TINYINT UNSIGNED NOT NULL COMMENT '1: after a day, 2: after seven days, 3: after thirty',
  swept_at DATETIME(6) NOT NULL,
  outcome VARBINARY(16) NOT NULL COMMENT 'clean, reappeared, unreadable',
  found BIGINT UNSIGNED NOT NULL COMMENT 'records, objects and wrapped keys that are there again',
  PRIMARY KEY (run_id, due_on, round, swept_at)
) ENGINE=InnoDB
$$
CREATE INDEX by_state ON {{control}}.cohort_states (state, at)
