-- How a permit is used. The caller's transaction keeps the interlock rows shared until it ends.
CREATE DEFINER={{definer}} PROCEDURE {{control}}.open_permit(
  IN p_permit VARBINARY(64), IN p_tenant VARBINARY(64), IN p_location VARBINARY(64), IN p_batch INT UNSIGNED,
  IN p_ids LONGTEXT CHARACTER SET utf8mb4, OUT p_expected INT UNSIGNED)
SQL SECURITY DEFINER
BEGIN
  DECLARE v_global BIGINT UNSIGNED DEFAULT NULL;
  DECLARE v_epoch BIGINT UNSIGNED DEFAULT NULL;
  DECLARE v_run VARBINARY(64) DEFAULT NULL;
  DECLARE v_digest VARBINARY(64) DEFAULT NULL;
  DECLARE v_due VARBINARY(10) DEFAULT NULL;
  SET p_expected = NULL;
  SELECT epoch INTO v_global FROM {{control}}.interlocks WHERE scope = 'global' LOCK IN SHARE MODE;
  SELECT epoch INTO v_epoch FROM {{control}}.interlocks WHERE scope = p_tenant LOCK IN SHARE MODE;
  SELECT run_id, due_on INTO v_run, v_due FROM {{control}}.permits
    WHERE permit_id = p_permit AND tenant_id = p_tenant AND location = p_location AND batch_number = p_batch
      AND kind IN ('move', 'destroy') AND used_at IS NULL AND revoked_at IS NULL
      AND expires_at > {{control}}.lethe_now() AND global_epoch = v_global AND tenant_epoch = v_epoch
    FOR UPDATE;
  IF v_run IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: no live permit for this tenant, place and batch';
  END IF;
  SELECT id_count, id_digest INTO p_expected, v_digest FROM {{control}}.manifest_batches
    WHERE run_id = v_run AND location = p_location AND batch_number = p_batch AND due_on = v_due;
  IF p_expected IS NULL OR NOT (CAST(SHA2(p_ids, 256) AS BINARY) <=> CAST(v_digest AS BINARY))
     OR NOT (JSON_LENGTH(p_ids) <=> p_expected) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'DIGEST_MISMATCH: the ids are not those of the sealed batch';
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.close_permit(IN p_permit VARBINARY(64), IN p_count INT UNSIGNED)
SQL SECURITY DEFINER
BEGIN
  UPDATE {{control}}.permits SET used_at = {{control}}.lethe_now(), used_count = p_count
    WHERE permit_id = p_permit AND used_at IS NULL;
  IF ROW_COUNT() <> 1 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the permit was used already';
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.start_purge_attempt(
  IN p_attempt VARBINARY(64), IN p_permit VARBINARY(64), IN p_tenant VARBINARY(64), IN p_location VARBINARY(64),
  IN p_batch INT UNSIGNED, IN p_ids LONGTEXT CHARACTER SET utf8mb4)
SQL SECURITY DEFINER
BEGIN
  -- A store without procedures: the attempt is on record, with a lease, before its first statement.
  DECLARE v_expected INT UNSIGNED;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  CALL {{control}}.open_permit(p_permit, p_tenant, p_location, p_batch, p_ids, v_expected);
  INSERT INTO {{control}}.attempts (attempt_id, tenant_id, purpose, permit_id, run_id, location, batch_number,
      asset_id, started_at, lease_until)
    SELECT p_attempt, m.tenant_id, 'purge', m.permit_id, m.run_id, m.location, m.batch_number, b.asset_id,
        {{control}}.lethe_now(), m.expires_at
      FROM {{control}}.permits m
      JOIN {{control}}.manifest_batches b
        ON b.run_id = m.run_id AND b.location = m.location AND b.batch_number = m.batch_number
      WHERE m.permit_id = p_permit;
  COMMIT;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.assert_attempt_live(IN p_attempt VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  -- Read again between stamping and deleting: an interlock may have come in between.
  IF NOT EXISTS (SELECT 1 FROM {{control}}.attempts a
      JOIN {{control}}.permits m ON m.permit_id = a.permit_id
      JOIN {{control}}.interlocks t ON t.scope = m.tenant_id AND t.epoch = m.tenant_epoch
      JOIN {{control}}.interlocks g ON g.scope = 'global' AND g.epoch = m.global_epoch
      WHERE a.attempt_id = p_attempt AND a.ended_at IS NULL AND m.used_at IS NULL
        AND m.revoked_at IS NULL AND m.expires_at > {{control}}.lethe_now()) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the attempt is no longer permitted';
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.finish_purge_attempt(
  IN p_attempt VARBINARY(64), IN p_deleted INT UNSIGNED, IN p_done TINYINT)
SQL SECURITY DEFINER
BEGIN
  DECLARE v_permit VARBINARY(64) DEFAULT NULL;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  START TRANSACTION;
  SELECT permit_id INTO v_permit FROM {{control}}.attempts
    WHERE attempt_id = p_attempt AND ended_at IS NULL AND purpose = 'purge' FOR UPDATE;
  IF v_permit IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: no such open attempt';
  END IF;
  UPDATE {{control}}.attempts SET ended_at = {{control}}.lethe_now(), deleted = p_deleted
    WHERE attempt_id = p_attempt;
  IF p_done = 1 THEN
    -- Also a permit that was revoked meanwhile: what was deleted before the revocation is on record.
    UPDATE {{control}}.permits SET used_at = {{control}}.lethe_now(), used_count = p_deleted
      WHERE permit_id = v_permit AND used_at IS NULL;
  END IF;
  COMMIT;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.close_key_permit(IN p_permit VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  -- The key has its tombstone: its permit is spent. Closing one only ever takes a right away.
  UPDATE {{control}}.permits SET used_at = {{control}}.lethe_now(), used_count = 1
    WHERE permit_id = p_permit AND batch_number = 0 AND used_at IS NULL;
END
$$
