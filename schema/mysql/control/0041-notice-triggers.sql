-- What is told: one trigger for each table of facts that people outside want to hear of. A notice carries ids,
-- instants, counts and words of closed lists; never a name, an address or a key that somebody chose.
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_command AFTER INSERT ON {{control}}.commands
FOR EACH ROW
BEGIN
  CALL {{control}}.give_notice(
    'command.accepted', NEW.tenant_id, CONCAT_WS('/', NEW.tenant_id, NEW.idempotency_key),
    NEW.accepted_at, JSON_OBJECT('command', CONVERT(NEW.kind USING utf8mb4)));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_deletion_request AFTER INSERT ON {{control}}.deletion_requests
FOR EACH ROW
BEGIN
  CALL {{control}}.give_notice(
    'deletion.requested', NEW.tenant_id, CONCAT_WS('/', NEW.tenant_id, NEW.request_id),
    NEW.received_at,
    JSON_OBJECT('requestId', CONVERT(NEW.request_id USING utf8mb4),
      'recordClass', CONVERT(NEW.record_class USING utf8mb4)));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_deletion_withdrawal AFTER INSERT ON {{control}}.deletion_withdrawals
FOR EACH ROW
BEGIN
  CALL {{control}}.give_notice(
    'deletion.withdrawn', NEW.tenant_id, CONCAT_WS('/', NEW.tenant_id, NEW.request_id),
    NEW.withdrawn_at, JSON_OBJECT('requestId', CONVERT(NEW.request_id USING utf8mb4)));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_hold AFTER INSERT ON {{control}}.hold_scopes
FOR EACH ROW
BEGIN
  -- One for each scope: a tenant's own receiver hears of its own tenant only.
  DECLARE v_at DATETIME(6) DEFAULT NULL;
  DECLARE v_review VARBINARY(10) DEFAULT NULL;
  SELECT placed_at, review_on INTO v_at, v_review FROM {{control}}.holds WHERE hold_id = NEW.hold_id;
  CALL {{control}}.give_notice('hold.placed', NEW.tenant_id, CONCAT_WS('/', NEW.hold_id, NEW.scope_number),
    COALESCE(v_at, {{control}}.lethe_now()),
    JSON_OBJECT('holdId', CONVERT(NEW.hold_id USING utf8mb4),
      'recordClass', CONVERT(NEW.record_class USING utf8mb4),
      'reviewOn', CONVERT(v_review USING utf8mb4)));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_release_request AFTER INSERT ON {{control}}.hold_release_requests
FOR EACH ROW
BEGIN
  INSERT INTO {{control}}.notices (notice_id, tenant_id, notice_type, at, data, written_at)
    SELECT {{control}}.notice_id('release.requested', CONCAT_WS('/', s.hold_id, s.scope_number, NEW.request_number)),
           s.tenant_id, 'release.requested', NEW.requested_at,
           JSON_OBJECT('holdId', CONVERT(s.hold_id USING utf8mb4),
             'recordClass', CONVERT(s.record_class USING utf8mb4)), {{control}}.lethe_now()
      FROM {{control}}.hold_scopes s WHERE s.hold_id = NEW.hold_id
       AND NOT EXISTS (SELECT 1 FROM {{control}}.notices n WHERE n.notice_id = {{control}}.notice_id(
         'release.requested', CONCAT_WS('/', s.hold_id, s.scope_number, NEW.request_number)))
     ORDER BY s.scope_number;
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_hold_release AFTER INSERT ON {{control}}.hold_releases
FOR EACH ROW
BEGIN
  INSERT INTO {{control}}.notices (notice_id, tenant_id, notice_type, at, data, written_at)
    SELECT {{control}}.notice_id('release.approved', CONCAT_WS('/', s.hold_id, s.scope_number, NEW.request_number)),
           s.tenant_id, 'release.approved', COALESCE(NEW.approved_at, NEW.released_at),
           JSON_OBJECT('holdId', CONVERT(s.hold_id USING utf8mb4),
             'recordClass', CONVERT(s.record_class USING utf8mb4),
             'effectiveAt', DATE_FORMAT(NEW.released_at, '%Y-%m-%dT%H:%i:%s.%fZ')), {{control}}.lethe_now()
      FROM {{control}}.hold_scopes s WHERE s.hold_id = NEW.hold_id
       AND NOT EXISTS (SELECT 1 FROM {{control}}.notices n WHERE n.notice_id = {{control}}.notice_id(
         'release.approved', CONCAT_WS('/', s.hold_id, s.scope_number, NEW.request_number)))
     ORDER BY s.scope_number;
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_release_withdrawal AFTER INSERT ON {{control}}.hold_release_withdrawals
FOR EACH ROW
BEGIN
  INSERT INTO {{control}}.notices (notice_id, tenant_id, notice_type, at, data, written_at)
    SELECT {{control}}.notice_id('release.withdrawn', CONCAT_WS('/', s.hold_id, s.scope_number, NEW.request_number)),
           s.tenant_id, 'release.withdrawn', NEW.withdrawn_at,
           JSON_OBJECT('holdId', CONVERT(s.hold_id USING utf8mb4),
             'recordClass', CONVERT(s.record_class USING utf8mb4)), {{control}}.lethe_now()
      FROM {{control}}.hold_scopes s WHERE s.hold_id = NEW.hold_id
       AND NOT EXISTS (SELECT 1 FROM {{control}}.notices n WHERE n.notice_id = {{control}}.notice_id(
         'release.withdrawn', CONCAT_WS('/', s.hold_id, s.scope_number, NEW.request_number)))
     ORDER BY s.scope_number;
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_order AFTER INSERT ON {{control}}.deletion_orders
FOR EACH ROW
BEGIN
  CALL {{control}}.give_notice('order.submitted', NEW.tenant_id, NEW.order_id, NEW.submitted_at,
    JSON_OBJECT('orderId', CONVERT(NEW.order_id USING utf8mb4),
      'planDigest', CONVERT(NEW.plan_digest USING utf8mb4)));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_approval AFTER INSERT ON {{control}}.deletion_approvals
FOR EACH ROW
BEGIN
  CALL {{control}}.give_notice('order.approved', NEW.tenant_id, NEW.approval_id, NEW.approved_at,
    JSON_OBJECT('orderId', CONVERT(NEW.order_id USING utf8mb4)));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_order_stop AFTER INSERT ON {{control}}.deletion_order_stops
FOR EACH ROW
BEGIN
  CALL {{control}}.give_notice('order.stopped', NEW.tenant_id, NEW.order_id, NEW.stopped_at,
    JSON_OBJECT('orderId', CONVERT(NEW.order_id USING utf8mb4)));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_order_page AFTER INSERT ON {{control}}.order_pages
FOR EACH ROW
BEGIN
  CALL {{control}}.give_notice('order.missing', NEW.tenant_id,
    CONCAT_WS('/', NEW.tenant_id, NEW.request_id, NEW.level), NEW.paged_at,
    JSON_OBJECT('requestId', CONVERT(NEW.request_id USING utf8mb4),
      'level', CONVERT(NEW.level USING utf8mb4)));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_policy AFTER INSERT ON {{control}}.policy_activations
FOR EACH ROW
BEGIN
  CALL {{control}}.give_notice('policy.activated', NULL, NEW.version, NEW.activated_at,
    JSON_OBJECT('version', NEW.version, 'policyDigest', CONVERT(NEW.policy_digest USING utf8mb4)));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_freeze AFTER INSERT ON {{control}}.freezes
FOR EACH ROW
BEGIN
  CALL {{control}}.give_notice('freeze.placed', NULLIF(NEW.scope, 'global'), NEW.freeze_id,
    NEW.placed_at,
    JSON_OBJECT('freezeId', CONVERT(NEW.freeze_id USING utf8mb4),
      'scope', CONVERT(NEW.scope USING utf8mb4)));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_freeze_lift AFTER INSERT ON {{control}}.freeze_lifts
FOR EACH ROW
BEGIN
  -- The second of two people lifts it.
  DECLARE v_lifts INT DEFAULT 0;
  DECLARE v_scope VARBINARY(64) DEFAULT NULL;
  SELECT COUNT(*) INTO v_lifts FROM {{control}}.freeze_lifts WHERE freeze_id = NEW.freeze_id;
  IF v_lifts = 2 THEN
    SELECT scope INTO v_scope FROM {{control}}.freezes WHERE freeze_id = NEW.freeze_id;
    CALL {{control}}.give_notice('freeze.lifted', NULLIF(v_scope, 'global'), NEW.freeze_id,
      NEW.lifted_at, JSON_OBJECT('freezeId', CONVERT(NEW.freeze_id USING utf8mb4)));
  END IF;
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_run AFTER INSERT ON {{control}}.runs
FOR EACH ROW
BEGIN
  CALL {{control}}.give_notice('run.planned', NEW.tenant_id, NEW.run_id,
    NEW.created_at,
    JSON_OBJECT('runId', CONVERT(NEW.run_id USING utf8mb4),
      'recordClass', CONVERT(NEW.record_class USING utf8mb4),
      'cause', CONVERT(NEW.event_kind USING utf8mb4),
      'generation', NEW.generation));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_seal AFTER INSERT ON {{control}}.manifests
FOR EACH ROW
BEGIN
  DECLARE v_tenant VARBINARY(64) DEFAULT NULL;
  SELECT tenant_id INTO v_tenant FROM {{control}}.runs WHERE run_id = NEW.run_id;
  CALL {{control}}.give_notice('run.sealed', v_tenant, NEW.run_id,
    NEW.sealed_at,
    JSON_OBJECT('runId', CONVERT(NEW.run_id USING utf8mb4),
      'manifestDigest', CONVERT(NEW.digest USING utf8mb4)));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_run_state AFTER INSERT ON {{control}}.run_states
FOR EACH ROW
BEGIN
  DECLARE v_tenant VARBINARY(64) DEFAULT NULL;
  SELECT tenant_id INTO v_tenant FROM {{control}}.runs WHERE run_id = NEW.run_id;
  CALL {{control}}.give_notice(CONCAT('run.', NEW.state), v_tenant, NEW.run_id,
    NEW.at, JSON_OBJECT('runId', CONVERT(NEW.run_id USING utf8mb4)));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_cohort_state AFTER INSERT ON {{control}}.cohort_states
FOR EACH ROW
BEGIN
  DECLARE v_tenant VARBINARY(64) DEFAULT NULL;
  SELECT tenant_id INTO v_tenant FROM {{control}}.runs WHERE run_id = NEW.run_id;
  CALL {{control}}.give_notice(
    IF(NEW.state = 'certified', 'certificate.issued', CONCAT('cohort.', NEW.state)), v_tenant,
    CONCAT_WS('/', NEW.run_id, NEW.due_on), NEW.at,
    JSON_OBJECT('runId', CONVERT(NEW.run_id USING utf8mb4),
      'dueOn', CONVERT(NEW.due_on USING utf8mb4)));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_window AFTER INSERT ON {{control}}.cohort_windows
FOR EACH ROW
BEGIN
  -- A window that was computed anew and says the same is no news.
  DECLARE v_tenant VARBINARY(64) DEFAULT NULL;
  DECLARE v_number INT UNSIGNED DEFAULT NULL;
  DECLARE v_earliest DATETIME(6) DEFAULT NULL;
  DECLARE v_not_before DATETIME(6) DEFAULT NULL;
  DECLARE v_latest DATETIME(6) DEFAULT NULL;
  SELECT tenant_id INTO v_tenant FROM {{control}}.runs WHERE run_id = NEW.run_id;
  SELECT earliest_at, delete_not_before, latest_at, window_number
      INTO v_earliest, v_not_before, v_latest, v_number FROM {{control}}.cohort_windows
    WHERE run_id = NEW.run_id AND due_on = NEW.due_on AND window_number < NEW.window_number
    ORDER BY window_number DESC LIMIT 1;
  IF v_number IS NULL THEN
    CALL {{control}}.give_notice(
    'deadline.set', v_tenant, CONCAT_WS('/', NEW.run_id, NEW.due_on, NEW.window_number),
      NEW.computed_at, JSON_OBJECT('runId', CONVERT(NEW.run_id USING utf8mb4),
        'dueOn', CONVERT(NEW.due_on USING utf8mb4),
        'earliestAt', DATE_FORMAT(NEW.earliest_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
        'deleteNotBefore', DATE_FORMAT(NEW.delete_not_before, '%Y-%m-%dT%H:%i:%s.%fZ'),
        'latestAt', DATE_FORMAT(NEW.latest_at, '%Y-%m-%dT%H:%i:%s.%fZ')));
  ELSEIF NOT (v_earliest <=> NEW.earliest_at AND v_not_before <=> NEW.delete_not_before
      AND v_latest <=> NEW.latest_at) THEN
    CALL {{control}}.give_notice(
    'deadline.moved', v_tenant, CONCAT_WS('/', NEW.run_id, NEW.due_on, NEW.window_number),
      NEW.computed_at, JSON_OBJECT('runId', CONVERT(NEW.run_id USING utf8mb4),
        'dueOn', CONVERT(NEW.due_on USING utf8mb4),
        'earliestAt', DATE_FORMAT(NEW.earliest_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
        'deleteNotBefore', DATE_FORMAT(NEW.delete_not_before, '%Y-%m-%dT%H:%i:%s.%fZ'),
        'latestAt', DATE_FORMAT(NEW.latest_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
        'earlierEarliestAt', DATE_FORMAT(v_earliest, '%Y-%m-%dT%H:%i:%s.%fZ'),
        'earlierLatestAt', DATE_FORMAT(v_latest, '%Y-%m-%dT%H:%i:%s.%fZ')));
  END IF;
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_breach AFTER INSERT ON {{control}}.breaches
FOR EACH ROW
BEGIN
  CALL {{control}}.give_notice(
    'deadline.missed', NEW.tenant_id, CONCAT_WS('/', NEW.run_id, NEW.due_on, NEW.latest_at),
    NEW.recorded_at,
    JSON_OBJECT('runId', CONVERT(NEW.run_id USING utf8mb4),
      'dueOn', CONVERT(NEW.due_on USING utf8mb4),
      'latestAt', DATE_FORMAT(NEW.latest_at, '%Y-%m-%dT%H:%i:%s.%fZ')));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_stop AFTER INSERT ON {{control}}.cap_stops
FOR EACH ROW
BEGIN
  DECLARE v_tenant VARBINARY(64) DEFAULT NULL;
  SELECT tenant_id INTO v_tenant FROM {{control}}.runs WHERE run_id = NEW.run_id;
  CALL {{control}}.give_notice(
    'run.stopped', v_tenant, CONCAT_WS('/', NEW.run_id, NEW.due_on, NEW.code, NEW.stopped_at),
    NEW.stopped_at, JSON_OBJECT('runId', CONVERT(NEW.run_id USING utf8mb4),
      'dueOn', NULLIF(CONVERT(NEW.due_on USING utf8mb4), ''),
      'code', REPLACE(LOWER(CONVERT(NEW.code USING utf8mb4)), '_', '-')));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_trip AFTER INSERT ON {{control}}.breaker_trips
FOR EACH ROW
BEGIN
  CALL {{control}}.give_notice('breaker.tripped', NEW.tenant_id, NEW.trip_id,
    NEW.tripped_at, JSON_OBJECT('tripId', CONVERT(NEW.trip_id USING utf8mb4),
      'scope', CONVERT(NEW.scope USING utf8mb4), 'cause', CONVERT(NEW.cause USING utf8mb4),
      'runId', CONVERT(NEW.run_id USING utf8mb4),
      'dueOn', NULLIF(CONVERT(NEW.due_on USING utf8mb4), '')));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_reset AFTER INSERT ON {{control}}.breaker_resets
FOR EACH ROW
BEGIN
  DECLARE v_tenant VARBINARY(64) DEFAULT NULL;
  SELECT tenant_id INTO v_tenant FROM {{control}}.breaker_trips WHERE trip_id = NEW.trip_id;
  CALL {{control}}.give_notice('breaker.reset', v_tenant, NEW.trip_id,
    NEW.reset_at, JSON_OBJECT('tripId', CONVERT(NEW.trip_id USING utf8mb4)));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_cap AFTER INSERT ON {{control}}.cap_settings
FOR EACH ROW
BEGIN
  CALL {{control}}.give_notice('cap.changed', NULL, CONCAT_WS('/', NEW.cap, NEW.setting_number),
    NEW.recorded_at, JSON_OBJECT('cap', CONVERT(NEW.cap USING utf8mb4),
      'amount', NEW.amount, 'thousandths', NEW.share,
      'effectiveAt', DATE_FORMAT(NEW.effective_at, '%Y-%m-%dT%H:%i:%s.%fZ')));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_look AFTER INSERT ON {{control}}.sweeps
FOR EACH ROW
BEGIN
  DECLARE v_tenant VARBINARY(64) DEFAULT NULL;
  IF NEW.outcome <> 'clean' THEN
    SELECT tenant_id INTO v_tenant FROM {{control}}.runs WHERE run_id = NEW.run_id;
    CALL {{control}}.give_notice(
    'sweep.found', v_tenant, CONCAT_WS('/', NEW.run_id, NEW.due_on, NEW.round, NEW.swept_at),
      NEW.swept_at, JSON_OBJECT('runId', CONVERT(NEW.run_id USING utf8mb4),
        'dueOn', CONVERT(NEW.due_on USING utf8mb4),
        'outcome', CONVERT(NEW.outcome USING utf8mb4), 'found', NEW.found));
  END IF;
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_scan AFTER INSERT ON {{control}}.scan_results
FOR EACH ROW
BEGIN
  CALL {{control}}.give_notice('scan.finished', NEW.tenant_id, CONCAT_WS('/', NEW.tenant_id, NEW.scan_id),
    NEW.finished_at,
    JSON_OBJECT('scanId', CONVERT(NEW.scan_id USING utf8mb4),
      'outcome', CONVERT(NEW.outcome USING utf8mb4)));
END
