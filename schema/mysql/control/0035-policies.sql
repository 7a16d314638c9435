-- Versions of the policy that came into force. Version 1 is in force from the beginning and has no row; rows
-- are only ever added. What the numbers of a version are is reviewed code; this table says from when.
CREATE TABLE {{control}}.policy_activations (
  version INT UNSIGNED NOT NULL PRIMARY KEY,
  policy_digest VARBINARY(64) NOT NULL COMMENT 'of the reviewed document',
  plan_digest VARBINARY(64) NOT NULL COMMENT 'of the plan that two people approved',
  signed_by VARBINARY(64) NOT NULL,
  countersigned_by VARBINARY(64) NOT NULL COMMENT 'a second person',
  activated_at DATETIME(6) NOT NULL
) ENGINE=InnoDB
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.activate_policy(
  IN p_version INT UNSIGNED, IN p_policy VARBINARY(64), IN p_plan VARBINARY(64),
  IN p_by VARBINARY(64), IN p_second VARBINARY(64), IN p_at DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  -- Every stored window is older than this afterwards: no permit is issued before it is computed again.
  DECLARE v_epoch BIGINT UNSIGNED DEFAULT NULL;
  DECLARE v_newest INT UNSIGNED DEFAULT NULL;
  DECLARE v_known VARBINARY(64) DEFAULT NULL;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  SELECT epoch INTO v_epoch FROM {{control}}.interlocks WHERE scope = 'global' FOR UPDATE;
  IF p_by IS NULL OR LENGTH(p_by) = 0 OR p_second IS NULL OR LENGTH(p_second) = 0
     OR LOWER(CONVERT(p_by USING utf8mb4)) = LOWER(CONVERT(p_second USING utf8mb4)) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: two different people sign a version of the policy';
  END IF;
  IF p_policy IS NULL OR LENGTH(p_policy) <> 64 OR p_plan IS NULL OR LENGTH(p_plan) <> 64 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: a version is activated with the digests of its document and its plan';
  END IF;
  SELECT policy_digest INTO v_known FROM {{control}}.policy_activations
    WHERE version = p_version LOCK IN SHARE MODE;
  IF v_known IS NOT NULL AND v_known <> p_policy THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'IDEMPOTENCY_CONFLICT: that version is in force with another document';
  END IF;
  IF v_known IS NULL THEN
    SELECT MAX(version) INTO v_newest FROM {{control}}.policy_activations LOCK IN SHARE MODE;
    IF p_version IS NULL OR p_version < 2 OR p_version <= COALESCE(v_newest, 1) THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_PERMITTED: a later version is in force; versions only go up';
    END IF;
    INSERT INTO {{control}}.policy_activations
        (version, policy_digest, plan_digest, signed_by, countersigned_by, activated_at)
      VALUES (p_version, p_policy, p_plan, p_by, p_second, COALESCE(p_at, {{control}}.lethe_now()));
    CALL {{control}}.bump_interlock('global');
  END IF;
  COMMIT;
END
$$
