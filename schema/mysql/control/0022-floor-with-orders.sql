-- The floor again, with orders: what is destroyed only because it was requested needs an order in force.
-- What the end of use alone allows needs none, so that no missing approval ever delays it.
CREATE DEFINER={{definer}} PROCEDURE {{control}}.floor_by_end(
  IN p_tenant VARBINARY(64), IN p_run VARBINARY(64), IN p_due VARBINARY(10),
  OUT p_ended DATETIME(6), OUT p_floor DATETIME(6), OUT p_opens DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  -- When the use ended that a cohort belongs to, from when that alone lets it go, and what the window says.
  DECLARE v_class VARBINARY(64) DEFAULT NULL;
  DECLARE v_event VARBINARY(32) DEFAULT NULL;
  DECLARE v_ref VARBINARY(64) DEFAULT NULL;
  DECLARE v_at DATETIME(6) DEFAULT NULL;
  DECLARE v_base DATETIME(6) DEFAULT NULL;
  DECLARE v_newest DATETIME(6) DEFAULT NULL;
  SELECT record_class, event_kind, event_ref, event_at INTO v_class, v_event, v_ref, v_at
    FROM {{control}}.runs WHERE run_id = p_run AND tenant_id = p_tenant;
  SELECT ended_earliest_at, ended_not_before INTO v_base, p_opens FROM {{control}}.cohort_windows
    WHERE run_id = p_run AND due_on = p_due ORDER BY window_number DESC LIMIT 1;
  SELECT MAX(newest_observed_at) INTO v_newest FROM {{control}}.verifications
    WHERE run_id = p_run AND due_on = p_due AND subject = 'moved' AND outcome = 'ok';
  SET p_ended = NULL;
  IF v_event = 'request' AND NOT EXISTS (SELECT 1 FROM {{control}}.deletion_withdrawals
      WHERE tenant_id = p_tenant AND request_id = v_ref) THEN
    -- A run on a request names no end: every use of its services, or of the Feature, that began before
    -- the window of the end must be over, and no asset of it may be in use elsewhere.
    SELECT IF(COUNT(*) = COUNT(e.ended_at), MAX(e.ended_at), NULL) INTO p_ended
      FROM {{control}}.subscriptions s
      LEFT JOIN {{control}}.subscription_ends e
        ON e.tenant_id = s.tenant_id AND e.subscription_id = s.subscription_id
      WHERE s.tenant_id = p_tenant AND s.started_at < v_base
        AND IF(v_class = 'asset-basic-data', EXISTS (SELECT 1 FROM {{control}}.run_subjects r
              WHERE r.run_id = p_run AND r.subject = s.subject), s.subject = 'Feature');
    IF EXISTS (SELECT 1 FROM {{control}}.continued_cohorts WHERE run_id = p_run AND due_on = p_due) THEN
      SET p_ended = NULL;
    END IF;
  ELSE
    IF v_event = 'request' THEN
      SET v_at = {{control}}.end_of_subjects(p_tenant, p_run);
    END IF;
    SELECT MAX(e.ended_at) INTO p_ended FROM {{control}}.run_subjects r
      JOIN {{control}}.subscriptions s ON s.tenant_id = p_tenant AND s.subject = r.subject
      JOIN {{control}}.subscription_ends e
        ON e.tenant_id = s.tenant_id AND e.subscription_id = s.subscription_id
      WHERE r.run_id = p_run AND e.ended_at <= v_at;
  END IF;
  SET p_floor = CASE
    WHEN v_event = 'stray' AND v_class = 'asset-basic-data'
      THEN GREATEST(v_newest + INTERVAL 4320 HOUR, COALESCE(p_ended + INTERVAL 29 DAY, v_at))
    WHEN v_event = 'stray' THEN v_at
    WHEN v_class = 'asset-basic-data' THEN GREATEST(v_newest + INTERVAL 4320 HOUR, p_ended + INTERVAL 29 DAY)
    ELSE p_ended + INTERVAL 27 DAY END;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.floor_by_request(
  IN p_tenant VARBINARY(64), IN p_run VARBINARY(64), IN p_due VARBINARY(10), IN p_now DATETIME(6),
  IN p_ordered TINYINT, OUT p_floor DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  -- From when the first standing request that covers the cohort lets it go; with p_ordered = 1 only
  -- requests count that an order in force covers. Of a run made for a request, that one alone.
  DECLARE v_class VARBINARY(64) DEFAULT NULL;
  DECLARE v_event VARBINARY(32) DEFAULT NULL;
  DECLARE v_ref VARBINARY(64) DEFAULT NULL;
  DECLARE v_at DATETIME(6) DEFAULT NULL;
  DECLARE v_newest DATETIME(6) DEFAULT NULL;
  DECLARE v_received DATETIME(6) DEFAULT NULL;
  SELECT record_class, event_kind, event_ref, event_at INTO v_class, v_event, v_ref, v_at
    FROM {{control}}.runs WHERE run_id = p_run AND tenant_id = p_tenant;
  SELECT MAX(newest_observed_at) INTO v_newest FROM {{control}}.verifications
    WHERE run_id = p_run AND due_on = p_due AND subject = 'moved' AND outcome = 'ok';
  SELECT MIN(q.received_at) INTO v_received FROM {{control}}.deletion_requests q
    LEFT JOIN {{control}}.deletion_withdrawals w
      ON w.tenant_id = q.tenant_id AND w.request_id = q.request_id
    WHERE q.tenant_id = p_tenant AND q.record_class = v_class AND w.request_id IS NULL
      AND CASE WHEN v_event = 'request' THEN q.request_id = v_ref
               WHEN v_class = 'asset-basic-data' THEN q.received_at >= v_newest
               ELSE q.received_at >= v_at END
      AND (p_ordered = 0
        OR {{control}}.order_for_request(p_tenant, q.request_id, q.record_class, p_now) IS NOT NULL);
  SET p_floor = IF(v_class = 'asset-basic-data',
    GREATEST(v_newest + INTERVAL 4320 HOUR, v_received),
    GREATEST(v_received, LEAST(v_received + INTERVAL 7 DAY,
      COALESCE((SELECT MAX(e.ended_at) + INTERVAL 27 DAY FROM {{control}}.subscriptions s
        JOIN {{control}}.subscription_ends e
          ON e.tenant_id = s.tenant_id AND e.subscription_id = s.subscription_id
        WHERE s.tenant_id = p_tenant AND s.subject = 'Feature'), v_received + INTERVAL 7 DAY))));
END
$$
DROP PROCEDURE {{control}}.assert_floor
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.assert_floor(
  IN p_tenant VARBINARY(64), IN p_run VARBINARY(64), IN p_due VARBINARY(10), IN p_now DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  -- A second opinion from other facts: not the stored window, but what the verifier saw and what was recorded.
  DECLARE v_event VARBINARY(32) DEFAULT NULL;
  DECLARE v_ended DATETIME(6) DEFAULT NULL;
  DECLARE v_by_end DATETIME(6) DEFAULT NULL;
  DECLARE v_opens DATETIME(6) DEFAULT NULL;
  DECLARE v_by_request DATETIME(6) DEFAULT NULL;
  DECLARE v_by_order DATETIME(6) DEFAULT NULL;
  SELECT event_kind INTO v_event FROM {{control}}.runs WHERE run_id = p_run AND tenant_id = p_tenant;
  CALL {{control}}.floor_by_end(p_tenant, p_run, p_due, v_ended, v_by_end, v_opens);
  IF v_event IS NULL OR v_event NOT IN ('termination', 'feature-end', 'request', 'stray')
     -- Under the rule of an end the end itself must be on record, whatever was requested.
     OR (v_event IN ('termination', 'feature-end') AND v_ended IS NULL) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the floor computed from recorded facts is not reached';
  END IF;
  IF NOT COALESCE(v_by_end <= p_now AND v_opens <= p_now, 0) THEN
    CALL {{control}}.floor_by_request(p_tenant, p_run, p_due, p_now, 0, v_by_request);
    IF NOT COALESCE(v_by_request <= p_now, 0) THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the floor computed from recorded facts is not reached';
    END IF;
    CALL {{control}}.floor_by_request(p_tenant, p_run, p_due, p_now, 1, v_by_order);
    -- What was begun under an order is finished: a key is gone, and what is left cannot be read.
    IF NOT COALESCE(v_by_order <= p_now, 0) AND NOT EXISTS (SELECT 1 FROM {{control}}.permits
        WHERE run_id = p_run AND due_on = p_due AND tenant_id = p_tenant AND kind = 'destroy'
          AND batch_number = 0 AND used_at IS NOT NULL) THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ORDER_REQUIRED: no approved order is in force for what was requested';
    END IF;
  END IF;
END
$$
