-- The database's clock is not the caller's: SYSDATE cannot be moved by SET timestamp, and a session in
-- another zone is refused instead of being converted. Replaced by 9001 in simulation environments.
CREATE DEFINER={{definer}} FUNCTION {{control}}.lethe_now() RETURNS DATETIME(6)
NOT DETERMINISTIC READS SQL DATA SQL SECURITY DEFINER
BEGIN
  IF @@session.time_zone <> '+00:00' THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CLOCK_UNSAFE: the session must run with time_zone +00:00';
  END IF;
  RETURN SYSDATE(6);
END
$$
