-- A body in staging says what it is for. Who takes it reads it through a function of its own purpose, by
-- tenant and id, so that collecting never sees configuration and the console never sees reports. What was
-- staged before this has no purpose: nobody takes it, and it is erased after a day.
ALTER TABLE {{control}}.staging ADD COLUMN purpose VARBINARY(32) NOT NULL
$$
CREATE DEFINER={{definer}} FUNCTION {{control}}.staged_report(
  p_tenant VARBINARY(64), p_staging VARBINARY(64)) RETURNS LONGBLOB
NOT DETERMINISTIC READS SQL DATA SQL SECURITY DEFINER
BEGIN
  RETURN (SELECT body FROM {{control}}.staging
    WHERE staging_id = p_staging AND tenant_id = p_tenant AND purpose = 'host-report');
END
$$
CREATE DEFINER={{definer}} FUNCTION {{control}}.staged_configuration(
  p_tenant VARBINARY(64), p_staging VARBINARY(64)) RETURNS LONGBLOB
NOT DETERMINISTIC READS SQL DATA SQL SECURITY DEFINER
BEGIN
  RETURN (SELECT body FROM {{control}}.staging
    WHERE staging_id = p_staging AND tenant_id = p_tenant AND purpose = 'configuration');
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.erase_staged_report(
  IN p_tenant VARBINARY(64), IN p_staging VARBINARY(64), IN p_digest VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  -- An order that names somebody else's body, or a body that is no report, must not remove it.
  DECLARE v_safe INT DEFAULT @@session.sql_safe_updates;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SET SESSION sql_safe_updates = v_safe; RESIGNAL; END;
  SET SESSION sql_safe_updates = 0;
  DELETE FROM {{control}}.staging
    WHERE staging_id = p_staging AND tenant_id = p_tenant AND digest = p_digest
      AND purpose = 'host-report';
  SET SESSION sql_safe_updates = v_safe;
END
$$
-- How many bodies of a tenant have waited for more than a day; who verifies sees none of them.
CREATE DEFINER={{definer}} FUNCTION {{control}}.stale_staged(p_tenant VARBINARY(64)) RETURNS BIGINT
NOT DETERMINISTIC READS SQL DATA SQL SECURITY DEFINER
BEGIN
  RETURN (SELECT COUNT(*) FROM {{control}}.staging
    WHERE tenant_id = p_tenant AND staged_at < {{control}}.lethe_now() - INTERVAL 24 HOUR);
END
