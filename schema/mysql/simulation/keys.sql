-- Simulation environments only: the clock runs at real speed plus an offset that the simulator moves.
CREATE TABLE {{keys}}.simulation_clock (
  id TINYINT NOT NULL PRIMARY KEY,
  offset_microseconds BIGINT NOT NULL,
  CHECK (id = 1)
) ENGINE=InnoDB
$$
INSERT INTO {{keys}}.simulation_clock (id, offset_microseconds) VALUES (1, 0)
$$
DROP FUNCTION {{keys}}.lethe_now
$$
CREATE DEFINER={{definer}} FUNCTION {{keys}}.lethe_now() RETURNS DATETIME(6)
NOT DETERMINISTIC READS SQL DATA SQL SECURITY DEFINER
BEGIN
  IF @@session.time_zone <> '+00:00' THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CLOCK_UNSAFE: the session must run with time_zone +00:00';
  END IF;
  RETURN TIMESTAMPADD(MICROSECOND,
    (SELECT offset_microseconds FROM {{keys}}.simulation_clock WHERE id = 1), SYSDATE(6));
END
$$
