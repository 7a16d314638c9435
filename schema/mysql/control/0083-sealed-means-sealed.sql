-- Sealed means sealed. What a seal consists of is written by one login and verified by another; a row that is added
-- after the verifier has looked would be acted on unseen. So the manifest closes its run: a row that comes later is
-- refused, and a manifest waits for every row that is still being written. Each side first writes and then looks,
-- so one of two that meet always sees the other.
CREATE DEFINER={{definer}} PROCEDURE {{control}}.assert_not_sealed(IN p_run VARBINARY(64))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_digest VARBINARY(64) DEFAULT NULL;
  SELECT digest INTO v_digest FROM {{control}}.manifests WHERE run_id = p_run LOCK IN SHARE MODE;
  IF v_digest IS NOT NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'TAKEN_OVER: the run is sealed; nothing is added to it any more';
  END IF;
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.manifest_batches_before_seal AFTER INSERT ON {{control}}.manifest_batches
FOR EACH ROW
BEGIN
  CALL {{control}}.assert_not_sealed(NEW.run_id);
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.manifest_objects_before_seal AFTER INSERT ON {{control}}.manifest_objects
FOR EACH ROW
BEGIN
  CALL {{control}}.assert_not_sealed(NEW.run_id);
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.cohorts_before_seal AFTER INSERT ON {{control}}.cohorts
FOR EACH ROW
BEGIN
  CALL {{control}}.assert_not_sealed(NEW.run_id);
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.cohort_keys_before_seal AFTER INSERT ON {{control}}.cohort_keys
FOR EACH ROW
BEGIN
  CALL {{control}}.assert_not_sealed(NEW.run_id);
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.cohort_counts_before_seal AFTER INSERT ON {{control}}.cohort_counts
FOR EACH ROW
BEGIN
  CALL {{control}}.assert_not_sealed(NEW.run_id);
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.run_assets_before_seal AFTER INSERT ON {{control}}.run_assets
FOR EACH ROW
BEGIN
  CALL {{control}}.assert_not_sealed(NEW.run_id);
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.manifests_after_rows AFTER INSERT ON {{control}}.manifests
FOR EACH ROW
BEGIN
  -- Reads under locks, and so waits for every row of the run that is not committed.
  DECLARE v_rows BIGINT;
  SELECT COUNT(*) INTO v_rows FROM {{control}}.manifest_batches WHERE run_id = NEW.run_id LOCK IN SHARE MODE;
  SELECT COUNT(*) INTO v_rows FROM {{control}}.manifest_objects WHERE run_id = NEW.run_id LOCK IN SHARE MODE;
  SELECT COUNT(*) INTO v_rows FROM {{control}}.cohorts WHERE run_id = NEW.run_id LOCK IN SHARE MODE;
  SELECT COUNT(*) INTO v_rows FROM {{control}}.cohort_keys WHERE run_id = NEW.run_id LOCK IN SHARE MODE;
  SELECT COUNT(*) INTO v_rows FROM {{control}}.cohort_counts WHERE run_id = NEW.run_id LOCK IN SHARE MODE;
  SELECT COUNT(*) INTO v_rows FROM {{control}}.run_assets WHERE run_id = NEW.run_id LOCK IN SHARE MODE;
END
$$
-- Which keys a run may end: its own; of configuration those of the generations that it covers; of strays those that
-- were found. What the run's seal lists is not enough: another run's key may be under a hold that this one is not.
CREATE DEFINER={{definer}} TRIGGER {{control}}.permits_for_own_keys BEFORE INSERT ON {{control}}.permits
FOR EACH ROW
BEGIN
  IF NEW.kind IN ('destroy', 'retire') AND NEW.batch_number = 0
     AND NOT EXISTS (SELECT 1 FROM {{control}}.runs r
       WHERE r.run_id = NEW.run_id AND r.tenant_id = NEW.tenant_id AND (
         (r.record_class = 'asset-basic-data'
           AND NEW.location = CAST(CONCAT('asset:', r.run_id, ':', NEW.due_on) AS BINARY))
         OR (r.record_class = 'console-configuration-data' AND (
           NEW.location = CAST(CONCAT('configuration:', r.tenant_id, ':', r.generation_from) AS BINARY)
           OR NEW.location = CAST(CONCAT('configuration:', r.tenant_id, ':', r.generation_to) AS BINARY)
           OR EXISTS (SELECT 1 FROM {{control}}.configuration_generations g
             WHERE g.tenant_id = r.tenant_id AND g.generation BETWEEN r.generation_from AND r.generation_to
               AND NEW.location = CAST(CONCAT('configuration:', g.tenant_id, ':', g.generation) AS BINARY))))
         OR (r.event_kind = 'stray' AND EXISTS (SELECT 1 FROM {{control}}.stray_archives a
           WHERE a.tenant_id = r.tenant_id AND a.event_id = r.event_id AND a.key_ref = NEW.location)))) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: the key is not one of the run';
  END IF;
END
