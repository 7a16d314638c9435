-- What a restored control store must know again before anything is destroyed: caps that were tightened and open trips
-- of the circuit breaker. Neither procedure ever lets more pass than what is in force.
CREATE DEFINER={{definer}} PROCEDURE {{control}}.replay_cap(
  IN p_cap VARBINARY(32), IN p_number INT UNSIGNED, IN p_amount BIGINT UNSIGNED, IN p_share INT UNSIGNED,
  IN p_by VARBINARY(64), IN p_reason LONGTEXT CHARACTER SET utf8mb4)
SQL SECURITY DEFINER
BEGIN
  -- The stricter of each number counts at once, behind every setting that the evidence knows; a looser one that still
  -- waits is replaced by it, and people set it again.
  DECLARE v_id TINYINT;
  DECLARE v_now DATETIME(6);
  DECLARE v_number INT UNSIGNED DEFAULT NULL;
  DECLARE v_amount BIGINT UNSIGNED;
  DECLARE v_share INT UNSIGNED;
  DECLARE v_strict_amount BIGINT UNSIGNED;
  DECLARE v_strict_share INT UNSIGNED;
  DECLARE v_waits TINYINT DEFAULT 0;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  SELECT id INTO v_id FROM {{control}}.cap_gate WHERE id = 1 FOR UPDATE;
  SET v_now = {{control}}.lethe_now();
  SELECT MAX(setting_number) INTO v_number FROM {{control}}.cap_settings WHERE cap = p_cap LOCK IN SHARE MODE;
  IF v_number IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: cap is not one of the caps';
  END IF;
  IF p_number IS NULL OR p_by IS NULL OR LENGTH(p_by) = 0 OR p_reason IS NULL
     OR p_amount IS NULL OR p_amount NOT BETWEEN 1 AND 1000000000000 OR p_share IS NULL
     OR (p_cap = 'loosening-hours' AND p_amount > 720) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: amount or share is out of the bounds of this cap';
  END IF;
  CALL {{control}}.read_cap(p_cap, v_amount, v_share);
  SET v_strict_amount = IF(p_cap = 'loosening-hours', GREATEST(p_amount, v_amount), LEAST(p_amount, v_amount));
  SET v_strict_share = LEAST(p_share, v_share);
  SELECT effective_at > v_now INTO v_waits FROM {{control}}.cap_settings
    WHERE cap = p_cap AND setting_number = v_number;
  IF v_waits OR v_strict_amount <> v_amount OR v_strict_share <> v_share THEN
    INSERT INTO {{control}}.cap_settings
        (cap, setting_number, amount, share, recorded_at, effective_at, set_by, reason)
      VALUES (p_cap, GREATEST(v_number, p_number) + 1, v_strict_amount, v_strict_share, v_now, v_now, p_by, p_reason);
  END IF;
  COMMIT;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.replay_trip(
  IN p_trip VARBINARY(64), IN p_scope VARBINARY(16), IN p_cause VARBINARY(32), IN p_tenant VARBINARY(64),
  IN p_run VARBINARY(64), IN p_at DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  -- As a trip does: what is permitted and not used yet goes with it. Also beside another open one of its cause, because
  -- each is reset by itself.
  DECLARE v_id TINYINT;
  DECLARE v_now DATETIME(6);
  DECLARE v_safe INT DEFAULT @@session.sql_safe_updates;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; SET SESSION sql_safe_updates = v_safe; RESIGNAL; END;
  SET SESSION sql_safe_updates = 0;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  SELECT id INTO v_id FROM {{control}}.cap_gate WHERE id = 1 FOR UPDATE;
  SET v_now = {{control}}.lethe_now();
  IF p_trip IS NULL OR p_at IS NULL OR p_scope IS NULL OR p_scope NOT IN ('all', 'mysql', 'mongodb', 'keys')
     OR p_cause IS NULL OR p_cause NOT IN ('volume', 'count-mismatch', 'verification') THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: no such scope or cause of a trip';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM {{control}}.breaker_trips WHERE trip_id = p_trip) THEN
    INSERT INTO {{control}}.breaker_trips (trip_id, scope, cause, tenant_id, run_id, due_on, tripped_at)
      VALUES (p_trip, p_scope, p_cause, p_tenant, p_run, '', p_at);
    UPDATE {{control}}.permits SET revoked_at = v_now
      WHERE used_at IS NULL AND revoked_at IS NULL AND (p_scope = 'all'
        OR (p_scope IN ('mysql', 'mongodb') AND location LIKE CONCAT(p_scope, ':%'))
        OR (p_scope = 'keys' AND batch_number = 0));
  END IF;
  COMMIT;
  SET SESSION sql_safe_updates = v_safe;
END
