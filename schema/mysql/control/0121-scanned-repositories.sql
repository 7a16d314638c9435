-- What became of each repository of a scan that reads all that a catalog lists: where the next attempt goes on,
-- and what the scan's result is counted from. A repository is named by the id of its asset: its name was found
-- in the registry, so it is asset data and stands with it only.
CREATE TABLE {{control}}.scanned_repositories (
  tenant_id VARBINARY(64) NOT NULL,
  scan_id VARBINARY(64) NOT NULL,
  asset_id VARBINARY(64) NOT NULL,
  outcome VARBINARY(32) NOT NULL COMMENT 'complete, refused, failed',
  counts LONGTEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'as in scan_results',
  refused_because VARBINARY(64) NULL COMMENT 'code with which something of it was refused',
  finished_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, scan_id, asset_id)
) ENGINE=InnoDB
$$
