-- Refused permits to move, to retire and to replay are counted like those to destroy.
DROP PROCEDURE {{control}}.issue_move_permit
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.issue_move_permit(
  IN p_permit VARBINARY(64), IN p_tenant VARBINARY(64), IN p_run VARBINARY(64),
  IN p_location VARBINARY(64), IN p_batch INT UNSIGNED, IN p_lease_seconds INT)
SQL SECURITY DEFINER
BEGIN
  -- A hold does not stop a move: the data is preserved in two locked copies.
  DECLARE v_global BIGINT UNSIGNED;
  DECLARE v_epoch BIGINT UNSIGNED;
  DECLARE v_digest VARBINARY(64) DEFAULT NULL;
  DECLARE v_unverified INT DEFAULT 1;
  DECLARE v_said VARCHAR(512) CHARACTER SET utf8mb4 DEFAULT NULL;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION
  BEGIN
    GET DIAGNOSTICS CONDITION 1 v_said = MESSAGE_TEXT;
    ROLLBACK;
    CALL {{control}}.count_refused_permit(p_tenant, v_said);
    RESIGNAL;
  END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  CALL {{control}}.assert_permittable(p_tenant, p_run, '', 'move', v_global, v_epoch);
  SELECT digest INTO v_digest FROM {{control}}.manifests WHERE run_id = p_run;
  SELECT COUNT(*) INTO v_unverified FROM {{control}}.cohorts c
    JOIN (SELECT 'copy:archive' AS subject UNION ALL SELECT 'copy:backup') s
    WHERE c.run_id = p_run AND NOT EXISTS (SELECT 1 FROM {{control}}.verifications v
      WHERE v.run_id = p_run AND v.due_on = c.due_on AND v.subject = CAST(s.subject AS BINARY)
        AND v.outcome = 'ok' AND v.manifest_digest = v_digest);
  IF v_digest IS NULL OR v_unverified <> 0 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: both copies must be verified first';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM {{control}}.runs WHERE run_id = p_run AND record_class = 'asset-basic-data')
     OR NOT EXISTS (SELECT 1 FROM {{control}}.manifest_batches
       WHERE run_id = p_run AND location = p_location AND batch_number = p_batch AND due_on = '') THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: no such batch in the sealed manifest';
  END IF;
  -- A key that is gone leaves no copy to fall back on: whatever is still live is all there is.
  IF EXISTS (SELECT 1 FROM {{control}}.tombstones WHERE run_id = p_run) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: a key of the run is gone, and its copies with it';
  END IF;
  CALL {{control}}.insert_permit(p_permit, 'move', p_tenant, p_run, '', p_location, p_batch,
    v_global, v_epoch, p_lease_seconds);
  COMMIT;
END
$$
DROP PROCEDURE {{control}}.issue_retire_permit
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.issue_retire_permit(
  IN p_permit VARBINARY(64), IN p_tenant VARBINARY(64), IN p_run VARBINARY(64), IN p_due VARBINARY(10),
  IN p_location VARBINARY(160), IN p_lease_seconds INT)
SQL SECURITY DEFINER
BEGIN
  -- The archive of a run that was restored: everything in it has been read back live with equal digests.
  DECLARE v_global BIGINT UNSIGNED;
  DECLARE v_epoch BIGINT UNSIGNED;
  DECLARE v_digest VARBINARY(64) DEFAULT NULL;
  DECLARE v_said VARCHAR(512) CHARACTER SET utf8mb4 DEFAULT NULL;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION
  BEGIN
    GET DIAGNOSTICS CONDITION 1 v_said = MESSAGE_TEXT;
    ROLLBACK;
    CALL {{control}}.count_refused_permit(p_tenant, v_said);
    RESIGNAL;
  END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  CALL {{control}}.assert_permittable(p_tenant, p_run, p_due, 'retire', v_global, v_epoch);
  CALL {{control}}.assert_no_hold(p_tenant, p_run);
  SELECT digest INTO v_digest FROM {{control}}.manifests WHERE run_id = p_run;
  IF v_digest IS NULL
     OR NOT EXISTS (SELECT 1 FROM {{control}}.cohort_states
        WHERE run_id = p_run AND due_on = p_due AND state = 'restoring')
     OR NOT EXISTS (SELECT 1 FROM {{control}}.verifications
        WHERE run_id = p_run AND due_on = p_due AND subject = 'restored' AND outcome = 'ok'
          AND manifest_digest = v_digest)
     OR NOT EXISTS (SELECT 1 FROM {{control}}.cohort_keys
        WHERE run_id = p_run AND due_on = p_due AND key_ref = p_location) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the verifier has not read everything back live';
  END IF;
  CALL {{control}}.insert_permit(p_permit, 'retire', p_tenant, p_run, p_due, p_location, 0,
    v_global, v_epoch, p_lease_seconds);
  COMMIT;
END
$$
DROP PROCEDURE {{control}}.issue_replay_permit
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
  DECLARE v_said VARCHAR(512) CHARACTER SET utf8mb4 DEFAULT NULL;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION
  BEGIN
    GET DIAGNOSTICS CONDITION 1 v_said = MESSAGE_TEXT;
    ROLLBACK;
    CALL {{control}}.count_refused_permit(p_tenant, v_said);
    RESIGNAL;
  END;
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
