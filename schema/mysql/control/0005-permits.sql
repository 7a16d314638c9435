-- When the last of a run's services ended; NULL while one of them is in use, or never was.
CREATE DEFINER={{definer}} FUNCTION {{control}}.end_of_subjects(
  p_tenant VARBINARY(64), p_run VARBINARY(64)) RETURNS DATETIME(6)
NOT DETERMINISTIC READS SQL DATA SQL SECURITY DEFINER
BEGIN
  RETURN (SELECT IF(COUNT(*) = COUNT(e.ended_at), MAX(e.ended_at), NULL)
    FROM {{control}}.run_subjects r
    JOIN {{control}}.subscriptions s ON s.tenant_id = p_tenant AND s.subject = r.subject
    LEFT JOIN {{control}}.subscription_ends e
      ON e.tenant_id = s.tenant_id AND e.subscription_id = s.subscription_id
    WHERE r.run_id = p_run);
END
$$
-- What every permit needs. The first statement of the issuing transaction locks the interlock rows, so a
-- hold that commits a moment later finds the permit and revokes it, and one that committed before is seen.
CREATE DEFINER={{definer}} PROCEDURE {{control}}.assert_permittable(
  IN p_tenant VARBINARY(64), IN p_run VARBINARY(64), IN p_due VARBINARY(10), IN p_kind VARBINARY(16),
  OUT p_global BIGINT UNSIGNED, OUT p_epoch BIGINT UNSIGNED)
SQL SECURITY DEFINER
BEGIN
  DECLARE v_event VARBINARY(32) DEFAULT NULL;
  DECLARE v_ref VARBINARY(64) DEFAULT NULL;
  DECLARE v_at DATETIME(6) DEFAULT NULL;
  DECLARE v_base DATETIME(6) DEFAULT NULL;
  DECLARE v_class VARBINARY(64) DEFAULT NULL;
  DECLARE v_fresh_global BIGINT UNSIGNED DEFAULT NULL;
  DECLARE v_fresh_tenant BIGINT UNSIGNED DEFAULT NULL;
  SET p_global = NULL;
  SET p_epoch = NULL;
  SELECT epoch INTO p_global FROM {{control}}.interlocks WHERE scope = 'global' LOCK IN SHARE MODE;
  SELECT epoch INTO p_epoch FROM {{control}}.interlocks WHERE scope = p_tenant LOCK IN SHARE MODE;
  IF p_global IS NULL OR p_epoch IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: no interlock of that tenant';
  END IF;
  IF EXISTS (SELECT 1 FROM {{control}}.freezes f WHERE f.scope IN ('global', p_tenant)
      AND (SELECT COUNT(*) FROM {{control}}.freeze_lifts l WHERE l.freeze_id = f.freeze_id) < 2) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: a freeze is in force';
  END IF;
  SELECT event_kind, event_ref, event_at, record_class INTO v_event, v_ref, v_at, v_class
    FROM {{control}}.runs WHERE run_id = p_run AND tenant_id = p_tenant;
  IF v_event IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: no such run of that tenant';
  END IF;
  IF p_kind <> 'retire' THEN
    IF EXISTS (SELECT 1 FROM {{control}}.run_states WHERE run_id = p_run AND state = 'superseded')
       OR EXISTS (SELECT 1 FROM {{control}}.cohort_states WHERE run_id = p_run AND due_on = p_due
                  AND state IN ('superseded', 'restoring', 'restored'))
       OR (p_due = '' AND EXISTS (SELECT 1 FROM {{control}}.cohort_states WHERE run_id = p_run
                  AND state IN ('superseded', 'restoring', 'restored'))) THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the run was superseded';
    END IF;
    IF v_event = 'request' AND EXISTS (SELECT 1 FROM {{control}}.deletion_withdrawals
        WHERE tenant_id = p_tenant AND request_id = v_ref) THEN
      -- Archived asset data whose services ended before the withdrawal stays under the rule of their end.
      SET v_at = IF(v_class = 'asset-basic-data', {{control}}.end_of_subjects(p_tenant, p_run), NULL);
      SET v_event = 'termination';
      IF v_at IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the request was withdrawn';
      END IF;
    END IF;
    IF v_event IN ('termination', 'feature-end', 'stray') THEN
      SELECT MAX(base_earliest_at) INTO v_base FROM {{control}}.cohorts
        WHERE run_id = p_run AND (p_due = '' OR due_on = p_due);
      IF EXISTS (SELECT 1 FROM {{control}}.run_subjects r
          JOIN {{control}}.subscriptions s ON s.tenant_id = p_tenant AND s.subject = r.subject
          LEFT JOIN {{control}}.subscription_ends e
            ON e.tenant_id = s.tenant_id AND e.subscription_id = s.subscription_id
          WHERE r.run_id = p_run
            AND ((s.started_at <= v_at AND (e.ended_at IS NULL OR e.ended_at > v_at))
              OR (s.started_at > v_at AND (v_base IS NULL OR s.started_at < v_base)))) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the use continues';
      END IF;
    END IF;
    IF v_event IN ('termination', 'stray') AND EXISTS (SELECT 1 FROM {{control}}.continued_cohorts
        WHERE run_id = p_run AND (p_due = '' OR due_on = p_due)) THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: an asset of it is in use under another service';
    END IF;
  END IF;
  SELECT global_epoch, tenant_epoch INTO v_fresh_global, v_fresh_tenant
    FROM {{control}}.window_refreshes WHERE run_id = p_run ORDER BY refresh_number DESC LIMIT 1;
  IF NOT (v_fresh_global <=> p_global AND v_fresh_tenant <=> p_epoch) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the windows are older than the last interlock';
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.assert_no_hold(
  IN p_tenant VARBINARY(64), IN p_run VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  -- A scope that might intersect blocks the whole cohort: nothing narrower than the class is tried here.
  IF EXISTS (SELECT 1 FROM {{control}}.hold_scopes c
      JOIN {{control}}.runs r ON r.run_id = p_run
      LEFT JOIN {{control}}.hold_releases e ON e.hold_id = c.hold_id
      WHERE c.tenant_id = p_tenant AND e.hold_id IS NULL
        AND (c.record_class IS NULL OR c.record_class = r.record_class)) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: a legal hold covers the cohort';
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.insert_permit(
  IN p_permit VARBINARY(64), IN p_kind VARBINARY(16), IN p_tenant VARBINARY(64), IN p_run VARBINARY(64),
  IN p_due VARBINARY(10), IN p_location VARBINARY(160), IN p_batch INT UNSIGNED,
  IN p_global BIGINT UNSIGNED, IN p_epoch BIGINT UNSIGNED, IN p_lease_seconds INT)
SQL SECURITY DEFINER
BEGIN
  DECLARE v_now DATETIME(6) DEFAULT {{control}}.lethe_now();
  IF p_lease_seconds IS NULL OR p_lease_seconds NOT BETWEEN 1 AND 600 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: a permit lives 1 to 600 seconds';
  END IF;
  INSERT INTO {{control}}.permits (permit_id, kind, tenant_id, run_id, due_on, location, batch_number,
      global_epoch, tenant_epoch, issued_at, expires_at)
    VALUES (p_permit, p_kind, p_tenant, p_run, p_due, p_location, p_batch, p_global, p_epoch, v_now,
      v_now + INTERVAL p_lease_seconds SECOND);
END
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
  CALL {{control}}.insert_permit(p_permit, 'move', p_tenant, p_run, '', p_location, p_batch,
    v_global, v_epoch, p_lease_seconds);
  COMMIT;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.assert_floor(
  IN p_tenant VARBINARY(64), IN p_run VARBINARY(64), IN p_due VARBINARY(10), IN p_now DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  -- A second opinion from other facts: not the stored window, but what the verifier saw and what was recorded.
  DECLARE v_class VARBINARY(64) DEFAULT NULL;
  DECLARE v_event VARBINARY(32) DEFAULT NULL;
  DECLARE v_ref VARBINARY(64) DEFAULT NULL;
  DECLARE v_at DATETIME(6) DEFAULT NULL;
  DECLARE v_newest DATETIME(6) DEFAULT NULL;
  DECLARE v_ended DATETIME(6) DEFAULT NULL;
  DECLARE v_received DATETIME(6) DEFAULT NULL;
  DECLARE v_by_end DATETIME(6) DEFAULT NULL;
  DECLARE v_by_request DATETIME(6) DEFAULT NULL;
  DECLARE v_floor DATETIME(6) DEFAULT NULL;
  SELECT record_class, event_kind, event_ref, event_at INTO v_class, v_event, v_ref, v_at
    FROM {{control}}.runs WHERE run_id = p_run AND tenant_id = p_tenant;
  IF v_event = 'request' AND EXISTS (SELECT 1 FROM {{control}}.deletion_withdrawals
      WHERE tenant_id = p_tenant AND request_id = v_ref) THEN
    SET v_event = 'termination';
    SET v_at = {{control}}.end_of_subjects(p_tenant, p_run);
  END IF;
  SELECT MAX(newest_observed_at) INTO v_newest FROM {{control}}.verifications
    WHERE run_id = p_run AND due_on = p_due AND subject = 'moved' AND outcome = 'ok';
  SELECT MAX(e.ended_at) INTO v_ended FROM {{control}}.run_subjects r
    JOIN {{control}}.subscriptions s ON s.tenant_id = p_tenant AND s.subject = r.subject
    JOIN {{control}}.subscription_ends e
      ON e.tenant_id = s.tenant_id AND e.subscription_id = s.subscription_id
    WHERE r.run_id = p_run AND e.ended_at <= v_at;
  -- The first standing request that covers the cohort; of a run made for one, that one.
  SELECT MIN(q.received_at) INTO v_received FROM {{control}}.deletion_requests q
    LEFT JOIN {{control}}.deletion_withdrawals w
      ON w.tenant_id = q.tenant_id AND w.request_id = q.request_id
    WHERE q.tenant_id = p_tenant AND q.record_class = v_class AND w.request_id IS NULL
      AND CASE WHEN v_event = 'request' THEN q.request_id = v_ref
               WHEN v_class = 'asset-basic-data' THEN q.received_at >= v_newest
               ELSE q.received_at >= v_at END;
  IF v_class = 'asset-basic-data' THEN
    SET v_by_end = GREATEST(v_newest + INTERVAL 4320 HOUR, v_ended + INTERVAL 29 DAY);
    SET v_by_request = GREATEST(v_newest + INTERVAL 4320 HOUR, v_received);
    SET v_floor = CASE v_event
      WHEN 'termination' THEN LEAST(COALESCE(v_by_end, v_by_request), COALESCE(v_by_request, v_by_end))
      WHEN 'request' THEN v_by_request
      WHEN 'stray' THEN v_newest + INTERVAL 4320 HOUR
      ELSE NULL END;
  ELSEIF v_class = 'console-configuration-data' THEN
    SET v_by_end = v_ended + INTERVAL 27 DAY;
    SET v_by_request = GREATEST(v_received, LEAST(v_received + INTERVAL 7 DAY,
      COALESCE((SELECT MAX(e.ended_at) + INTERVAL 27 DAY FROM {{control}}.subscriptions s
        JOIN {{control}}.subscription_ends e
          ON e.tenant_id = s.tenant_id AND e.subscription_id = s.subscription_id
        WHERE s.tenant_id = p_tenant AND s.subject = 'Feature'), v_received + INTERVAL 7 DAY)));
    SET v_floor = CASE v_event
      WHEN 'feature-end' THEN LEAST(COALESCE(v_by_end, v_by_request), COALESCE(v_by_request, v_by_end))
      WHEN 'request' THEN v_by_request
      WHEN 'stray' THEN v_at
      ELSE NULL END;
  END IF;
  -- Under the rule of an end the end itself must be on record, whatever was requested.
  IF v_floor IS NULL OR (v_event IN ('termination', 'feature-end') AND v_ended IS NULL)
     OR v_floor > p_now THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the floor computed from recorded facts is not reached';
  END IF;
END
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
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
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
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
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
