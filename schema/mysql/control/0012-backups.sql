-- Backups that operators take of the stores, and how what came back from one is removed again.
CREATE TABLE {{control}}.backup_sets (
  set_id VARBINARY(64) NOT NULL PRIMARY KEY,
  store VARBINARY(16) NOT NULL COMMENT 'mysql or mongodb',
  covers VARBINARY(255) NOT NULL COMMENT 'databases without their prefix, comma separated',
  location VARBINARY(255) NOT NULL COMMENT 'where it is kept, for people',
  taken_at DATETIME(6) NOT NULL,
  expires_at DATETIME(6) NOT NULL COMMENT 'when it is to be gone',
  registered_by VARBINARY(64) NOT NULL,
  registered_at DATETIME(6) NOT NULL,
  CHECK (expires_at > taken_at)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.backup_expiries (
  set_id VARBINARY(64) NOT NULL PRIMARY KEY,
  expired_at DATETIME(6) NOT NULL COMMENT 'when somebody reported that it is gone',
  expired_by VARBINARY(64) NOT NULL
) ENGINE=InnoDB
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.assert_removed_before(
  IN p_run VARBINARY(64), IN p_location VARBINARY(160), IN p_batch INT UNSIGNED)
SQL SECURITY DEFINER
BEGIN
  -- Only what went under a permit once may go again for having come back, and nothing that was restored.
  IF NOT EXISTS (SELECT 1 FROM {{control}}.permits WHERE run_id = p_run AND location = p_location
        AND batch_number = p_batch AND kind IN ('move', 'destroy') AND used_at IS NOT NULL)
     OR EXISTS (SELECT 1 FROM {{control}}.cohort_states WHERE run_id = p_run
        AND state IN ('restoring', 'returned', 'restored', 'superseded')) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the batch was never removed, or its run was restored';
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.issue_replay_permit(
  IN p_permit VARBINARY(64), IN p_tenant VARBINARY(64), IN p_run VARBINARY(64),
  IN p_location VARBINARY(160), IN p_batch INT UNSIGNED, IN p_lease_seconds INT)
SQL SECURITY DEFINER
BEGIN
  -- Unlike a move this may be the last copy, so a hold stops it: what came back is then kept.
  DECLARE v_global BIGINT UNSIGNED;
  DECLARE v_epoch BIGINT UNSIGNED;
  DECLARE v_kind VARBINARY(16) DEFAULT NULL;
  DECLARE v_due VARBINARY(10) DEFAULT NULL;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  CALL {{control}}.assert_permittable(p_tenant, p_run, '', 'move', v_global, v_epoch);
  CALL {{control}}.assert_no_hold(p_tenant, p_run);
  CALL {{control}}.assert_removed_before(p_run, p_location, p_batch);
  SELECT kind, due_on INTO v_kind, v_due FROM {{control}}.permits
    WHERE run_id = p_run AND location = p_location AND batch_number = p_batch AND tenant_id = p_tenant
      AND kind IN ('move', 'destroy') AND used_at IS NOT NULL ORDER BY used_at LIMIT 1;
  IF v_kind IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the batch is not of this tenant';
  END IF;
  CALL {{control}}.insert_permit(p_permit, v_kind, p_tenant, p_run, v_due, p_location, p_batch,
    v_global, v_epoch, p_lease_seconds);
  COMMIT;
END
$$
