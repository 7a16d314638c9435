-- An interlock (hold, withdrawal, new subscription, reactivation, freeze) takes the row exclusively and
-- so waits for every guarded procedure, which holds it shared for its whole transaction.
CREATE DEFINER={{definer}} PROCEDURE {{control}}.lock_tenant(IN p_tenant VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_epoch BIGINT UNSIGNED DEFAULT NULL;
  DECLARE CONTINUE HANDLER FOR 1062 BEGIN END;
  IF p_tenant IS NULL OR LENGTH(p_tenant) < 6 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_TENANT_ID: an interlock needs a tenant id';
  END IF;
  INSERT INTO {{control}}.interlocks (scope, epoch)
    SELECT p_tenant, 1 FROM DUAL
    WHERE NOT EXISTS (SELECT 1 FROM {{control}}.interlocks WHERE scope = p_tenant);
  SELECT epoch INTO v_epoch FROM {{control}}.interlocks WHERE scope = p_tenant FOR UPDATE;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.bump_interlock(IN p_scope VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  -- Called inside the transaction that records the interlock's fact, so both are committed or neither.
  DECLARE v_now DATETIME(6) DEFAULT {{control}}.lethe_now();
  DECLARE v_safe INT DEFAULT @@session.sql_safe_updates;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SET SESSION sql_safe_updates = v_safe; RESIGNAL; END;
  SET SESSION sql_safe_updates = 0;
  UPDATE {{control}}.interlocks SET epoch = epoch + 1 WHERE scope = p_scope;
  IF ROW_COUNT() <> 1 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'UNKNOWN_TENANT: no interlock of that scope';
  END IF;
  UPDATE {{control}}.permits SET revoked_at = v_now
    WHERE used_at IS NULL AND revoked_at IS NULL AND (p_scope = 'global' OR tenant_id = p_scope);
  SET SESSION sql_safe_updates = v_safe;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.erase_staging(IN p_staging VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_safe INT DEFAULT @@session.sql_safe_updates;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SET SESSION sql_safe_updates = v_safe; RESIGNAL; END;
  SET SESSION sql_safe_updates = 0;
  DELETE FROM {{control}}.staging WHERE staging_id = p_staging;
  SET SESSION sql_safe_updates = v_safe;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.erase_stale_staging()
SQL SECURITY DEFINER
BEGIN
  -- Bodies that nobody accepted within a day are gone, whoever calls this and whatever the arguments.
  DECLARE v_safe INT DEFAULT @@session.sql_safe_updates;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SET SESSION sql_safe_updates = v_safe; RESIGNAL; END;
  SET SESSION sql_safe_updates = 0;
  DELETE FROM {{control}}.staging WHERE staged_at < {{control}}.lethe_now() - INTERVAL 24 HOUR;
  SET SESSION sql_safe_updates = v_safe;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.start_attempt(
  IN p_attempt VARBINARY(64), IN p_tenant VARBINARY(64), IN p_purpose VARBINARY(16),
  IN p_run VARBINARY(64), IN p_lease_seconds INT)
SQL SECURITY DEFINER
BEGIN
  -- Writers that are not guarded by a transaction (ingest, archive copies) hold a lease instead.
  DECLARE v_epoch BIGINT UNSIGNED DEFAULT NULL;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  SELECT epoch INTO v_epoch FROM {{control}}.interlocks WHERE scope = p_tenant LOCK IN SHARE MODE;
  IF v_epoch IS NULL OR p_purpose NOT IN ('ingest', 'archive') OR p_purpose IS NULL
     OR p_lease_seconds IS NULL OR p_lease_seconds NOT BETWEEN 1 AND 3600 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: no such tenant, purpose or lease';
  END IF;
  IF p_purpose = 'ingest' AND NOT EXISTS (
    SELECT 1 FROM {{control}}.subscriptions s
      LEFT JOIN {{control}}.subscription_ends e
        ON e.tenant_id = s.tenant_id AND e.subscription_id = s.subscription_id
      WHERE s.tenant_id = p_tenant AND s.subject <> 'Feature' AND e.subscription_id IS NULL)
  -- Late data: what was seen before an end may still come until that end is planned.
  AND NOT EXISTS (
    SELECT 1 FROM {{control}}.events v
      LEFT JOIN {{control}}.event_closings c ON c.tenant_id = v.tenant_id AND c.event_id = v.event_id
      LEFT JOIN {{control}}.runs r ON r.event_id = v.event_id
      WHERE v.tenant_id = p_tenant AND v.event_kind = 'termination'
        AND c.event_id IS NULL AND r.run_id IS NULL) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'OBSERVATION_REFUSED: the fence is up, no service is active';
  END IF;
  INSERT INTO {{control}}.attempts (attempt_id, tenant_id, purpose, run_id, started_at, lease_until)
    VALUES (p_attempt, p_tenant, p_purpose, p_run, {{control}}.lethe_now(),
            {{control}}.lethe_now() + INTERVAL p_lease_seconds SECOND);
  COMMIT;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.end_attempt(IN p_attempt VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_safe INT DEFAULT @@session.sql_safe_updates;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SET SESSION sql_safe_updates = v_safe; RESIGNAL; END;
  SET SESSION sql_safe_updates = 0;
  UPDATE {{control}}.attempts SET ended_at = {{control}}.lethe_now()
    WHERE attempt_id = p_attempt AND ended_at IS NULL;
  SET SESSION sql_safe_updates = v_safe;
END
$$
