-- Data keys, wrapped. In production an instance of its own without long-lived logs or backups.
CREATE DEFINER={{definer}} FUNCTION {{keys}}.lethe_now() RETURNS DATETIME(6)
NOT DETERMINISTIC READS SQL DATA SQL SECURITY DEFINER
BEGIN
  IF @@session.time_zone <> '+00:00' THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CLOCK_UNSAFE: the session must run with time_zone +00:00';
  END IF;
  RETURN SYSDATE(6);
END
$$
CREATE TABLE {{keys}}.data_keys (
  key_ref VARBINARY(160) NOT NULL PRIMARY KEY COMMENT 'asset:<run>:<due day> or configuration:<tenant>:<generation>',
  tenant_id VARBINARY(64) NOT NULL,
  not_before DATETIME(6) NOT NULL COMMENT 'set when the key is made: no permit destroys it earlier',
  created_at DATETIME(6) NOT NULL,
  KEY by_tenant (tenant_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{keys}}.key_wrappings (
  key_ref VARBINARY(160) NOT NULL,
  wrapping_number INT UNSIGNED NOT NULL COMMENT 'rotation of the wrapping key adds one, changes none',
  kek_id VARBINARY(64) NOT NULL,
  wrapped VARBINARY(512) NOT NULL,
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (key_ref, wrapping_number)
) ENGINE=InnoDB
$$
CREATE TABLE {{keys}}.key_tombstones (
  key_ref VARBINARY(160) NOT NULL PRIMARY KEY,
  tenant_id VARBINARY(64) NOT NULL,
  permit_id VARBINARY(64) NOT NULL,
  kind VARBINARY(16) NOT NULL,
  destroyed_at DATETIME(6) NOT NULL,
  KEY by_tenant (tenant_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{keys}}.key_epochs (
  scope VARBINARY(64) NOT NULL PRIMARY KEY COMMENT 'a tenant id, or global',
  epoch BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB
$$
INSERT INTO {{keys}}.key_epochs (scope, epoch) VALUES ('global', 1)
$$
CREATE TABLE {{keys}}.key_permits (
  permit_id VARBINARY(64) NOT NULL PRIMARY KEY,
  kind VARBINARY(16) NOT NULL,
  tenant_id VARBINARY(64) NOT NULL,
  key_ref VARBINARY(160) NOT NULL,
  global_epoch BIGINT UNSIGNED NOT NULL,
  tenant_epoch BIGINT UNSIGNED NOT NULL,
  issued_at DATETIME(6) NOT NULL,
  expires_at DATETIME(6) NOT NULL,
  used_at DATETIME(6) NULL,
  revoked_at DATETIME(6) NULL,
  KEY by_tenant (tenant_id, used_at)
) ENGINE=InnoDB
$$
CREATE DEFINER={{definer}} TRIGGER {{keys}}.no_resurrection BEFORE INSERT ON {{keys}}.key_wrappings
FOR EACH ROW
BEGIN
  DECLARE v_gone INT DEFAULT 0;
  SELECT COUNT(*) INTO v_gone FROM {{keys}}.key_tombstones WHERE key_ref = NEW.key_ref
    LOCK IN SHARE MODE;
  IF v_gone > 0 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'KEY_DESTROYED: a destroyed key does not come back';
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{keys}}.ensure_epoch(IN p_tenant VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  DECLARE CONTINUE HANDLER FOR 1062 BEGIN END;
  IF p_tenant IS NULL OR LEFT(p_tenant, 3) <> 'tn_' THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_TENANT_ID: a key epoch needs a tenant id';
  END IF;
  INSERT INTO {{keys}}.key_epochs (scope, epoch) SELECT p_tenant, 1 FROM DUAL
    WHERE NOT EXISTS (SELECT 1 FROM {{keys}}.key_epochs WHERE scope = p_tenant);
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{keys}}.bump_key_epoch(IN p_scope VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_safe INT DEFAULT @@session.sql_safe_updates;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; SET SESSION sql_safe_updates = v_safe; RESIGNAL; END;
  SET SESSION sql_safe_updates = 0;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  UPDATE {{keys}}.key_epochs SET epoch = epoch + 1 WHERE scope = p_scope;
  IF ROW_COUNT() <> 1 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'UNKNOWN_TENANT: no key epoch of that scope';
  END IF;
  UPDATE {{keys}}.key_permits SET revoked_at = {{keys}}.lethe_now()
    WHERE used_at IS NULL AND revoked_at IS NULL AND (p_scope = 'global' OR tenant_id = p_scope);
  COMMIT;
  SET SESSION sql_safe_updates = v_safe;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{keys}}.issue_key_permit(
  IN p_permit VARBINARY(64), IN p_kind VARBINARY(16), IN p_tenant VARBINARY(64), IN p_key_ref VARBINARY(160),
  IN p_global BIGINT UNSIGNED, IN p_epoch BIGINT UNSIGNED, IN p_lease_seconds INT)
SQL SECURITY DEFINER
BEGIN
  -- The epochs were read before control issued its permit; an interlock in between makes them stale.
  DECLARE v_global BIGINT UNSIGNED DEFAULT NULL;
  DECLARE v_epoch BIGINT UNSIGNED DEFAULT NULL;
  DECLARE v_now DATETIME(6);
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
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
  INSERT INTO {{keys}}.key_permits (permit_id, kind, tenant_id, key_ref, global_epoch, tenant_epoch,
      issued_at, expires_at)
    VALUES (p_permit, p_kind, p_tenant, p_key_ref, p_global, p_epoch, v_now,
      v_now + INTERVAL p_lease_seconds SECOND);
  COMMIT;
END
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
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; SET SESSION sql_safe_updates = v_safe; RESIGNAL; END;
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
$$
