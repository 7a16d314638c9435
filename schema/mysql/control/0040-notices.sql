-- Outbox: one row for each fact that somebody outside may want to hear of, written by a trigger on the
-- fact's own table and so in its transaction. No login may write one. Everything else is insert-only too.
CREATE TABLE {{control}}.notices (
  notice_id VARBINARY(64) NOT NULL PRIMARY KEY COMMENT 'follows from the fact''s own key, so it is as unique',
  tenant_id VARBINARY(64) NULL,
  notice_type VARBINARY(64) NOT NULL,
  at DATETIME(6) NOT NULL COMMENT 'instant of the fact',
  data LONGTEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'JSON of ids, instants, counts and known words',
  written_at DATETIME(6) NOT NULL COMMENT 'a row with an earlier one may become visible later',
  KEY by_writing (written_at)
) ENGINE=InnoDB
$$
-- The order in which receivers get them: without a gap, given after the commit, by one writer at a time.
CREATE TABLE {{control}}.notice_order (
  sequence BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  notice_id VARBINARY(64) NOT NULL,
  ordered_at DATETIME(6) NOT NULL,
  UNIQUE KEY once (notice_id)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.notice_receivers (
  receiver VARBINARY(64) NOT NULL PRIMARY KEY COMMENT 'name under which its secrets are kept',
  kind VARBINARY(16) NOT NULL COMMENT 'webhook or mail',
  address VARBINARY(1024) NOT NULL COMMENT 'URL or mailbox; never a secret',
  tenant_id VARBINARY(64) NULL COMMENT 'NULL: every tenant, and what belongs to none',
  notice_types VARBINARY(2048) NOT NULL COMMENT 'comma separated; empty: all',
  language VARBINARY(8) NOT NULL COMMENT 'en or zh; for mail',
  from_sequence BIGINT UNSIGNED NOT NULL COMMENT 'it gets what comes after',
  added_at DATETIME(6) NOT NULL,
  added_by VARBINARY(64) NOT NULL
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.notice_receiver_ends (
  receiver VARBINARY(64) NOT NULL PRIMARY KEY,
  ended_at DATETIME(6) NOT NULL,
  ended_by VARBINARY(64) NOT NULL COMMENT 'who disabled it, or receiver: it said that it is gone',
  cause VARBINARY(16) NOT NULL COMMENT 'operator or gone'
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.notice_replays (
  replay_id VARBINARY(64) NOT NULL PRIMARY KEY,
  receiver VARBINARY(64) NOT NULL,
  from_sequence BIGINT UNSIGNED NULL COMMENT 'NULL: only try again now what waits',
  to_sequence BIGINT UNSIGNED NULL,
  requested_at DATETIME(6) NOT NULL,
  requested_by VARBINARY(64) NOT NULL,
  KEY by_receiver (receiver, requested_at)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.notice_attempts (
  receiver VARBINARY(64) NOT NULL,
  line VARBINARY(64) NOT NULL COMMENT 'empty: what is new; otherwise a replay',
  sequence BIGINT UNSIGNED NOT NULL COMMENT 'the last notice that the attempt was about',
  attempt INT UNSIGNED NOT NULL,
  notices INT UNSIGNED NOT NULL COMMENT 'how many it carried; 0: none up to here is for the receiver',
  outcome VARBINARY(16) NOT NULL COMMENT 'delivered, passed, failed',
  reason VARBINARY(64) NOT NULL COMMENT 'known word; empty when it succeeded',
  http_status SMALLINT UNSIGNED NULL,
  attempted_at DATETIME(6) NOT NULL,
  PRIMARY KEY (receiver, line, sequence, attempt)
) ENGINE=InnoDB
$$
CREATE DEFINER={{definer}} FUNCTION {{control}}.notice_id(
  p_type VARBINARY(64), p_fact VARBINARY(512)) RETURNS VARBINARY(64)
DETERMINISTIC NO SQL SQL SECURITY DEFINER
BEGIN
  RETURN CONCAT('nt_', LEFT(SHA2(CONCAT(p_type, '\n', p_fact), 256), 32));
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.give_notice(
  IN p_type VARBINARY(64), IN p_tenant VARBINARY(64), IN p_fact VARBINARY(512),
  IN p_at DATETIME(6), IN p_data LONGTEXT CHARACTER SET utf8mb4)
SQL SECURITY DEFINER
BEGIN
  -- Waits for nobody: its key follows from the fact's own, which the fact's transaction holds already. A fact
  -- that is replayed after a restore was told of before: its notice is there, and stands in nobody's way.
  DECLARE v_notice VARBINARY(64) DEFAULT {{control}}.notice_id(p_type, p_fact);
  INSERT INTO {{control}}.notices (notice_id, tenant_id, notice_type, at, data, written_at)
    SELECT v_notice, p_tenant, p_type, p_at, p_data, {{control}}.lethe_now() FROM DUAL
     WHERE NOT EXISTS (SELECT 1 FROM {{control}}.notices WHERE notice_id = v_notice);
END
