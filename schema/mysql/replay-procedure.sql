-- Instantiated once for each SQL location: removes what came back of a batch that was removed before.
CREATE DEFINER={{definer}} PROCEDURE {{database}}.replay_{{table}}(
  IN p_permit VARBINARY(64), IN p_tenant VARBINARY(64), IN p_run VARBINARY(64), IN p_batch INT UNSIGNED,
  IN p_ids LONGTEXT CHARACTER SET utf8mb4)
SQL SECURITY DEFINER
BEGIN
  -- Part of a batch may be missing here, and only here: a backup holds what there was on its day.
  DECLARE v_expected INT UNSIGNED;
  DECLARE v_deleted INT UNSIGNED;
  DECLARE v_safe INT DEFAULT @@session.sql_safe_updates;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN
    ROLLBACK;
    SET SESSION sql_safe_updates = v_safe;
    RESIGNAL;
  END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  CALL {{control}}.open_permit(p_permit, p_tenant, '{{location}}', p_batch, p_ids, v_expected);
  CALL {{control}}.assert_removed_before(p_run, '{{location}}', p_batch);
  IF NOT EXISTS (SELECT 1 FROM {{control}}.permits WHERE permit_id = p_permit AND run_id = p_run) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the permit is for another run';
  END IF;
  SET SESSION sql_safe_updates = 0;
  DELETE r FROM JSON_TABLE(p_ids, '$[*]' COLUMNS (
      asset_id VARCHAR(64) CHARACTER SET utf8mb4 PATH '$[0]',
      version_id VARCHAR(64) CHARACTER SET utf8mb4 PATH '$[1]')) j
    STRAIGHT_JOIN {{database}}.{{table}} r
      ON r.tenant_id = p_tenant AND r.asset_id = CAST(j.asset_id AS BINARY)
        AND r.version_id = CAST(j.version_id AS BINARY);
  SET v_deleted = ROW_COUNT();
  SET SESSION sql_safe_updates = v_safe;
  IF v_deleted IS NULL OR v_deleted > v_expected THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'COUNT_MISMATCH: the table held more of these rows than were sealed';
  END IF;
  CALL {{control}}.close_permit(p_permit, v_deleted);
  COMMIT;
END
$$
