-- Who may sign what. Keys are rows that are never changed; a key ends by a row of its own. Adding or
-- ending one is proposed under one person's signature and approved under another's; the first two keys
-- are put in by hand. Signatures are checked before these procedures are called, people by them.
CREATE TABLE {{control}}.authority_gate (
  id TINYINT NOT NULL PRIMARY KEY COMMENT 'locked by whoever changes the registry'
) ENGINE=InnoDB
$$
INSERT INTO {{control}}.authority_gate (id) VALUES (1)
$$
CREATE TABLE {{control}}.signers (
  kid VARBINARY(43) NOT NULL PRIMARY KEY COMMENT 'RFC 7638 thumbprint of the public key',
  public_key VARBINARY(43) NOT NULL COMMENT 'x of its JWK',
  role VARBINARY(32) NOT NULL,
  person_id VARBINARY(64) NOT NULL COMMENT 'opaque; two keys of one person are one person',
  valid_from DATETIME(6) NOT NULL,
  valid_until DATETIME(6) NULL,
  change_id VARBINARY(64) NULL COMMENT 'NULL: one of the first two',
  added_at DATETIME(6) NOT NULL,
  CHECK (LENGTH(kid) = 43 AND LENGTH(public_key) = 43)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.signer_revocations (
  kid VARBINARY(43) NOT NULL PRIMARY KEY,
  change_id VARBINARY(64) NOT NULL,
  revoked_at DATETIME(6) NOT NULL
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.approval_rules (
  rule_number INT UNSIGNED NOT NULL PRIMARY KEY,
  approvals_needed INT UNSIGNED NOT NULL COMMENT 'people beside who signed the order',
  approve_within_hours INT UNSIGNED NOT NULL COMMENT 'an order that waits longer has expired',
  change_id VARBINARY(64) NULL COMMENT 'NULL: the rule that came with the product',
  set_at DATETIME(6) NOT NULL,
  CHECK (approvals_needed BETWEEN 1 AND 5 AND approve_within_hours BETWEEN 1 AND 720)
) ENGINE=InnoDB
$$
INSERT INTO {{control}}.approval_rules (rule_number, approvals_needed, approve_within_hours, change_id, set_at)
  VALUES (1, 1, 168, NULL, '2000-01-01 00:00:00.000000')
$$
CREATE TABLE {{control}}.authority_changes (
  change_id VARBINARY(64) NOT NULL PRIMARY KEY,
  action VARBINARY(32) NOT NULL COMMENT 'add-signer, revoke-signer, set-rule',
  kid VARBINARY(43) NULL,
  public_key VARBINARY(43) NULL,
  role VARBINARY(32) NULL,
  person_id VARBINARY(64) NULL,
  valid_from DATETIME(6) NULL,
  valid_until DATETIME(6) NULL,
  approvals_needed INT UNSIGNED NULL,
  approve_within_hours INT UNSIGNED NULL,
  document LONGTEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'as it was signed; ids and instants only',
  digest VARBINARY(64) NOT NULL,
  proposer_kid VARBINARY(43) NOT NULL,
  proposed_by VARBINARY(64) NOT NULL,
  proposed_at DATETIME(6) NOT NULL,
  expires_at DATETIME(6) NOT NULL
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.authority_approvals (
  change_id VARBINARY(64) NOT NULL PRIMARY KEY,
  document LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
  approver_kid VARBINARY(43) NOT NULL,
  approved_by VARBINARY(64) NOT NULL,
  approved_at DATETIME(6) NOT NULL
) ENGINE=InnoDB
$$
CREATE DEFINER={{definer}} FUNCTION {{control}}.signer_person(
  p_kid VARBINARY(43), p_roles VARBINARY(255), p_at DATETIME(6)) RETURNS VARBINARY(64)
NOT DETERMINISTIC READS SQL DATA SQL SECURITY DEFINER
BEGIN
  -- Whose key it is, while it counts for one of the roles; NULL otherwise.
  RETURN (SELECT s.person_id FROM {{control}}.signers s
    WHERE s.kid = p_kid AND FIND_IN_SET(s.role, p_roles) > 0 AND s.valid_from <= p_at
      AND (s.valid_until IS NULL OR s.valid_until > p_at)
      AND NOT EXISTS (SELECT 1 FROM {{control}}.signer_revocations r WHERE r.kid = s.kid));
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.assert_signer_fields(
  IN p_kid VARBINARY(43), IN p_public VARBINARY(43), IN p_role VARBINARY(32), IN p_person VARBINARY(64),
  IN p_from DATETIME(6), IN p_until DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  IF p_kid IS NULL OR LENGTH(p_kid) <> 43 OR p_public IS NULL OR LENGTH(p_public) <> 43
     OR p_role IS NULL OR p_role NOT IN ('requester', 'approver', 'dpo', 'operator')
     OR p_person IS NULL OR LENGTH(p_person) = 0 OR p_from IS NULL
     OR (p_until IS NOT NULL AND p_until <= p_from) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: the signer has no key, role, person or validity that counts';
  END IF;
  IF EXISTS (SELECT 1 FROM {{control}}.signers WHERE kid = p_kid OR public_key = p_public LOCK IN SHARE MODE) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: the registry has that key already, or had it';
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.bootstrap_signer(
  IN p_kid VARBINARY(43), IN p_public VARBINARY(43), IN p_role VARBINARY(32), IN p_person VARBINARY(64),
  IN p_from DATETIME(6), IN p_until DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  -- Two keys of two people, and never a third: from then on the registry changes by signatures alone.
  DECLARE v_id TINYINT;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  SELECT id INTO v_id FROM {{control}}.authority_gate WHERE id = 1 FOR UPDATE;
  IF NOT EXISTS (SELECT 1 FROM {{control}}.signers WHERE kid = p_kid AND public_key = p_public
      AND role = p_role AND person_id = p_person AND change_id IS NULL) THEN
    IF (SELECT COUNT(*) FROM {{control}}.signers) >= 2 THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'FOUR_EYES: the first two keys are in; two signers must agree on another one';
    END IF;
    CALL {{control}}.assert_signer_fields(p_kid, p_public, p_role, p_person, p_from, p_until);
    IF p_role NOT IN ('dpo', 'operator') OR EXISTS (SELECT 1 FROM {{control}}.signers
        WHERE LOWER(CONVERT(person_id USING utf8mb4)) = LOWER(CONVERT(p_person USING utf8mb4))) THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'FOUR_EYES: the first two keys belong to two people, each a dpo or an operator';
    END IF;
    INSERT INTO {{control}}.signers (kid, public_key, role, person_id, valid_from, valid_until, change_id, added_at)
      VALUES (p_kid, p_public, p_role, p_person, p_from, p_until, NULL, {{control}}.lethe_now());
  END IF;
  COMMIT;
END
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
    ELSE
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
CREATE DEFINER={{definer}} PROCEDURE {{control}}.assert_second_person(
  IN p_change VARBINARY(64), IN p_approver VARBINARY(43), IN p_now DATETIME(6), OUT p_by VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_kid VARBINARY(43) DEFAULT NULL;
  DECLARE v_person VARBINARY(64) DEFAULT NULL;
  DECLARE v_expires DATETIME(6) DEFAULT NULL;
  SET p_by = {{control}}.signer_person(p_approver, 'dpo,operator', p_now);
  SELECT proposer_kid, proposed_by, expires_at INTO v_kid, v_person, v_expires
    FROM {{control}}.authority_changes WHERE change_id = p_change;
  IF v_kid IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'UNKNOWN_CHANGE: changeId names no proposed change of the registry';
  END IF;
  IF p_by IS NULL OR {{control}}.signer_person(v_kid, 'dpo,operator', p_now) IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SIGNER_NOT_ENTITLED: the registry is changed by keys of a dpo or an operator';
  END IF;
  IF v_expires <= p_now THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: nobody approved within seven days; propose the change again';
  END IF;
  IF p_approver = v_kid
     OR LOWER(CONVERT(p_by USING utf8mb4)) = LOWER(CONVERT(v_person USING utf8mb4)) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'FOUR_EYES: somebody else approves than who proposed the change';
  END IF;
END
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
  ELSE
    INSERT INTO {{control}}.approval_rules (rule_number, approvals_needed, approve_within_hours, change_id, set_at)
      SELECT (SELECT MAX(r.rule_number) + 1 FROM {{control}}.approval_rules r), approvals_needed,
          approve_within_hours, change_id, p_now
        FROM {{control}}.authority_changes WHERE change_id = p_change;
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.approve_change(
  IN p_change VARBINARY(64), IN p_document LONGTEXT CHARACTER SET utf8mb4, IN p_approver VARBINARY(43))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_id TINYINT;
  DECLARE v_now DATETIME(6);
  DECLARE v_by VARBINARY(64) DEFAULT NULL;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  SELECT id INTO v_id FROM {{control}}.authority_gate WHERE id = 1 FOR UPDATE;
  SET v_now = {{control}}.lethe_now();
  IF NOT EXISTS (SELECT 1 FROM {{control}}.authority_approvals WHERE change_id = p_change
      AND approver_kid = p_approver) THEN
    CALL {{control}}.assert_second_person(p_change, p_approver, v_now, v_by);
    IF EXISTS (SELECT 1 FROM {{control}}.authority_approvals WHERE change_id = p_change) THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: the change was approved already';
    END IF;
    INSERT INTO {{control}}.authority_approvals (change_id, document, approver_kid, approved_by, approved_at)
      VALUES (p_change, p_document, p_approver, v_by, v_now);
    CALL {{control}}.apply_change(p_change, v_now);
  END IF;
  COMMIT;
END
$$
