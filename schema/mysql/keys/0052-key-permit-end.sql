-- The permit for a key ends no later than the one in control that it goes with: a process that stood still
-- between the two has nothing left when it wakes.
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
