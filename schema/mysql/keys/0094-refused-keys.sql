-- What the key store refuses is counted by the key store, whoever asked and with whichever login: by tenant, cause and
-- hour, so that a flood grows a number. The sweep puts the numbers into the evidence.
CREATE TABLE {{keys}}.key_refusals (
  tenant_id VARBINARY(64) NOT NULL COMMENT 'empty: no tenant of this store',
  cause VARBINARY(32) NOT NULL,
  hour_at DATETIME(6) NOT NULL,
  refused INT UNSIGNED NOT NULL,
  PRIMARY KEY (hour_at, tenant_id, cause)
) ENGINE=InnoDB
$$
CREATE DEFINER={{definer}} PROCEDURE {{keys}}.count_key_refusal(
  IN p_tenant VARBINARY(64), IN p_cause VARBINARY(32))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_hour DATETIME(6)
    DEFAULT CAST(DATE_FORMAT({{keys}}.lethe_now(), '%Y-%m-%d %H:00:00') AS DATETIME(6));
  DECLARE v_safe INT DEFAULT @@session.sql_safe_updates;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; SET SESSION sql_safe_updates = v_safe; RESIGNAL; END;
  SET SESSION sql_safe_updates = 0;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  INSERT INTO {{keys}}.key_refusals (tenant_id, cause, hour_at, refused)
    SELECT p_tenant, p_cause, v_hour, 0 FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM {{keys}}.key_refusals
      WHERE hour_at = v_hour AND tenant_id = p_tenant AND cause = p_cause);
  UPDATE {{keys}}.key_refusals SET refused = refused + 1
    WHERE hour_at = v_hour AND tenant_id = p_tenant AND cause = p_cause;
  COMMIT;
  SET SESSION sql_safe_updates = v_safe;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{keys}}.count_refused(
  IN p_tenant VARBINARY(64), IN p_said VARCHAR(512) CHARACTER SET utf8mb4, IN p_cause VARBINARY(32))
SQL SECURITY DEFINER
BEGIN
  -- Made-up ids grow a number, not a table. A store that is in trouble is no refusal.
  DECLARE v_tenant VARBINARY(64) DEFAULT
    COALESCE((SELECT scope FROM {{keys}}.key_epochs WHERE scope = p_tenant AND scope <> 'global'), '');
  DECLARE v_tries INT DEFAULT IF(SUBSTRING_INDEX(p_said, ':', 1) = 'PERMIT_REFUSED', 5, 0);
  DECLARE v_lost TINYINT DEFAULT 0;
  -- The first two refusals of an hour meet at a row that is not there yet; who loses counts again. What cannot be
  -- counted is refused all the same.
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET v_lost = 1;
  WHILE v_tries > 0 DO
    SET v_lost = 0;
    SET v_tries = v_tries - 1;
    CALL {{keys}}.count_key_refusal(v_tenant, p_cause);
    IF v_lost = 0 THEN SET v_tries = 0; END IF;
  END WHILE;
END
$$
DROP PROCEDURE {{keys}}.issue_key_permit
$$
CREATE DEFINER={{definer}} PROCEDURE {{keys}}.issue_key_permit(
  IN p_permit VARBINARY(64), IN p_kind VARBINARY(16), IN p_tenant VARBINARY(64), IN p_key_ref VARBINARY(160),
  IN p_global BIGINT UNSIGNED, IN p_epoch BIGINT UNSIGNED, IN p_lease_seconds INT, IN p_not_after DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  -- The epochs were read before control issued its permit; an interlock in between makes them stale.
  DECLARE v_global BIGINT UNSIGNED DEFAULT NULL;
  DECLARE v_epoch BIGINT UNSIGNED DEFAULT NULL;
  DECLARE v_now DATETIME(6);
  DECLARE v_said VARCHAR(512) CHARACTER SET utf8mb4 DEFAULT NULL;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION
  BEGIN
    -- Counted after the rollback, in a transaction of its own.
    GET DIAGNOSTICS CONDITION 1 v_said = MESSAGE_TEXT;
    ROLLBACK;
    CALL {{keys}}.count_refused(p_tenant, v_said, 'key-permit-refused');
    RESIGNAL;
  END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  SELECT epoch INTO v_global FROM {{keys}}.key_epochs WHERE scope = 'global' LOCK IN SHARE MODE;
  SELECT epoch INTO v_epoch FROM {{keys}}.key_epochs WHERE scope = p_tenant LOCK IN SHARE MODE;
  SET v_now = {{keys}}.lethe_now();
  IF NOT (v_global <=> p_global AND v_epoch <=> p_epoch) OR v_epoch IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: an interlock came between';
  END IF;
  IF p_kind IS NULL OR p_kind NOT IN ('destroy', 'retire') OR p_lease_seconds IS NULL
     OR p_lease_seconds NOT BETWEEN 1 AND 600
     OR NOT EXISTS (SELECT 1 FROM {{keys}}.data_keys WHERE key_ref = p_key_ref AND tenant_id = p_tenant
                    AND (p_kind = 'retire' OR not_before <= v_now)) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: no such key, or it is too early for it';
  END IF;
  IF p_not_after IS NULL OR p_not_after <= v_now THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the permit of control has run out';
  END IF;
  INSERT INTO {{keys}}.key_permits (permit_id, kind, tenant_id, key_ref, global_epoch, tenant_epoch,
      issued_at, expires_at)
    VALUES (p_permit, p_kind, p_tenant, p_key_ref, p_global, p_epoch, v_now,
      LEAST(v_now + INTERVAL p_lease_seconds SECOND, p_not_after));
  COMMIT;
END
$$
DROP PROCEDURE {{keys}}.destroy_key
$$
CREATE DEFINER={{definer}} PROCEDURE {{keys}}.destroy_key(
  IN p_permit VARBINARY(64), IN p_tenant VARBINARY(64), IN p_key_ref VARBINARY(160))
SQL SECURITY DEFINER
BEGIN
  -- The point of no return: the wrapped key is replaced by its tombstone in one transaction.
  DECLARE v_global BIGINT UNSIGNED DEFAULT NULL;
  DECLARE v_epoch BIGINT UNSIGNED DEFAULT NULL;
  DECLARE v_kind VARBINARY(16) DEFAULT NULL;
  DECLARE v_now DATETIME(6);
  DECLARE v_safe INT DEFAULT @@session.sql_safe_updates;
  DECLARE v_said VARCHAR(512) CHARACTER SET utf8mb4 DEFAULT NULL;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION
  BEGIN
    GET DIAGNOSTICS CONDITION 1 v_said = MESSAGE_TEXT;
    ROLLBACK;
    CALL {{keys}}.count_refused(p_tenant, v_said, 'key-end-refused');
    SET SESSION sql_safe_updates = v_safe;
    RESIGNAL;
  END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  SELECT epoch INTO v_global FROM {{keys}}.key_epochs WHERE scope = 'global' LOCK IN SHARE MODE;
  SELECT epoch INTO v_epoch FROM {{keys}}.key_epochs WHERE scope = p_tenant LOCK IN SHARE MODE;
  SET v_now = {{keys}}.lethe_now();
  SELECT kind INTO v_kind FROM {{keys}}.key_permits
    WHERE permit_id = p_permit AND tenant_id = p_tenant AND key_ref = p_key_ref AND used_at IS NULL
      AND revoked_at IS NULL AND expires_at > v_now AND global_epoch = v_global AND tenant_epoch = v_epoch
    FOR UPDATE;
  IF v_kind IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: no live permit for this key';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM {{keys}}.data_keys WHERE key_ref = p_key_ref AND tenant_id = p_tenant
      AND (v_kind = 'retire' OR not_before <= v_now)) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: too early for this key';
  END IF;
  SET SESSION sql_safe_updates = 0;
  -- The tombstone first: a wrapping that is inserted meanwhile waits for it and is refused.
  INSERT INTO {{keys}}.key_tombstones (key_ref, tenant_id, permit_id, kind, destroyed_at)
    VALUES (p_key_ref, p_tenant, p_permit, v_kind, v_now);
  DELETE FROM {{keys}}.key_wrappings WHERE key_ref = p_key_ref;
  UPDATE {{keys}}.key_permits SET used_at = v_now WHERE permit_id = p_permit;
  SET SESSION sql_safe_updates = v_safe;
  COMMIT;
END
