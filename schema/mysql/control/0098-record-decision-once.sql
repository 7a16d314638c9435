-- A signed decision is recorded once however many hands bring it in the same moment: who comes second waits
-- for the first and finds it recorded. Asking whether it is there, and only then writing, let both write.
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
       'approve-lift', 'set-cap', 'reset-breaker')
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
