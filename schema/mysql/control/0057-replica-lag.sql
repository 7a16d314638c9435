-- How far replicas may be behind while live rows are moved, and what a move waits for that only its worker knows.
ALTER TABLE {{control}}.throttles
  ADD COLUMN replica_lag_max_seconds INT UNSIGNED NOT NULL DEFAULT 10
    COMMENT 'a replica is further behind: wait',
  ADD COLUMN replica_lag_resume_seconds INT UNSIGNED NOT NULL DEFAULT 2
    COMMENT 'begin and go on when every replica is at most this far behind'
$$
CREATE TABLE {{control}}.pace_waits (
  run_id VARBINARY(64) NOT NULL,
  reason VARBINARY(32) NOT NULL COMMENT 'load or replica-lag',
  waited_at DATETIME(6) NOT NULL,
  PRIMARY KEY (run_id, waited_at)
) ENGINE=InnoDB
$$
-- What a mover writes between batches and reads back at replicas: how far they are behind. No tenant content.
CREATE TABLE {{control}}.replica_beats (
  id TINYINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'always 1',
  beat_at DATETIME(6) NOT NULL COMMENT 'UTC, by the clock of the server that rows are moved on'
) ENGINE=InnoDB
$$
INSERT INTO {{control}}.replica_beats VALUES (1, '1970-01-01 00:00:00')
$$
-- A variable, so that a log of statements carries the instant and not the call: a replica that computed it anew
-- would never seem to be behind.
CREATE DEFINER={{definer}} PROCEDURE {{control}}.beat_replicas()
SQL SECURITY DEFINER
BEGIN
  DECLARE v_at DATETIME(6) DEFAULT CONVERT_TZ(SYSDATE(6), @@session.time_zone, '+00:00');
  UPDATE {{control}}.replica_beats SET beat_at = v_at WHERE id = 1;
END
$$
