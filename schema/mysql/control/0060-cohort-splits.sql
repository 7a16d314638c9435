-- A due day that a narrow hold covers in part: its covered records are written anew under a run and a key of
-- their own, and the rest may go. One row for each due day and hold; nothing follows from it before the verifier
-- has found every covered record in the withheld run.
CREATE TABLE {{control}}.cohort_splits (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  hold_id VARBINARY(64) NOT NULL,
  tenant_id VARBINARY(64) NOT NULL,
  withheld_run_id VARBINARY(64) NULL COMMENT 'NULL: the due day holds nothing that the hold covers',
  split_at DATETIME(6) NOT NULL,
  PRIMARY KEY (run_id, due_on, hold_id),
  UNIQUE KEY by_withheld_run (withheld_run_id),
  KEY by_tenant (tenant_id)
) ENGINE=InnoDB
$$
-- What the verifier found in both: only good verdicts are written.
CREATE TABLE {{control}}.split_verdicts (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  hold_id VARBINARY(64) NOT NULL,
  withheld_run_id VARBINARY(64) NULL,
  manifest_digest VARBINARY(64) NOT NULL COMMENT 'of the run that was split',
  withheld_digest VARBINARY(64) NULL COMMENT 'of the withheld run',
  withheld BIGINT UNSIGNED NOT NULL,
  rest BIGINT UNSIGNED NOT NULL COMMENT 'records that stay behind and are not withheld in any run',
  verified_at DATETIME(6) NOT NULL,
  PRIMARY KEY (run_id, due_on, hold_id, verified_at)
) ENGINE=InnoDB
$$
-- Due days of which a hold covers everything that is left: reading them again would find the same.
CREATE TABLE {{control}}.unsplit_cohorts (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  hold_id VARBINARY(64) NOT NULL,
  found_at DATETIME(6) NOT NULL,
  PRIMARY KEY (run_id, due_on, hold_id)
) ENGINE=InnoDB
$$
-- Due days that a hold no longer covers, because what it covers of them is withheld in another run that stands:
-- verified against both manifests, its key not gone, nothing of it on its way out.
CREATE DEFINER={{definer}} SQL SECURITY DEFINER VIEW {{control}}.cohort_reliefs AS
SELECT s.tenant_id, s.run_id, s.due_on, s.hold_id, s.withheld_run_id, s.split_at,
       MAX(v.withheld) AS withheld, MAX(v.verified_at) AS verified_at
  FROM {{control}}.cohort_splits s
  JOIN {{control}}.manifests m ON m.run_id = s.run_id
  JOIN {{control}}.split_verdicts v ON v.run_id = s.run_id AND v.due_on = s.due_on
   AND v.hold_id = s.hold_id AND v.manifest_digest = m.digest
   AND v.withheld_run_id <=> s.withheld_run_id
  LEFT JOIN {{control}}.cohorts c ON c.run_id = s.withheld_run_id AND c.due_on = s.due_on
   AND c.tenant_id = s.tenant_id
  LEFT JOIN {{control}}.manifests w ON w.run_id = s.withheld_run_id
 WHERE (s.withheld_run_id IS NULL AND v.withheld = 0)
    OR (v.withheld > 0 AND c.records = v.withheld AND w.digest = v.withheld_digest
      AND NOT EXISTS (SELECT 1 FROM {{control}}.tombstones t
        WHERE t.run_id = s.withheld_run_id AND t.due_on = s.due_on)
      AND NOT EXISTS (SELECT 1 FROM {{control}}.cohort_states x
        WHERE x.run_id = s.withheld_run_id AND x.due_on = s.due_on AND x.state IN
          ('destroying', 'destroyed', 'certified', 'irrevocable', 'restored', 'superseded')))
 GROUP BY s.tenant_id, s.run_id, s.due_on, s.hold_id, s.withheld_run_id, s.split_at
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_split AFTER INSERT ON {{control}}.split_verdicts
FOR EACH ROW
BEGIN
  DECLARE v_tenant VARBINARY(64) DEFAULT NULL;
  SELECT tenant_id INTO v_tenant FROM {{control}}.runs WHERE run_id = NEW.run_id;
  CALL {{control}}.give_notice('cohort.split', v_tenant,
    CONCAT_WS('/', NEW.run_id, NEW.due_on, NEW.hold_id), NEW.verified_at,
    JSON_OBJECT('runId', CONVERT(NEW.run_id USING utf8mb4),
      'dueOn', CONVERT(NEW.due_on USING utf8mb4),
      'holdId', CONVERT(NEW.hold_id USING utf8mb4),
      'withheldRunId', CONVERT(NEW.withheld_run_id USING utf8mb4),
      'withheld', NEW.withheld, 'rest', NEW.rest));
END
$$
DROP TRIGGER {{control}}.notice_of_seal
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_seal AFTER INSERT ON {{control}}.manifests
FOR EACH ROW
BEGIN
  -- The manifest of a withheld run is written before its run is on record; its split is told of.
  DECLARE v_tenant VARBINARY(64) DEFAULT NULL;
  SELECT tenant_id INTO v_tenant FROM {{control}}.runs WHERE run_id = NEW.run_id;
  IF v_tenant IS NOT NULL THEN
    CALL {{control}}.give_notice('run.sealed', v_tenant, NEW.run_id,
      NEW.sealed_at,
      JSON_OBJECT('runId', CONVERT(NEW.run_id USING utf8mb4),
        'manifestDigest', CONVERT(NEW.digest USING utf8mb4)));
  END IF;
END
