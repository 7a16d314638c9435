-- Releasing a hold: one person asks, another one approves before the request expires, and the release takes
-- effect only after a delay. Until then everybody may withdraw it, and the hold is in force. No login
-- writes these tables; the procedures do.
CREATE TABLE {{control}}.hold_parameters (
  parameter_number INT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'the newest one counts',
  release_delay_hours INT UNSIGNED NOT NULL,
  request_life_hours INT UNSIGNED NOT NULL,
  recorded_at DATETIME(6) NOT NULL,
  CHECK (release_delay_hours BETWEEN 1 AND 720 AND request_life_hours BETWEEN 1 AND 720)
) ENGINE=InnoDB
$$
INSERT INTO {{control}}.hold_parameters
  (parameter_number, release_delay_hours, request_life_hours, recorded_at)
VALUES (1, 24, 168, '1970-01-01')
$$
CREATE TABLE {{control}}.hold_release_requests (
  hold_id VARBINARY(64) NOT NULL,
  request_number INT UNSIGNED NOT NULL,
  requested_by VARBINARY(64) NOT NULL,
  requested_at DATETIME(6) NOT NULL,
  expires_at DATETIME(6) NOT NULL,
  PRIMARY KEY (hold_id, request_number)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.hold_release_withdrawals (
  hold_id VARBINARY(64) NOT NULL,
  request_number INT UNSIGNED NOT NULL,
  withdrawn_by VARBINARY(64) NOT NULL,
  withdrawn_at DATETIME(6) NOT NULL,
  PRIMARY KEY (hold_id, request_number)
) ENGINE=InnoDB
$$
-- A row of hold_releases is an approval from here on; released_at is the instant at which it takes effect.
-- Releases from before have number 0 and took effect when they were made.
ALTER TABLE {{control}}.hold_releases
  ADD COLUMN request_number INT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN approved_at DATETIME(6) NULL,
  ADD COLUMN delay_hours INT UNSIGNED NULL COMMENT 'the parameter that was in force',
  DROP PRIMARY KEY, ADD PRIMARY KEY (hold_id, request_number)
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.releases_by_two BEFORE INSERT ON {{control}}.hold_releases
FOR EACH ROW
BEGIN
  -- Whoever writes one. While everything is frozen the restore gate puts back what people had decided.
  IF NEW.released_by = '' OR NEW.approved_by = ''
     OR LOWER(CONVERT(NEW.released_by USING utf8mb4)) = LOWER(CONVERT(NEW.approved_by USING utf8mb4)) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: a second person approves, not the one who asked';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM {{control}}.hold_release_requests q
        WHERE q.hold_id = NEW.hold_id AND q.request_number = NEW.request_number
          AND q.requested_by = NEW.released_by AND q.expires_at > NEW.approved_at
          AND NEW.approved_at >= q.requested_at
          AND NEW.approved_at <= {{control}}.lethe_now()
          AND NEW.released_at >= NEW.approved_at + INTERVAL (SELECT p.release_delay_hours
            FROM {{control}}.hold_parameters p ORDER BY p.parameter_number DESC LIMIT 1) HOUR)
     AND NOT EXISTS (SELECT 1 FROM {{control}}.freezes f WHERE f.scope = 'global'
        AND (SELECT COUNT(*) FROM {{control}}.freeze_lifts l WHERE l.freeze_id = f.freeze_id) < 2) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: nobody asked for this release, or its delay is missing';
  END IF;
END
$$
-- Holds that are over: by two people, after the delay, and nobody withdrew it before.
CREATE DEFINER={{definer}} SQL SECURITY DEFINER VIEW {{control}}.released_holds AS
SELECT r.hold_id, r.request_number, r.released_at, r.released_by, r.approved_by
  FROM {{control}}.hold_releases r
 WHERE r.released_at <= {{control}}.lethe_now()
   AND LOWER(CONVERT(r.released_by USING utf8mb4)) <> LOWER(CONVERT(r.approved_by USING utf8mb4))
   AND NOT EXISTS (SELECT 1 FROM {{control}}.hold_release_withdrawals w
     WHERE w.hold_id = r.hold_id AND w.request_number = r.request_number)
$$
-- The part of a hold that a run or one of its due days might fall under; an empty due day means any of them.
CREATE DEFINER={{definer}} FUNCTION {{control}}.is_held(
  p_tenant VARBINARY(64), p_run VARBINARY(64), p_due VARBINARY(10)) RETURNS TINYINT
NOT DETERMINISTIC READS SQL DATA SQL SECURITY DEFINER
BEGIN
  RETURN EXISTS (SELECT 1 FROM {{control}}.hold_scopes h
    JOIN {{control}}.runs r ON r.run_id = p_run
    WHERE h.tenant_id = p_tenant
      AND NOT EXISTS (SELECT 1 FROM {{control}}.released_holds e WHERE e.hold_id = h.hold_id)
      AND (h.record_class IS NULL OR h.record_class = r.record_class)
      AND (h.hosting_service IS NULL
        OR EXISTS (SELECT 1 FROM {{control}}.run_subjects s
          WHERE s.run_id = p_run AND s.subject = h.hosting_service)
        OR NOT EXISTS (SELECT 1 FROM {{control}}.run_subjects s WHERE s.run_id = p_run))
      AND (h.asset_id IS NULL
        OR EXISTS (SELECT 1 FROM {{control}}.run_assets a
          WHERE a.run_id = p_run AND a.asset_id = h.asset_id)
        OR NOT EXISTS (SELECT 1 FROM {{control}}.run_assets a WHERE a.run_id = p_run))
      AND (h.collected_from IS NULL
        OR NOT EXISTS (SELECT 1 FROM {{control}}.cohorts c
          WHERE c.run_id = p_run AND (p_due = '' OR c.due_on = p_due))
        OR EXISTS (SELECT 1 FROM {{control}}.cohorts c
          WHERE c.run_id = p_run AND (p_due = '' OR c.due_on = p_due)
            AND (c.newest_observed_at IS NULL OR c.newest_observed_at >= h.collected_from)))
      AND (h.collected_to IS NULL
        OR NOT EXISTS (SELECT 1 FROM {{control}}.cohorts c
          WHERE c.run_id = p_run AND (p_due = '' OR c.due_on = p_due))
        OR EXISTS (SELECT 1 FROM {{control}}.cohorts c
          LEFT JOIN {{control}}.cohort_spans n ON n.run_id = c.run_id AND n.due_on = c.due_on
          WHERE c.run_id = p_run AND (p_due = '' OR c.due_on = p_due)
            AND (n.oldest_observed_at IS NULL OR n.oldest_observed_at < h.collected_to))));
END
$$
DROP PROCEDURE {{control}}.assert_no_hold
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.assert_no_hold(
  IN p_tenant VARBINARY(64), IN p_run VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  -- Asked before it is known which due day it is about: holds over a whole class refuse here, the narrower
  -- ones where the permit is written.
  IF EXISTS (SELECT 1 FROM {{control}}.hold_scopes c
      JOIN {{control}}.runs r ON r.run_id = p_run
      WHERE c.tenant_id = p_tenant
        AND (c.record_class IS NULL OR c.record_class = r.record_class)
        AND c.hosting_service IS NULL AND c.asset_id IS NULL
        AND c.collected_from IS NULL AND c.collected_to IS NULL
        AND NOT EXISTS (SELECT 1 FROM {{control}}.released_holds e WHERE e.hold_id = c.hold_id)) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: a legal hold covers the cohort';
  END IF;
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.permits_under_no_hold BEFORE INSERT ON {{control}}.permits
FOR EACH ROW
BEGIN
  -- Whichever procedure issues it: nothing under a hold is destroyed or retired. A move preserves.
  IF NEW.kind <> 'move' AND {{control}}.is_held(NEW.tenant_id, NEW.run_id, NEW.due_on) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: a legal hold covers the cohort';
  END IF;
END
$$
DROP PROCEDURE {{control}}.assert_removed_before
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.assert_removed_before(
  IN p_run VARBINARY(64), IN p_location VARBINARY(160), IN p_batch INT UNSIGNED)
SQL SECURITY DEFINER
BEGIN
  -- Only what went under a permit once may go again for having come back, and nothing that was restored.
  -- A hold over any part of the run keeps it: it may be the last copy.
  IF NOT EXISTS (SELECT 1 FROM {{control}}.permits WHERE run_id = p_run AND location = p_location
        AND batch_number = p_batch AND kind IN ('move', 'destroy') AND used_at IS NOT NULL)
     OR EXISTS (SELECT 1 FROM {{control}}.cohort_states WHERE run_id = p_run
        AND state IN ('restoring', 'returned', 'restored', 'superseded')) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the batch was never removed, or its run was restored';
  END IF;
  IF {{control}}.is_held((SELECT tenant_id FROM {{control}}.runs WHERE run_id = p_run), p_run, '') THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: a legal hold covers the cohort';
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.lock_hold(
  IN p_hold VARBINARY(64), IN p_by VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  -- One decision about a hold at a time. The caller's transaction holds the interlocks of its tenants.
  DECLARE v_hold VARBINARY(64) DEFAULT NULL;
  SELECT hold_id INTO v_hold FROM {{control}}.holds WHERE hold_id = p_hold FOR UPDATE;
  IF v_hold IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'UNKNOWN_HOLD: holdId names no hold';
  END IF;
  IF p_by IS NULL OR LENGTH(p_by) = 0 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: by must say who decides about the hold';
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.request_hold_release(
  IN p_hold VARBINARY(64), IN p_by VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_now DATETIME(6);
  DECLARE v_number INT UNSIGNED DEFAULT 0;
  DECLARE v_life INT UNSIGNED DEFAULT NULL;
  CALL {{control}}.lock_hold(p_hold, p_by);
  SET v_now = {{control}}.lethe_now();
  IF EXISTS (SELECT 1 FROM {{control}}.hold_releases r WHERE r.hold_id = p_hold
      AND NOT EXISTS (SELECT 1 FROM {{control}}.hold_release_withdrawals w
        WHERE w.hold_id = r.hold_id AND w.request_number = r.request_number) LOCK IN SHARE MODE) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: the release of this hold has been approved already';
  END IF;
  -- The same person asking again changes nothing while the request lives.
  IF NOT EXISTS (SELECT 1 FROM {{control}}.hold_release_requests q
      WHERE q.hold_id = p_hold AND q.requested_by = p_by AND q.expires_at > v_now
        AND NOT EXISTS (SELECT 1 FROM {{control}}.hold_release_withdrawals w
          WHERE w.hold_id = q.hold_id AND w.request_number = q.request_number)
        AND NOT EXISTS (SELECT 1 FROM {{control}}.hold_release_requests n
          WHERE n.hold_id = q.hold_id AND n.request_number > q.request_number) LOCK IN SHARE MODE) THEN
    SELECT request_life_hours INTO v_life FROM {{control}}.hold_parameters
      ORDER BY parameter_number DESC LIMIT 1;
    SELECT COALESCE(MAX(request_number), 0) + 1 INTO v_number
      FROM {{control}}.hold_release_requests WHERE hold_id = p_hold LOCK IN SHARE MODE;
    INSERT INTO {{control}}.hold_release_requests
        (hold_id, request_number, requested_by, requested_at, expires_at)
      VALUES (p_hold, v_number, p_by, v_now, v_now + INTERVAL v_life HOUR);
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.approve_hold_release(
  IN p_hold VARBINARY(64), IN p_by VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  -- The newest request that lives is the one that is approved, and never by who made it.
  DECLARE v_now DATETIME(6);
  DECLARE v_number INT UNSIGNED DEFAULT NULL;
  DECLARE v_asked VARBINARY(64) DEFAULT NULL;
  DECLARE v_delay INT UNSIGNED DEFAULT NULL;
  CALL {{control}}.lock_hold(p_hold, p_by);
  SET v_now = {{control}}.lethe_now();
  IF NOT EXISTS (SELECT 1 FROM {{control}}.hold_releases r WHERE r.hold_id = p_hold
      AND NOT EXISTS (SELECT 1 FROM {{control}}.hold_release_withdrawals w
        WHERE w.hold_id = r.hold_id AND w.request_number = r.request_number) LOCK IN SHARE MODE) THEN
    SELECT q.request_number, q.requested_by INTO v_number, v_asked
      FROM {{control}}.hold_release_requests q
      WHERE q.hold_id = p_hold AND q.expires_at > v_now
        AND NOT EXISTS (SELECT 1 FROM {{control}}.hold_release_withdrawals w
          WHERE w.hold_id = q.hold_id AND w.request_number = q.request_number)
      ORDER BY q.request_number DESC LIMIT 1 LOCK IN SHARE MODE;
    IF v_number IS NULL THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: nobody asked to release it, or the request has expired';
    END IF;
    SELECT release_delay_hours INTO v_delay FROM {{control}}.hold_parameters
      ORDER BY parameter_number DESC LIMIT 1;
    INSERT INTO {{control}}.hold_releases
        (hold_id, request_number, released_by, approved_by, approved_at, delay_hours, released_at)
      VALUES (p_hold, v_number, v_asked, p_by, v_now, v_delay, v_now + INTERVAL v_delay HOUR);
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.withdraw_hold_release(
  IN p_hold VARBINARY(64), IN p_by VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  -- Keeping needs one person only. What has taken effect is over: a new hold must be placed then.
  DECLARE v_now DATETIME(6);
  DECLARE v_number INT UNSIGNED DEFAULT NULL;
  CALL {{control}}.lock_hold(p_hold, p_by);
  SET v_now = {{control}}.lethe_now();
  IF EXISTS (SELECT 1 FROM {{control}}.hold_releases r WHERE r.hold_id = p_hold AND r.released_at <= v_now
      AND NOT EXISTS (SELECT 1 FROM {{control}}.hold_release_withdrawals w
        WHERE w.hold_id = r.hold_id AND w.request_number = r.request_number) LOCK IN SHARE MODE) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: the release has taken effect; place a new hold';
  END IF;
  SELECT MAX(request_number) INTO v_number FROM {{control}}.hold_release_requests
    WHERE hold_id = p_hold LOCK IN SHARE MODE;
  IF v_number IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: nobody asked to release it';
  END IF;
  -- Every request that was not withdrawn goes, so that an older one cannot be approved instead.
  INSERT INTO {{control}}.hold_release_withdrawals (hold_id, request_number, withdrawn_by, withdrawn_at)
    SELECT q.hold_id, q.request_number, p_by, v_now FROM {{control}}.hold_release_requests q
      WHERE q.hold_id = p_hold AND NOT EXISTS (SELECT 1 FROM {{control}}.hold_release_withdrawals w
        WHERE w.hold_id = q.hold_id AND w.request_number = q.request_number);
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.replay_hold_release(
  IN p_hold VARBINARY(64), IN p_number INT UNSIGNED, IN p_act VARBINARY(16), IN p_asked VARBINARY(64),
  IN p_by VARBINARY(64), IN p_at DATETIME(6), IN p_until DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  -- For the restore gate: what the evidence knows and a restored control store forgot, under a global freeze.
  CALL {{control}}.lock_hold(p_hold, p_by);
  IF NOT EXISTS (SELECT 1 FROM {{control}}.freezes f WHERE f.scope = 'global'
      AND (SELECT COUNT(*) FROM {{control}}.freeze_lifts l WHERE l.freeze_id = f.freeze_id) < 2
      LOCK IN SHARE MODE) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: a release is put back only while everything is frozen';
  END IF;
  IF p_act = 'requested' THEN
    INSERT INTO {{control}}.hold_release_requests
        (hold_id, request_number, requested_by, requested_at, expires_at)
      SELECT p_hold, p_number, p_by, p_at, p_until FROM DUAL WHERE NOT EXISTS (
        SELECT 1 FROM {{control}}.hold_release_requests
          WHERE hold_id = p_hold AND request_number = p_number);
  ELSEIF p_act = 'approved' THEN
    INSERT INTO {{control}}.hold_releases
        (hold_id, request_number, released_by, approved_by, approved_at, delay_hours, released_at)
      SELECT p_hold, p_number, p_asked, p_by, p_at, NULL, p_until FROM DUAL WHERE NOT EXISTS (
        SELECT 1 FROM {{control}}.hold_releases WHERE hold_id = p_hold AND request_number = p_number);
  ELSEIF p_act = 'withdrawn' THEN
    INSERT INTO {{control}}.hold_release_withdrawals (hold_id, request_number, withdrawn_by, withdrawn_at)
      SELECT p_hold, p_number, p_by, p_at FROM DUAL WHERE NOT EXISTS (
        SELECT 1 FROM {{control}}.hold_release_withdrawals
          WHERE hold_id = p_hold AND request_number = p_number);
  ELSE
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: act is none of a release';
  END IF;
END
