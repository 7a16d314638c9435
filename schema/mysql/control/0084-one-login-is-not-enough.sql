-- What one login says about itself opens nothing for another one.
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
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
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
DROP TRIGGER {{control}}.permits_within_limits
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.permits_within_limits BEFORE INSERT ON {{control}}.permits
FOR EACH ROW
BEGIN
  -- Whichever procedure issues a permit, and whenever one is written, it passes here first.
  DECLARE v_id TINYINT;
  DECLARE v_now DATETIME(6);
  DECLARE v_class VARBINARY(64) DEFAULT NULL;
  DECLARE v_records BIGINT UNSIGNED DEFAULT NULL;
  DECLARE v_rows BIGINT UNSIGNED DEFAULT 0;
  DECLARE v_amount BIGINT UNSIGNED;
  DECLARE v_share INT UNSIGNED;
  IF NEW.kind = 'destroy' THEN
    SELECT id INTO v_id FROM {{control}}.cap_gate WHERE id = 1 FOR UPDATE;
  ELSE
    -- Moves do not wait for each other, but for a trip that is being recorded.
    SELECT id INTO v_id FROM {{control}}.cap_gate WHERE id = 1 LOCK IN SHARE MODE;
  END IF;
  CALL {{control}}.assert_breaker(NEW.location);
  SELECT COALESCE(MAX(id_count), 0) INTO v_rows FROM {{control}}.manifest_batches
    WHERE run_id = NEW.run_id AND location = NEW.location AND batch_number = NEW.batch_number;
  CALL {{control}}.read_cap('rows-per-batch', v_amount, v_share);
  IF v_rows > v_amount THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CAP_ROWS_PER_BATCH: the sealed batch has more rows than one may have';
  END IF;
  -- A cohort whose key is gone only has its end finished; it was counted when that was permitted. Only a permit that
  -- was counted proves it: rows of tombstones come from a login that issues none.
  IF NEW.kind = 'destroy' AND NOT EXISTS (SELECT 1 FROM {{control}}.tombstones t
      JOIN {{control}}.cap_uses u ON u.permit_id = t.permit_id AND u.run_id = t.run_id AND u.due_on = t.due_on
      WHERE t.run_id = NEW.run_id AND t.due_on = NEW.due_on LOCK IN SHARE MODE) THEN
    SET v_now = {{control}}.lethe_now();
    SELECT r.record_class, c.records INTO v_class, v_records FROM {{control}}.cohorts c
      JOIN {{control}}.runs r ON r.run_id = c.run_id WHERE c.run_id = NEW.run_id AND c.due_on = NEW.due_on;
    IF v_class IS NULL OR v_records IS NULL THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: no cohort to count against the caps';
    END IF;
    CALL {{control}}.assert_usual(NEW.tenant_id, NEW.run_id, NEW.due_on, v_records, v_now);
    CALL {{control}}.assert_caps(NEW.tenant_id, NEW.run_id, NEW.due_on, v_class, v_records, v_now);
    INSERT INTO {{control}}.cap_uses (permit_id, tenant_id, run_id, due_on, record_class, records, granted_at)
      VALUES (NEW.permit_id, NEW.tenant_id, NEW.run_id, NEW.due_on, v_class, v_records, v_now);
  END IF;
END
$$
-- Whoever waits for an attempt waits until its own side says that it is over, or its lease has run out.
DROP PROCEDURE {{control}}.end_attempt
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.end_attempt(IN p_attempt VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  -- Attempts to collect only; a purge is ended by finish_purge_attempt.
  DECLARE v_safe INT DEFAULT @@session.sql_safe_updates;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SET SESSION sql_safe_updates = v_safe; RESIGNAL; END;
  SET SESSION sql_safe_updates = 0;
  UPDATE {{control}}.attempts SET ended_at = {{control}}.lethe_now()
    WHERE attempt_id = p_attempt AND ended_at IS NULL AND purpose = 'ingest';
  SET SESSION sql_safe_updates = v_safe;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.end_archive_attempt(IN p_attempt VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  -- Attempts to archive only: no other login may say that nothing is written any more.
  DECLARE v_safe INT DEFAULT @@session.sql_safe_updates;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SET SESSION sql_safe_updates = v_safe; RESIGNAL; END;
  SET SESSION sql_safe_updates = 0;
  UPDATE {{control}}.attempts SET ended_at = {{control}}.lethe_now()
    WHERE attempt_id = p_attempt AND ended_at IS NULL AND purpose = 'archive';
  SET SESSION sql_safe_updates = v_safe;
END
