-- An end that is dated back brings every deadline forward. Where decisions are signed, it takes the signatures of two
-- people over the tenant, the use and the instant: of who reports it and of who approves it.
DROP PROCEDURE {{control}}.record_decision
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.record_decision(
  IN p_decision VARBINARY(32), IN p_subject VARBINARY(64), IN p_terms VARBINARY(64),
  IN p_document LONGTEXT CHARACTER SET utf8mb4, IN p_kid VARBINARY(43), IN p_expires DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  -- The same document again changes nothing, also once it was used.
  DECLARE v_now DATETIME(6) DEFAULT {{control}}.lethe_now();
  DECLARE v_by VARBINARY(64) DEFAULT {{control}}.signer_person(p_kid, 'dpo,operator', v_now);
  IF v_by IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SIGNER_NOT_ENTITLED: decisions are signed with keys of a dpo or an operator';
  END IF;
  IF p_decision IS NULL OR p_decision NOT IN ('request-release', 'approve-release', 'request-lift',
       'approve-lift', 'set-cap', 'reset-breaker', 'request-end', 'approve-end')
     OR p_subject IS NULL OR LENGTH(p_subject) = 0 OR p_terms IS NULL OR LENGTH(p_terms) <> 64
     OR p_expires IS NULL OR p_expires <= v_now OR p_expires > v_now + INTERVAL 7 DAY THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: decision has no kind, subject, terms or end that count';
  END IF;
  BEGIN
    DECLARE EXIT HANDLER FOR 1062 BEGIN END;
    INSERT INTO {{control}}.signed_decisions (digest, decision, subject, terms, document, kid, person_id,
        recorded_at, expires_at, used_at)
      VALUES (SHA2(p_document, 256), p_decision, p_subject, p_terms, p_document, p_kid, v_by, v_now, p_expires,
        NULL);
  END;
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.ends_signed BEFORE INSERT ON {{control}}.subscription_ends
FOR EACH ROW
BEGIN
  DECLARE v_now DATETIME(6) DEFAULT {{control}}.lethe_now();
  DECLARE v_use VARBINARY(64) DEFAULT NULL;
  DECLARE v_terms VARBINARY(64) DEFAULT NULL;
  DECLARE v_asked VARBINARY(64) DEFAULT NULL;
  -- A minute more than the engine lets pass, for the time that a command takes.
  IF NEW.ended_at < v_now - INTERVAL 6 MINUTE AND {{control}}.decision_is_signed() THEN
    SELECT subject INTO v_use FROM {{control}}.subscriptions
      WHERE tenant_id = NEW.tenant_id AND subscription_id = NEW.subscription_id;
    SET v_terms = SHA2(CONCAT(v_use, '\n', DATE_FORMAT(NEW.ended_at, '%Y-%m-%dT%H:%i:%s.%fZ')), 256);
    SELECT d.person_id INTO v_asked FROM {{control}}.signed_decisions d
      WHERE d.subject = NEW.tenant_id AND d.decision = 'request-end' AND d.terms = v_terms AND d.used_at IS NULL
        AND NOT {{control}}.same_person(d.person_id, COALESCE(NEW.approved_by, d.person_id))
      ORDER BY d.recorded_at DESC, d.digest LIMIT 1;
    CALL {{control}}.use_decision('request-end', NEW.tenant_id, v_asked, v_terms);
    CALL {{control}}.use_decision('approve-end', NEW.tenant_id, NEW.approved_by, v_terms);
  END IF;
END
