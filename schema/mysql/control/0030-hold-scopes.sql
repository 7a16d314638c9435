-- Narrow holds: a Hosting Service, an asset, a range of collection instants. Until a cohort is split, a scope
-- that might intersect it covers all of it; what is not known counts as an intersection.
ALTER TABLE {{control}}.hold_scopes
  ADD COLUMN hosting_service VARBINARY(64) NULL COMMENT 'only assets that are linked to it',
  ADD COLUMN asset_id VARBINARY(64) NULL COMMENT 'host, container, cluster or image repository',
  ADD COLUMN collected_from DATETIME(6) NULL COMMENT 'inclusive',
  ADD COLUMN collected_to DATETIME(6) NULL COMMENT 'exclusive'
$$
-- Holds from before have none of these.
ALTER TABLE {{control}}.holds
  ADD COLUMN matter VARBINARY(64) NULL COMMENT 'opaque id of the proceeding',
  ADD COLUMN ground_kind VARBINARY(32) NULL COMMENT 'one of a closed list; the words are in hold_grounds',
  ADD COLUMN owner VARBINARY(64) NULL COMMENT 'opaque id of who answers for it'
$$
-- Somebody looked at a hold and set the next day on which somebody must.
CREATE TABLE {{control}}.hold_reviews (
  hold_id VARBINARY(64) NOT NULL,
  review_number INT UNSIGNED NOT NULL,
  reviewed_by VARBINARY(64) NOT NULL,
  reviewed_at DATETIME(6) NOT NULL,
  next_review_on VARBINARY(10) NOT NULL,
  PRIMARY KEY (hold_id, review_number)
) ENGINE=InnoDB
$$
-- From when a cohort's records were collected, as the verifier found it beside its verdict on the copies.
CREATE TABLE {{control}}.cohort_spans (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  oldest_observed_at DATETIME(6) NOT NULL,
  verified_at DATETIME(6) NOT NULL,
  PRIMARY KEY (run_id, due_on, verified_at)
) ENGINE=InnoDB
