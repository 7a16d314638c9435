-- Append-only, hash-chained. Nobody has more than INSERT and SELECT here.
CREATE DEFINER={{definer}} FUNCTION {{evidence}}.lethe_now() RETURNS DATETIME(6)
NOT DETERMINISTIC READS SQL DATA SQL SECURITY DEFINER
BEGIN
  IF @@session.time_zone <> '+00:00' THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CLOCK_UNSAFE: the session must run with time_zone +00:00';
  END IF;
  RETURN SYSDATE(6);
END
$$
CREATE TABLE {{evidence}}.entries (
  sequence BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  tenant_id VARBINARY(64) NULL,
  kind VARBINARY(64) NOT NULL,
  at DATETIME(6) NOT NULL,
  subject VARBINARY(255) NOT NULL COMMENT 'names the act once: a repeated append of the same act is refused',
  entry LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  hash VARBINARY(64) NOT NULL,
  UNIQUE KEY once (kind, subject),
  KEY by_tenant (tenant_id, sequence)
) ENGINE=InnoDB
$$
CREATE TABLE {{evidence}}.checkpoints (
  sequence BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  hash VARBINARY(64) NOT NULL,
  exported_at DATETIME(6) NOT NULL,
  object_version VARBINARY(128) NOT NULL
) ENGINE=InnoDB
$$
CREATE TABLE {{evidence}}.certificates (
  certificate_id VARBINARY(64) NOT NULL PRIMARY KEY,
  tenant_id VARBINARY(64) NOT NULL,
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  body LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  digest VARBINARY(64) NOT NULL,
  issued_at DATETIME(6) NOT NULL,
  UNIQUE KEY once (run_id, due_on),
  KEY by_tenant (tenant_id)
) ENGINE=InnoDB
$$
