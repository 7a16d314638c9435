-- Deletion orders: signed by one person, approved by another. The columns of a row are read from the
-- signed document by the procedure that stores it, so a row never says what nobody signed. Signatures
-- themselves are checked before these procedures are called, and again before anything is destroyed.
CREATE TABLE {{control}}.deletion_orders (
  order_id VARBINARY(64) NOT NULL PRIMARY KEY,
  tenant_id VARBINARY(64) NOT NULL,
  document LONGTEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'as it was signed; ids, words and instants only',
  digest VARBINARY(64) NOT NULL,
  plan_digest VARBINARY(64) NOT NULL,
  reason VARBINARY(32) NOT NULL,
  signer_kid VARBINARY(43) NOT NULL,
  ordered_by VARBINARY(64) NOT NULL,
  rule_number INT UNSIGNED NOT NULL,
  issued_at DATETIME(6) NOT NULL,
  expires_at DATETIME(6) NOT NULL,
  submitted_at DATETIME(6) NOT NULL,
  approve_until DATETIME(6) NOT NULL COMMENT 'an order that nobody approved by then has expired',
  KEY by_tenant (tenant_id, submitted_at)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.deletion_order_requests (
  order_id VARBINARY(64) NOT NULL,
  request_id VARBINARY(64) NOT NULL,
  record_class VARBINARY(64) NOT NULL,
  PRIMARY KEY (order_id, request_id),
  KEY by_request (request_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.deletion_approvals (
  approval_id VARBINARY(64) NOT NULL PRIMARY KEY,
  order_id VARBINARY(64) NOT NULL,
  tenant_id VARBINARY(64) NOT NULL,
  document LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
  digest VARBINARY(64) NOT NULL,
  order_digest VARBINARY(64) NOT NULL,
  approver_kid VARBINARY(43) NOT NULL,
  approved_by VARBINARY(64) NOT NULL,
  issued_at DATETIME(6) NOT NULL,
  expires_at DATETIME(6) NOT NULL,
  approved_at DATETIME(6) NOT NULL,
  KEY by_order (order_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.deletion_order_stops (
  order_id VARBINARY(64) NOT NULL PRIMARY KEY,
  tenant_id VARBINARY(64) NOT NULL,
  kind VARBINARY(16) NOT NULL COMMENT 'denied: before it was approved; revoked: later',
  document LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
  digest VARBINARY(64) NOT NULL,
  reason VARBINARY(32) NOT NULL,
  signer_kid VARBINARY(43) NOT NULL,
  stopped_by VARBINARY(64) NOT NULL,
  stopped_at DATETIME(6) NOT NULL
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.order_refusals (
  tenant_id VARBINARY(64) NOT NULL,
  cause VARBINARY(32) NOT NULL,
  hour_at DATETIME(6) NOT NULL,
  refused INT UNSIGNED NOT NULL COMMENT 'how often in that hour; counted by its procedure alone',
  PRIMARY KEY (tenant_id, cause, hour_at)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.order_pages (
  tenant_id VARBINARY(64) NOT NULL,
  request_id VARBINARY(64) NOT NULL,
  level VARBINARY(16) NOT NULL COMMENT 'internal, warning, end',
  paged_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, request_id, level)
) ENGINE=InnoDB
$$
-- What the termination rule alone allows: it needs no order, and no missing order delays it.
ALTER TABLE {{control}}.cohort_windows
  ADD COLUMN ended_earliest_at DATETIME(6) NULL COMMENT 'earliest by the end of use alone, before holds',
  ADD COLUMN ended_not_before DATETIME(6) NULL COMMENT 'when destruction may start without any order'
$$
CREATE DEFINER={{definer}} FUNCTION {{control}}.document_part(
  p_document LONGTEXT CHARACTER SET utf8mb4, p_part INT) RETURNS LONGTEXT CHARACTER SET utf8mb4
DETERMINISTIC NO SQL SQL SECURITY DEFINER
BEGIN
  -- Header (1) or payload (2) of a compact signed document.
  DECLARE v_text LONGTEXT CHARACTER SET utf8mb4
    DEFAULT SUBSTRING_INDEX(SUBSTRING_INDEX(p_document, '.', p_part), '.', -1);
  RETURN CONVERT(FROM_BASE64(CONCAT(REPLACE(REPLACE(v_text, '-', '+'), '_', '/'),
    REPEAT('=', (4 - LENGTH(v_text) % 4) % 4))) USING utf8mb4);
END
$$
CREATE DEFINER={{definer}} FUNCTION {{control}}.document_text(
  p_body LONGTEXT CHARACTER SET utf8mb4, p_path LONGTEXT CHARACTER SET utf8mb4) RETURNS VARBINARY(128)
DETERMINISTIC NO SQL SQL SECURITY DEFINER
BEGIN
  RETURN CAST(JSON_UNQUOTE(JSON_EXTRACT(p_body, p_path)) AS BINARY);
END
$$
CREATE DEFINER={{definer}} FUNCTION {{control}}.document_instant(
  p_body LONGTEXT CHARACTER SET utf8mb4, p_path LONGTEXT CHARACTER SET utf8mb4) RETURNS DATETIME(6)
DETERMINISTIC NO SQL SQL SECURITY DEFINER
BEGIN
  -- Documents state instants in one way: 2030-01-07T01:00:00.000Z.
  RETURN CAST(REPLACE(REPLACE(JSON_UNQUOTE(JSON_EXTRACT(p_body, p_path)), 'T', ' '), 'Z', '') AS DATETIME(6));
END
$$
CREATE DEFINER={{definer}} FUNCTION {{control}}.same_person(p_one VARBINARY(64), p_other VARBINARY(64))
RETURNS TINYINT
DETERMINISTIC NO SQL SQL SECURITY DEFINER
BEGIN
  RETURN LOWER(CONVERT(p_one USING utf8mb4)) = LOWER(CONVERT(p_other USING utf8mb4));
END
$$
CREATE DEFINER={{definer}} FUNCTION {{control}}.order_for_request(
  p_tenant VARBINARY(64), p_request VARBINARY(64), p_class VARBINARY(64), p_at DATETIME(6))
RETURNS VARBINARY(64)
NOT DETERMINISTIC READS SQL DATA SQL SECURITY DEFINER
BEGIN
  -- The order in force that covers a request: not expired, not stopped, approved by as many other people
  -- as any rule since its submission asks for, and no key behind it taken out of the registry.
  RETURN (SELECT o.order_id FROM {{control}}.deletion_orders o
    JOIN {{control}}.deletion_order_requests q
      ON q.order_id = o.order_id AND q.request_id = p_request AND q.record_class = p_class
    WHERE o.tenant_id = p_tenant AND o.expires_at > p_at
      AND NOT EXISTS (SELECT 1 FROM {{control}}.deletion_order_stops s WHERE s.order_id = o.order_id)
      AND NOT EXISTS (SELECT 1 FROM {{control}}.signer_revocations r WHERE r.kid = o.signer_kid)
      AND (SELECT COUNT(DISTINCT LOWER(CONVERT(a.approved_by USING utf8mb4)))
          FROM {{control}}.deletion_approvals a
          WHERE a.order_id = o.order_id AND a.tenant_id = o.tenant_id AND a.order_digest = o.digest
            AND a.expires_at > p_at AND a.approver_kid <> o.signer_kid
            AND NOT {{control}}.same_person(a.approved_by, o.ordered_by)
            AND NOT EXISTS (SELECT 1 FROM {{control}}.signer_revocations r WHERE r.kid = a.approver_kid))
        >= (SELECT MAX(n.approvals_needed) FROM {{control}}.approval_rules n WHERE n.rule_number >= o.rule_number)
    ORDER BY o.submitted_at, o.order_id LIMIT 1);
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.submit_order(
  IN p_tenant VARBINARY(64), IN p_document LONGTEXT CHARACTER SET utf8mb4, IN p_plan VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  -- Called inside the transaction that accepts the command, under the tenant's lock.
  DECLARE v_now DATETIME(6) DEFAULT {{control}}.lethe_now();
  DECLARE v_body LONGTEXT CHARACTER SET utf8mb4 DEFAULT {{control}}.document_part(p_document, 2);
  DECLARE v_kid VARBINARY(43)
    DEFAULT {{control}}.document_text({{control}}.document_part(p_document, 1), '$.kid');
  DECLARE v_order VARBINARY(64) DEFAULT {{control}}.document_text(v_body, '$.orderId');
  DECLARE v_issued DATETIME(6) DEFAULT {{control}}.document_instant(v_body, '$.issuedAt');
  DECLARE v_expires DATETIME(6) DEFAULT {{control}}.document_instant(v_body, '$.expiresAt');
  DECLARE v_by VARBINARY(64) DEFAULT {{control}}.signer_person(v_kid, 'requester,dpo', v_now);
  DECLARE v_known VARBINARY(64) DEFAULT NULL;
  DECLARE v_rule INT UNSIGNED DEFAULT NULL;
  DECLARE v_hours INT UNSIGNED DEFAULT NULL;
  DECLARE v_requests INT DEFAULT NULL;
  SELECT digest INTO v_known FROM {{control}}.deletion_orders WHERE order_id = v_order;
  IF v_known IS NOT NULL AND NOT (v_known <=> CAST(SHA2(p_document, 256) AS BINARY)) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'IDEMPOTENCY_CONFLICT: orderId stands for another order';
  END IF;
  IF NOT ({{control}}.document_text(v_body, '$.tenantId') <=> p_tenant) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ORDER_REFUSED: the order is for another tenant';
  END IF;
  IF v_known IS NULL THEN
    IF v_by IS NULL THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SIGNER_NOT_ENTITLED: orders are signed by keys of a requester or a dpo that count';
    END IF;
    IF v_issued IS NULL OR v_expires IS NULL OR v_issued > v_now + INTERVAL 1 MINUTE OR v_expires <= v_now
       OR v_expires <= v_issued OR v_expires > v_issued + INTERVAL 400 DAY THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ORDER_EXPIRED: the order is not valid now; issue a new one';
    END IF;
    IF p_plan IS NULL OR NOT ({{control}}.document_text(v_body, '$.planDigest') <=> p_plan) THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PLAN_CHANGED: the order is for another plan; preview and order again';
    END IF;
    SELECT rule_number, approve_within_hours INTO v_rule, v_hours
      FROM {{control}}.approval_rules ORDER BY rule_number DESC LIMIT 1;
    IF v_rule IS NULL THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ORDER_REFUSED: no rule says who approves an order';
    END IF;
    INSERT INTO {{control}}.deletion_orders (order_id, tenant_id, document, digest, plan_digest, reason,
        signer_kid, ordered_by, rule_number, issued_at, expires_at, submitted_at, approve_until)
      VALUES (v_order, p_tenant, p_document, SHA2(p_document, 256), p_plan,
        {{control}}.document_text(v_body, '$.reason'), v_kid, v_by, v_rule, v_issued, v_expires, v_now,
        LEAST(v_expires, v_now + INTERVAL v_hours HOUR));
    INSERT INTO {{control}}.deletion_order_requests (order_id, request_id, record_class)
      SELECT v_order, q.request_id, q.record_class FROM {{control}}.deletion_requests q
        LEFT JOIN {{control}}.deletion_withdrawals w
          ON w.tenant_id = q.tenant_id AND w.request_id = q.request_id
        WHERE q.tenant_id = p_tenant AND w.request_id IS NULL
          AND JSON_CONTAINS(JSON_EXTRACT(v_body, '$.requestIds'), JSON_QUOTE(CONVERT(q.request_id USING utf8mb4)))
          AND JSON_CONTAINS(JSON_EXTRACT(v_body, '$.scope'), JSON_QUOTE(CONVERT(q.record_class USING utf8mb4)));
    SELECT COUNT(*) INTO v_requests FROM {{control}}.deletion_order_requests WHERE order_id = v_order;
    IF v_requests = 0 OR NOT (v_requests <=> JSON_LENGTH(v_body, '$.requestIds')) THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ORDER_REFUSED: the order names a request that does not stand, or is out of its scope';
    END IF;
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.assert_order_open(
  IN p_tenant VARBINARY(64), IN p_order VARBINARY(64), IN p_digest VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_known VARBINARY(64) DEFAULT NULL;
  SELECT digest INTO v_known FROM {{control}}.deletion_orders
    WHERE order_id = p_order AND tenant_id = p_tenant;
  IF v_known IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'UNKNOWN_ORDER: orderId names no order of this tenant';
  END IF;
  IF NOT (v_known <=> p_digest) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ORDER_REFUSED: it was signed for another order under this id';
  END IF;
  IF EXISTS (SELECT 1 FROM {{control}}.deletion_order_stops WHERE order_id = p_order) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ORDER_STOPPED: the order was denied or revoked; it needs a new one';
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.approve_order(
  IN p_tenant VARBINARY(64), IN p_document LONGTEXT CHARACTER SET utf8mb4, IN p_plan VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_now DATETIME(6) DEFAULT {{control}}.lethe_now();
  DECLARE v_body LONGTEXT CHARACTER SET utf8mb4 DEFAULT {{control}}.document_part(p_document, 2);
  DECLARE v_kid VARBINARY(43)
    DEFAULT {{control}}.document_text({{control}}.document_part(p_document, 1), '$.kid');
  DECLARE v_approval VARBINARY(64) DEFAULT {{control}}.document_text(v_body, '$.approvalId');
  DECLARE v_order VARBINARY(64) DEFAULT {{control}}.document_text(v_body, '$.orderId');
  DECLARE v_digest VARBINARY(64) DEFAULT {{control}}.document_text(v_body, '$.orderDigest');
  DECLARE v_issued DATETIME(6) DEFAULT {{control}}.document_instant(v_body, '$.issuedAt');
  DECLARE v_expires DATETIME(6) DEFAULT {{control}}.document_instant(v_body, '$.expiresAt');
  DECLARE v_by VARBINARY(64) DEFAULT {{control}}.signer_person(v_kid, 'approver,dpo', v_now);
  DECLARE v_known VARBINARY(64) DEFAULT NULL;
  DECLARE v_signer VARBINARY(43) DEFAULT NULL;
  DECLARE v_ordered_by VARBINARY(64) DEFAULT NULL;
  DECLARE v_until DATETIME(6) DEFAULT NULL;
  DECLARE v_end DATETIME(6) DEFAULT NULL;
  DECLARE v_planned VARBINARY(64) DEFAULT NULL;
  SELECT digest INTO v_known FROM {{control}}.deletion_approvals WHERE approval_id = v_approval;
  IF v_known IS NOT NULL AND NOT (v_known <=> CAST(SHA2(p_document, 256) AS BINARY)) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'IDEMPOTENCY_CONFLICT: approvalId stands for another approval';
  END IF;
  IF NOT ({{control}}.document_text(v_body, '$.tenantId') <=> p_tenant) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ORDER_REFUSED: the approval is for another tenant';
  END IF;
  IF v_known IS NULL THEN
    CALL {{control}}.assert_order_open(p_tenant, v_order, v_digest);
    SELECT signer_kid, ordered_by, approve_until, expires_at, plan_digest
      INTO v_signer, v_ordered_by, v_until, v_end, v_planned
      FROM {{control}}.deletion_orders WHERE order_id = v_order AND tenant_id = p_tenant;
    IF v_by IS NULL THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SIGNER_NOT_ENTITLED: approvals are signed by keys of an approver or a dpo that count';
    END IF;
    IF v_kid = v_signer OR {{control}}.same_person(v_by, v_ordered_by) THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'FOUR_EYES: somebody else approves than who signed the order';
    END IF;
    IF v_until <= v_now OR v_issued IS NULL OR v_expires IS NULL OR v_issued > v_now + INTERVAL 1 MINUTE
       OR v_expires <= v_now OR v_expires <= v_issued OR v_expires > v_end THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ORDER_EXPIRED: order or approval is not valid now; issue a new one';
    END IF;
    IF p_plan IS NULL OR NOT (v_planned <=> p_plan)
       OR NOT ({{control}}.document_text(v_body, '$.planDigest') <=> p_plan) THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PLAN_CHANGED: the plan is another one by now; preview and order again';
    END IF;
    INSERT INTO {{control}}.deletion_approvals (approval_id, order_id, tenant_id, document, digest,
        order_digest, approver_kid, approved_by, issued_at, expires_at, approved_at)
      VALUES (v_approval, v_order, p_tenant, p_document, SHA2(p_document, 256), v_digest, v_kid, v_by,
        v_issued, v_expires, v_now);
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.stop_order(
  IN p_tenant VARBINARY(64), IN p_kind VARBINARY(16), IN p_document LONGTEXT CHARACTER SET utf8mb4)
SQL SECURITY DEFINER
BEGIN
  -- Who may ask or approve may stop, alone: stopping never needs a second person.
  DECLARE v_now DATETIME(6) DEFAULT {{control}}.lethe_now();
  DECLARE v_body LONGTEXT CHARACTER SET utf8mb4 DEFAULT {{control}}.document_part(p_document, 2);
  DECLARE v_kid VARBINARY(43)
    DEFAULT {{control}}.document_text({{control}}.document_part(p_document, 1), '$.kid');
  DECLARE v_order VARBINARY(64) DEFAULT {{control}}.document_text(v_body, '$.orderId');
  DECLARE v_by VARBINARY(64) DEFAULT {{control}}.signer_person(v_kid, 'requester,approver,dpo', v_now);
  IF NOT EXISTS (SELECT 1 FROM {{control}}.deletion_order_stops WHERE order_id = v_order
      AND tenant_id = p_tenant AND digest = CAST(SHA2(p_document, 256) AS BINARY)) THEN
    IF NOT ({{control}}.document_text(v_body, '$.tenantId') <=> p_tenant) THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ORDER_REFUSED: it is for an order of another tenant';
    END IF;
    CALL {{control}}.assert_order_open(p_tenant, v_order, {{control}}.document_text(v_body, '$.orderDigest'));
    IF v_by IS NULL THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SIGNER_NOT_ENTITLED: orders are stopped by keys of who may ask or approve';
    END IF;
    IF p_kind IS NULL OR p_kind NOT IN ('denied', 'revoked') THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: an order is denied or revoked';
    END IF;
    INSERT INTO {{control}}.deletion_order_stops (order_id, tenant_id, kind, document, digest, reason,
        signer_kid, stopped_by, stopped_at)
      VALUES (v_order, p_tenant, p_kind, p_document, SHA2(p_document, 256),
        {{control}}.document_text(v_body, '$.reason'), v_kid, v_by, v_now);
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.count_refusal(
  IN p_tenant VARBINARY(64), IN p_cause VARBINARY(32))
SQL SECURITY DEFINER
BEGIN
  -- One row per tenant, cause and hour: a flood of refusals grows a number, not a table.
  DECLARE v_hour DATETIME(6)
    DEFAULT CAST(DATE_FORMAT({{control}}.lethe_now(), '%Y-%m-%d %H:00:00') AS DATETIME(6));
  DECLARE v_safe INT DEFAULT @@session.sql_safe_updates;
  DECLARE CONTINUE HANDLER FOR 1062 BEGIN END;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SET SESSION sql_safe_updates = v_safe; RESIGNAL; END;
  SET SESSION sql_safe_updates = 0;
  INSERT INTO {{control}}.order_refusals (tenant_id, cause, hour_at, refused)
    SELECT p_tenant, p_cause, v_hour, 0 FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM {{control}}.order_refusals
      WHERE tenant_id = p_tenant AND cause = p_cause AND hour_at = v_hour);
  UPDATE {{control}}.order_refusals SET refused = refused + 1
    WHERE tenant_id = p_tenant AND cause = p_cause AND hour_at = v_hour;
  SET SESSION sql_safe_updates = v_safe;
END
$$
