-- Lifting a freeze: one person asks, with a reason, and another one approves before the request expires.
-- No login may insert a lift; the two that a permit wants to see are written by approve_lift alone.
CREATE TABLE {{control}}.freeze_lift_requests (
  freeze_id VARBINARY(64) NOT NULL,
  request_number INT UNSIGNED NOT NULL,
  requested_by VARBINARY(64) NOT NULL,
  reason LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
  requested_at DATETIME(6) NOT NULL,
  expires_at DATETIME(6) NOT NULL,
  PRIMARY KEY (freeze_id, request_number)
) ENGINE=InnoDB
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.lock_freeze(
  IN p_freeze VARBINARY(64), OUT p_scope VARBINARY(64), OUT p_lifts INT)
SQL SECURITY DEFINER
BEGIN
  -- Held exclusively, like every interlock: permits in flight end first, later ones see what is decided.
  DECLARE v_epoch BIGINT UNSIGNED DEFAULT NULL;
  SET p_scope = NULL;
  SET p_lifts = NULL;
  SELECT scope INTO p_scope FROM {{control}}.freezes WHERE freeze_id = p_freeze;
  IF p_scope IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'UNKNOWN_FREEZE: freezeId names no freeze';
  END IF;
  SELECT epoch INTO v_epoch FROM {{control}}.interlocks WHERE scope = p_scope FOR UPDATE;
  SELECT COUNT(*) INTO p_lifts FROM {{control}}.freeze_lifts WHERE freeze_id = p_freeze LOCK IN SHARE MODE;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.request_lift(
  IN p_freeze VARBINARY(64), IN p_by VARBINARY(64), IN p_reason LONGTEXT CHARACTER SET utf8mb4)
SQL SECURITY DEFINER
BEGIN
  DECLARE v_scope VARBINARY(64) DEFAULT NULL;
  DECLARE v_lifts INT DEFAULT NULL;
  DECLARE v_number INT UNSIGNED DEFAULT 0;
  DECLARE v_now DATETIME(6);
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  CALL {{control}}.lock_freeze(p_freeze, v_scope, v_lifts);
  SET v_now = {{control}}.lethe_now();
  IF p_by IS NULL OR LENGTH(p_by) = 0 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: requestedBy must say who asks';
  END IF;
  IF p_reason IS NULL OR CHAR_LENGTH(TRIM(p_reason)) NOT BETWEEN 10 AND 500 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: reason must have 10 to 500 characters';
  END IF;
  IF v_lifts >= 2 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: the freeze has been lifted already';
  END IF;
  -- The same person asking the same again changes nothing while the request lives.
  IF NOT EXISTS (SELECT 1 FROM {{control}}.freeze_lift_requests
      WHERE freeze_id = p_freeze AND requested_by = p_by AND reason = p_reason AND expires_at > v_now) THEN
    SELECT COALESCE(MAX(request_number), 0) + 1 INTO v_number
      FROM {{control}}.freeze_lift_requests WHERE freeze_id = p_freeze LOCK IN SHARE MODE;
    INSERT INTO {{control}}.freeze_lift_requests
        (freeze_id, request_number, requested_by, reason, requested_at, expires_at)
      VALUES (p_freeze, v_number, p_by, p_reason, v_now, v_now + INTERVAL 24 HOUR);
  END IF;
  COMMIT;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.approve_lift(IN p_freeze VARBINARY(64), IN p_by VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  -- The newest request that lives is the one that is approved, and never by who made it.
  DECLARE v_scope VARBINARY(64) DEFAULT NULL;
  DECLARE v_lifts INT DEFAULT NULL;
  DECLARE v_asked VARBINARY(64) DEFAULT NULL;
  DECLARE v_now DATETIME(6);
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  CALL {{control}}.lock_freeze(p_freeze, v_scope, v_lifts);
  SET v_now = {{control}}.lethe_now();
  IF v_lifts < 2 THEN
    SELECT requested_by INTO v_asked FROM {{control}}.freeze_lift_requests
      WHERE freeze_id = p_freeze AND expires_at > v_now ORDER BY request_number DESC LIMIT 1;
    IF v_asked IS NULL THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: nobody asked to lift it, or the request has expired';
    END IF;
    IF p_by IS NULL OR LENGTH(p_by) = 0
       OR LOWER(CONVERT(p_by USING utf8mb4)) = LOWER(CONVERT(v_asked USING utf8mb4)) THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: a second person approves, not the one who asked';
    END IF;
    INSERT INTO {{control}}.freeze_lifts (freeze_id, lifted_by, lifted_at)
      VALUES (p_freeze, v_asked, v_now), (p_freeze, p_by, v_now);
    CALL {{control}}.bump_interlock(v_scope);
  END IF;
  COMMIT;
END
$$
