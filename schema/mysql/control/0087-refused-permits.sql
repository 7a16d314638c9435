-- What the procedure refuses is counted by the procedure, whoever asked: a login that asks for permits by itself
-- leaves the same trace as the engine. Counted by the hour; the sweep puts the numbers into the evidence.
CREATE DEFINER={{definer}} PROCEDURE {{control}}.commit_refusal(
  IN p_tenant VARBINARY(64), IN p_cause VARBINARY(32))
SQL SECURITY DEFINER
BEGIN
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  CALL {{control}}.count_refusal(p_tenant, p_cause);
  COMMIT;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.count_refused_permit(
  IN p_tenant VARBINARY(64), IN p_said VARCHAR(512) CHARACTER SET utf8mb4)
SQL SECURITY DEFINER
BEGIN
  DECLARE v_cause VARBINARY(32) DEFAULT CASE SUBSTRING_INDEX(p_said, ':', 1)
    WHEN 'PERMIT_REFUSED' THEN 'issuer-permit-refused'
    WHEN 'ORDER_REQUIRED' THEN 'issuer-order-required'
    WHEN 'CLOCK_DISAGREES' THEN 'issuer-clock-disagrees'
    ELSE NULL END;
  -- Whose id is made up belongs to no tenant: made-up ids grow a number, not a table.
  DECLARE v_tenant VARBINARY(64) DEFAULT
    COALESCE((SELECT tenant_id FROM {{control}}.tenants WHERE tenant_id = p_tenant), '');
  DECLARE v_tries INT DEFAULT 5;
  DECLARE v_lost TINYINT DEFAULT 0;
  -- The first two refusals of an hour meet at a row that is not there yet; who loses counts again. What cannot be
  -- counted is refused all the same.
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET v_lost = 1;
  WHILE v_cause IS NOT NULL AND v_tries > 0 DO
    SET v_lost = 0;
    SET v_tries = v_tries - 1;
    CALL {{control}}.commit_refusal(v_tenant, v_cause);
    IF v_lost = 0 THEN SET v_tries = 0; END IF;
  END WHILE;
END
$$
DROP PROCEDURE {{control}}.issue_destroy_permit
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.issue_destroy_permit(
  IN p_permit VARBINARY(64), IN p_tenant VARBINARY(64), IN p_run VARBINARY(64), IN p_due VARBINARY(10),
  IN p_location VARBINARY(160), IN p_batch INT UNSIGNED, IN p_workflow_now DATETIME(6), IN p_lease_seconds INT)
SQL SECURITY DEFINER
BEGIN
  DECLARE v_global BIGINT UNSIGNED;
  DECLARE v_epoch BIGINT UNSIGNED;
  DECLARE v_now DATETIME(6);
  DECLARE v_not_before DATETIME(6) DEFAULT NULL;
  DECLARE v_class VARBINARY(64) DEFAULT NULL;
  DECLARE v_digest VARBINARY(64) DEFAULT NULL;
  DECLARE v_said VARCHAR(512) CHARACTER SET utf8mb4 DEFAULT NULL;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION
  BEGIN
    -- Counted after the rollback, in a transaction of its own.
    GET DIAGNOSTICS CONDITION 1 v_said = MESSAGE_TEXT;
    ROLLBACK;
    CALL {{control}}.count_refused_permit(p_tenant, v_said);
    RESIGNAL;
  END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  CALL {{control}}.assert_permittable(p_tenant, p_run, p_due, 'destroy', v_global, v_epoch);
  SET v_now = {{control}}.lethe_now();
  CALL {{control}}.assert_no_hold(p_tenant, p_run);
  IF p_workflow_now IS NULL OR p_workflow_now > v_now + INTERVAL 5 MINUTE THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CLOCK_DISAGREES: the process is ahead of the database';
  END IF;
  SELECT delete_not_before INTO v_not_before FROM {{control}}.cohort_windows
    WHERE run_id = p_run AND due_on = p_due ORDER BY window_number DESC LIMIT 1;
  IF v_not_before IS NULL OR v_not_before > v_now OR v_not_before > p_workflow_now THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the window is not open';
  END IF;
  SELECT record_class INTO v_class FROM {{control}}.runs WHERE run_id = p_run AND tenant_id = p_tenant;
  SELECT digest INTO v_digest FROM {{control}}.manifests WHERE run_id = p_run;
  IF v_digest IS NULL OR NOT EXISTS (SELECT 1 FROM {{control}}.verifications v
      WHERE v.run_id = p_run AND v.outcome = 'ok' AND v.manifest_digest = v_digest
        AND ((v_class = 'asset-basic-data' AND v.subject = 'moved' AND v.due_on = p_due AND v.records = 0)
          OR (v_class = 'console-configuration-data' AND v.subject = 'sealed' AND v.due_on = p_due))) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the verifier has not confirmed the manifest';
  END IF;
  CALL {{control}}.assert_floor(p_tenant, p_run, p_due, v_now);
  IF NOT EXISTS (SELECT 1 FROM {{control}}.cohort_keys
        WHERE run_id = p_run AND due_on = p_due AND key_ref = p_location AND p_batch = 0)
     AND NOT EXISTS (SELECT 1 FROM {{control}}.manifest_batches
        WHERE run_id = p_run AND due_on = p_due AND location = p_location AND batch_number = p_batch) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the cohort has no such key or batch';
  END IF;
  CALL {{control}}.insert_permit(p_permit, 'destroy', p_tenant, p_run, p_due, p_location, p_batch,
    v_global, v_epoch, p_lease_seconds);
  COMMIT;
END
