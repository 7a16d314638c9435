-- Decisions that let destruction go on: the release of a hold, the lift of a freeze, a looser cap, a reset of
-- the circuit breaker. Once two signers have agreed on it, each of them needs the signature of a person's own
-- key, and a name alone is worth nothing. Signatures are checked before a decision is recorded here; that it
-- is there, says exactly this, and is used once, is checked here. Keeping more never needs one.
CREATE TABLE {{control}}.decision_rules (
  rule_number INT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'the newest one counts',
  signed TINYINT NOT NULL COMMENT '1: with signatures; 0: names are enough',
  change_id VARBINARY(64) NULL COMMENT 'NULL: the rule that came with the product',
  set_at DATETIME(6) NOT NULL,
  CHECK (signed IN (0, 1))
) ENGINE=InnoDB
$$
INSERT INTO {{control}}.decision_rules (rule_number, signed, change_id, set_at)
  VALUES (1, 0, NULL, '2000-01-01 00:00:00.000000')
$$
CREATE TABLE {{control}}.signed_decisions (
  digest VARBINARY(64) NOT NULL PRIMARY KEY COMMENT 'of the document',
  decision VARBINARY(32) NOT NULL,
  subject VARBINARY(64) NOT NULL COMMENT 'hold, freeze, cap or trip',
  terms VARBINARY(64) NOT NULL COMMENT 'digest of what else was decided: a reason, numbers, the request',
  document LONGTEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'as it was signed; ids, instants and digests only',
  kid VARBINARY(43) NOT NULL,
  person_id VARBINARY(64) NOT NULL,
  recorded_at DATETIME(6) NOT NULL,
  expires_at DATETIME(6) NOT NULL,
  used_at DATETIME(6) NULL COMMENT 'each is good for one decision',
  KEY by_subject (subject, decision, person_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.decision_replays (
  connection_id BIGINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'puts back, while all is frozen, what people had decided'
) ENGINE=InnoDB
$$
CREATE DEFINER={{definer}} FUNCTION {{control}}.decision_is_signed() RETURNS TINYINT
NOT DETERMINISTIC READS SQL DATA SQL SECURITY DEFINER
BEGIN
  -- Whether the decision that is being written needs a signature; without any rule it does.
  RETURN COALESCE((SELECT signed FROM {{control}}.decision_rules ORDER BY rule_number DESC LIMIT 1), 1)
    AND NOT EXISTS (SELECT 1 FROM {{control}}.decision_replays WHERE connection_id = CONNECTION_ID());
END
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
       'approve-lift', 'set-cap', 'reset-breaker')
     OR p_subject IS NULL OR LENGTH(p_subject) = 0 OR p_terms IS NULL OR LENGTH(p_terms) <> 64
     OR p_expires IS NULL OR p_expires <= v_now OR p_expires > v_now + INTERVAL 7 DAY THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: decision has no kind, subject, terms or end that count';
  END IF;
  INSERT INTO {{control}}.signed_decisions (digest, decision, subject, terms, document, kid, person_id,
      recorded_at, expires_at, used_at)
    SELECT SHA2(p_document, 256), p_decision, p_subject, p_terms, p_document, p_kid, v_by, v_now, p_expires, NULL
      FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM {{control}}.signed_decisions d
        WHERE d.digest = CAST(SHA2(p_document, 256) AS BINARY));
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.use_decision(
  IN p_decision VARBINARY(32), IN p_subject VARBINARY(64), IN p_person VARBINARY(64), IN p_terms VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_now DATETIME(6) DEFAULT {{control}}.lethe_now();
  DECLARE v_digest VARBINARY(64) DEFAULT NULL;
  IF {{control}}.decision_is_signed() THEN
    -- A key that was taken out since, or has ended, takes what it signed with it.
    SELECT d.digest INTO v_digest FROM {{control}}.signed_decisions d
      WHERE d.subject = p_subject AND d.decision = p_decision AND d.person_id = p_person AND d.terms = p_terms
        AND d.used_at IS NULL AND d.expires_at > v_now
        AND {{control}}.signer_person(d.kid, 'dpo,operator', v_now) = d.person_id
      ORDER BY d.recorded_at DESC, d.digest LIMIT 1 FOR UPDATE;
    IF v_digest IS NULL THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SIGNATURE_REQUIRED: this decision needs the signature of who takes it, over exactly this, used once; give the key';
    END IF;
    UPDATE {{control}}.signed_decisions SET used_at = v_now WHERE digest = v_digest;
  END IF;
END
$$
CREATE DEFINER={{definer}} FUNCTION {{control}}.request_signed_by(
  p_decision VARBINARY(32), p_subject VARBINARY(64), p_person VARBINARY(64)) RETURNS VARBINARY(64)
NOT DETERMINISTIC READS SQL DATA SQL SECURITY DEFINER
BEGIN
  -- Digest of the request that an approval names; nothing while the key behind it does not count any more.
  RETURN (SELECT d.digest FROM {{control}}.signed_decisions d
    WHERE d.subject = p_subject AND d.decision = p_decision AND d.person_id = p_person AND d.used_at IS NOT NULL
      AND {{control}}.signer_person(d.kid, 'dpo,operator', {{control}}.lethe_now()) = d.person_id
    ORDER BY d.used_at DESC, d.digest LIMIT 1);
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.use_approval(
  IN p_decision VARBINARY(32), IN p_subject VARBINARY(64), IN p_person VARBINARY(64),
  IN p_request VARBINARY(32), IN p_asked VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_request VARBINARY(64) DEFAULT NULL;
  IF {{control}}.decision_is_signed() THEN
    SET v_request = {{control}}.request_signed_by(p_request, p_subject, p_asked);
    IF v_request IS NULL THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SIGNATURE_REQUIRED: the request was not signed, or its key does not count any more; it is made again';
    END IF;
    CALL {{control}}.use_decision(p_decision, p_subject, p_person, v_request);
  END IF;
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.lift_requests_signed BEFORE INSERT ON {{control}}.freeze_lift_requests
FOR EACH ROW
BEGIN
  CALL {{control}}.use_decision('request-lift', NEW.freeze_id, NEW.requested_by, SHA2(NEW.reason, 256));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.lifts_signed BEFORE INSERT ON {{control}}.freeze_lifts
FOR EACH ROW
BEGIN
  -- The requester's row comes with the approver's; the approval names the request, so one check covers both.
  DECLARE v_asked VARBINARY(64) DEFAULT NULL;
  SELECT requested_by INTO v_asked FROM {{control}}.freeze_lift_requests
    WHERE freeze_id = NEW.freeze_id AND expires_at > {{control}}.lethe_now() ORDER BY request_number DESC LIMIT 1;
  IF v_asked IS NULL OR NEW.lifted_by <> v_asked THEN
    CALL {{control}}.use_approval('approve-lift', NEW.freeze_id, NEW.lifted_by, 'request-lift', v_asked);
  END IF;
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.release_requests_signed
BEFORE INSERT ON {{control}}.hold_release_requests
FOR EACH ROW
BEGIN
  CALL {{control}}.use_decision('request-release', NEW.hold_id, NEW.requested_by, SHA2('', 256));
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.releases_signed BEFORE INSERT ON {{control}}.hold_releases
FOR EACH ROW
BEGIN
  CALL {{control}}.use_approval('approve-release', NEW.hold_id, NEW.approved_by, 'request-release', NEW.released_by);
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.looser_caps_signed BEFORE INSERT ON {{control}}.cap_settings
FOR EACH ROW
BEGIN
  -- Stricter counts at once and needs none.
  IF NEW.effective_at > NEW.recorded_at THEN
    CALL {{control}}.use_decision('set-cap', NEW.cap, NEW.set_by,
      SHA2(CONCAT_WS('\n', NEW.amount, NEW.share, NEW.reason), 256));
  END IF;
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.resets_signed BEFORE INSERT ON {{control}}.breaker_resets
FOR EACH ROW
BEGIN
  CALL {{control}}.use_decision('reset-breaker', NEW.trip_id, NEW.reset_by, SHA2(NEW.reason, 256));
END
$$
DROP PROCEDURE {{control}}.replay_hold_release
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.replay_hold_release(
  IN p_hold VARBINARY(64), IN p_number INT UNSIGNED, IN p_act VARBINARY(16), IN p_asked VARBINARY(64),
  IN p_by VARBINARY(64), IN p_at DATETIME(6), IN p_until DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  -- For the restore gate: what the evidence knows and a restored control store forgot, under a global freeze.
  -- It was signed when it was decided; the documents are lost.
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN
    DELETE FROM {{control}}.decision_replays WHERE connection_id = CONNECTION_ID();
    RESIGNAL;
  END;
  CALL {{control}}.lock_hold(p_hold, p_by);
  IF NOT EXISTS (SELECT 1 FROM {{control}}.freezes f WHERE f.scope = 'global'
      AND (SELECT COUNT(*) FROM {{control}}.freeze_lifts l WHERE l.freeze_id = f.freeze_id) < 2
      LOCK IN SHARE MODE) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: a release is put back only while everything is frozen';
  END IF;
  INSERT INTO {{control}}.decision_replays (connection_id) VALUES (CONNECTION_ID());
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
  DELETE FROM {{control}}.decision_replays WHERE connection_id = CONNECTION_ID();
END
$$
-- What two signers can agree on has one thing more: whether decisions are signed.
DROP PROCEDURE {{control}}.propose_change
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.propose_change(
  IN p_change VARBINARY(64), IN p_action VARBINARY(32), IN p_kid VARBINARY(43), IN p_public VARBINARY(43),
  IN p_role VARBINARY(32), IN p_person VARBINARY(64), IN p_from DATETIME(6), IN p_until DATETIME(6),
  IN p_approvals INT UNSIGNED, IN p_hours INT UNSIGNED, IN p_document LONGTEXT CHARACTER SET utf8mb4,
  IN p_proposer VARBINARY(43))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_id TINYINT;
  DECLARE v_now DATETIME(6);
  DECLARE v_by VARBINARY(64) DEFAULT NULL;
  DECLARE v_known VARBINARY(64) DEFAULT NULL;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  SELECT id INTO v_id FROM {{control}}.authority_gate WHERE id = 1 FOR UPDATE;
  SET v_now = {{control}}.lethe_now();
  SELECT digest INTO v_known FROM {{control}}.authority_changes WHERE change_id = p_change;
  IF v_known IS NULL THEN
    SET v_by = {{control}}.signer_person(p_proposer, 'dpo,operator', v_now);
    IF v_by IS NULL THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SIGNER_NOT_ENTITLED: the registry is changed by keys of a dpo or an operator';
    END IF;
    IF p_action = 'add-signer' THEN
      CALL {{control}}.assert_signer_fields(p_kid, p_public, p_role, p_person, p_from, p_until);
    ELSEIF p_action = 'revoke-signer' THEN
      IF NOT EXISTS (SELECT 1 FROM {{control}}.signers WHERE kid = p_kid) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'UNKNOWN_SIGNER: kid names no key of the registry';
      END IF;
    ELSEIF p_action = 'set-rule' THEN
      IF p_approvals IS NULL OR p_approvals NOT BETWEEN 1 AND 5
         OR p_hours IS NULL OR p_hours NOT BETWEEN 1 AND 720 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: a rule asks for 1 to 5 approvals within 1 to 720 hours';
      END IF;
    ELSEIF p_action NOT IN ('sign-decisions', 'name-decisions') THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: action is not a change of the registry';
    END IF;
    INSERT INTO {{control}}.authority_changes (change_id, action, kid, public_key, role, person_id, valid_from,
        valid_until, approvals_needed, approve_within_hours, document, digest, proposer_kid, proposed_by,
        proposed_at, expires_at)
      VALUES (p_change, p_action, p_kid, p_public, p_role, p_person, p_from, p_until, p_approvals, p_hours,
        p_document, SHA2(p_document, 256), p_proposer, v_by, v_now, v_now + INTERVAL 7 DAY);
  ELSEIF NOT (v_known <=> CAST(SHA2(p_document, 256) AS BINARY)) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'IDEMPOTENCY_CONFLICT: changeId stands for another change';
  END IF;
  COMMIT;
END
$$
DROP PROCEDURE {{control}}.apply_change
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.apply_change(IN p_change VARBINARY(64), IN p_now DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_action VARBINARY(32) DEFAULT NULL;
  DECLARE v_kid VARBINARY(43) DEFAULT NULL;
  SELECT action, kid INTO v_action, v_kid FROM {{control}}.authority_changes WHERE change_id = p_change;
  IF v_action = 'add-signer' THEN
    IF EXISTS (SELECT 1 FROM {{control}}.signers WHERE kid = v_kid) THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: the registry has that key already, or had it';
    END IF;
    INSERT INTO {{control}}.signers (kid, public_key, role, person_id, valid_from, valid_until, change_id, added_at)
      SELECT kid, public_key, role, person_id, valid_from, valid_until, change_id, p_now
        FROM {{control}}.authority_changes WHERE change_id = p_change;
  ELSEIF v_action = 'revoke-signer' THEN
    -- Two people who can change the registry remain, or nobody could ever change it again.
    IF (SELECT COUNT(DISTINCT person_id) FROM {{control}}.signers
        WHERE kid <> v_kid AND {{control}}.signer_person(kid, 'dpo,operator', p_now) IS NOT NULL) < 2 THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: fewer than two people could change the registry; add one first';
    END IF;
    INSERT INTO {{control}}.signer_revocations (kid, change_id, revoked_at)
      SELECT v_kid, p_change, p_now FROM DUAL
        WHERE NOT EXISTS (SELECT 1 FROM {{control}}.signer_revocations WHERE kid = v_kid);
  ELSEIF v_action IN ('sign-decisions', 'name-decisions') THEN
    INSERT INTO {{control}}.decision_rules (rule_number, signed, change_id, set_at)
      SELECT COALESCE(MAX(r.rule_number), 0) + 1, v_action = 'sign-decisions', p_change, p_now
        FROM {{control}}.decision_rules r;
  ELSEIF v_action = 'set-rule' THEN
    INSERT INTO {{control}}.approval_rules (rule_number, approvals_needed, approve_within_hours, change_id, set_at)
      SELECT (SELECT MAX(r.rule_number) + 1 FROM {{control}}.approval_rules r), approvals_needed,
          approve_within_hours, change_id, p_now
        FROM {{control}}.authority_changes WHERE change_id = p_change;
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.replay_decision_rule(
  IN p_change VARBINARY(64), IN p_signed TINYINT, IN p_at DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  INSERT INTO {{control}}.decision_rules (rule_number, signed, change_id, set_at)
    SELECT (SELECT COALESCE(MAX(r.rule_number), 0) + 1 FROM {{control}}.decision_rules r), p_signed, p_change, p_at
      FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM {{control}}.decision_rules WHERE change_id = p_change);
END
