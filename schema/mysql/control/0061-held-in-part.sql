DROP FUNCTION {{control}}.is_held
$$
-- Whether a run or one of its due days might fall under a hold; an empty due day means any of them. A due day that
-- was split does not fall under the hold that it was split for, as long as what was withheld stands.
CREATE DEFINER={{definer}} FUNCTION {{control}}.is_held(
  p_tenant VARBINARY(64), p_run VARBINARY(64), p_due VARBINARY(10)) RETURNS TINYINT
NOT DETERMINISTIC READS SQL DATA SQL SECURITY DEFINER
BEGIN
  RETURN EXISTS (SELECT 1 FROM {{control}}.hold_scopes h
    JOIN {{control}}.runs r ON r.run_id = p_run
    WHERE h.tenant_id = p_tenant
      AND NOT EXISTS (SELECT 1 FROM {{control}}.released_holds e WHERE e.hold_id = h.hold_id)
      AND (h.record_class IS NULL OR h.record_class = r.record_class)
      -- What the hold covers of the due day is withheld in a run of its own, and the verifier has looked lately.
      AND NOT EXISTS (SELECT 1 FROM {{control}}.cohort_reliefs f
        WHERE f.tenant_id = p_tenant AND f.run_id = p_run AND f.due_on = p_due AND p_due <> ''
          AND f.hold_id = h.hold_id AND f.verified_at > {{control}}.lethe_now() - INTERVAL 24 HOUR)
      AND (h.hosting_service IS NULL
        OR EXISTS (SELECT 1 FROM {{control}}.run_subjects s
          WHERE s.run_id = p_run AND s.subject = h.hosting_service)
        OR NOT EXISTS (SELECT 1 FROM {{control}}.run_subjects s WHERE s.run_id = p_run))
      AND (h.asset_id IS NULL
        OR EXISTS (SELECT 1 FROM {{control}}.run_assets a
          WHERE a.run_id = p_run AND a.asset_id = h.asset_id)
        OR NOT EXISTS (SELECT 1 FROM {{control}}.run_assets a WHERE a.run_id = p_run))
      AND (h.collected_from IS NULL
        OR NOT EXISTS (SELECT 1 FROM {{control}}.cohorts c
          WHERE c.run_id = p_run AND (p_due = '' OR c.due_on = p_due))
        OR EXISTS (SELECT 1 FROM {{control}}.cohorts c
          WHERE c.run_id = p_run AND (p_due = '' OR c.due_on = p_due)
            AND (c.newest_observed_at IS NULL OR c.newest_observed_at >= h.collected_from)))
      AND (h.collected_to IS NULL
        OR NOT EXISTS (SELECT 1 FROM {{control}}.cohorts c
          WHERE c.run_id = p_run AND (p_due = '' OR c.due_on = p_due))
        OR EXISTS (SELECT 1 FROM {{control}}.cohorts c
          LEFT JOIN {{control}}.cohort_spans n ON n.run_id = c.run_id AND n.due_on = c.due_on
          WHERE c.run_id = p_run AND (p_due = '' OR c.due_on = p_due)
            AND (n.oldest_observed_at IS NULL OR n.oldest_observed_at < h.collected_to))));
END
