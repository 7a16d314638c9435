-- Blast-radius caps and the circuit breaker. Both stop a run where its permit would be issued; nothing is
-- trimmed to fit. Settings, uses, trips and resets are rows that are only ever added.
CREATE TABLE {{control}}.cap_gate (
  id TINYINT NOT NULL PRIMARY KEY COMMENT 'held exclusively while a permit is counted: two cannot both be the last',
  CHECK (id = 1)
) ENGINE=InnoDB
$$
INSERT INTO {{control}}.cap_gate (id) VALUES (1)
$$
CREATE TABLE {{control}}.cap_settings (
  cap VARBINARY(32) NOT NULL,
  setting_number INT UNSIGNED NOT NULL,
  amount BIGINT UNSIGNED NOT NULL COMMENT 'this much always passes',
  share INT UNSIGNED NOT NULL COMMENT 'or this many thousandths of what there is, if that is more',
  recorded_at DATETIME(6) NOT NULL,
  effective_at DATETIME(6) NOT NULL COMMENT 'later than recorded_at for one that loosens',
  set_by VARBINARY(64) NOT NULL,
  reason LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
  PRIMARY KEY (cap, setting_number)
) ENGINE=InnoDB
$$
INSERT INTO {{control}}.cap_settings
  (cap, setting_number, amount, share, recorded_at, effective_at, set_by, reason)
VALUES
  ('rows-per-batch', 1, 10000, 0, '1970-01-01', '1970-01-01', 'default', 'shipped with the engine'),
  ('cohorts-per-hour', 1, 1000, 0, '1970-01-01', '1970-01-01', 'default', 'shipped with the engine'),
  ('store-share-per-day', 1, 1000000, 100, '1970-01-01', '1970-01-01', 'default', 'shipped with the engine'),
  ('tenants-per-30-days', 1, 10, 100, '1970-01-01', '1970-01-01', 'default', 'shipped with the engine'),
  ('unusual-tenants-per-day', 1, 8, 5000, '1970-01-01', '1970-01-01', 'default', 'shipped with the engine'),
  ('unusual-records-per-day', 1, 250000, 5000, '1970-01-01', '1970-01-01', 'default', 'shipped with the engine'),
  ('loosening-hours', 1, 24, 0, '1970-01-01', '1970-01-01', 'default', 'shipped with the engine')
$$
CREATE TABLE {{control}}.cap_uses (
  permit_id VARBINARY(64) NOT NULL PRIMARY KEY,
  tenant_id VARBINARY(64) NOT NULL,
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  record_class VARBINARY(64) NOT NULL,
  records BIGINT UNSIGNED NOT NULL,
  granted_at DATETIME(6) NOT NULL,
  KEY by_instant (granted_at)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.cap_stops (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL COMMENT 'empty for a move, which spans due days',
  code VARBINARY(64) NOT NULL,
  stopped_at DATETIME(6) NOT NULL,
  PRIMARY KEY (run_id, due_on, code, stopped_at)
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.breaker_trips (
  trip_id VARBINARY(64) NOT NULL PRIMARY KEY,
  scope VARBINARY(16) NOT NULL COMMENT 'all, mysql, mongodb or keys',
  cause VARBINARY(32) NOT NULL COMMENT 'volume, count-mismatch, verification',
  tenant_id VARBINARY(64) NULL,
  run_id VARBINARY(64) NULL,
  due_on VARBINARY(10) NULL,
  tripped_at DATETIME(6) NOT NULL
) ENGINE=InnoDB
$$
CREATE TABLE {{control}}.breaker_resets (
  trip_id VARBINARY(64) NOT NULL PRIMARY KEY,
  reset_by VARBINARY(64) NOT NULL,
  reason LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
  reset_at DATETIME(6) NOT NULL
) ENGINE=InnoDB
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.read_cap(
  IN p_cap VARBINARY(32), OUT p_amount BIGINT UNSIGNED, OUT p_share INT UNSIGNED)
SQL SECURITY DEFINER
BEGIN
  -- The newest setting that has taken effect; one that was replaced before it did never counts.
  DECLARE v_now DATETIME(6) DEFAULT {{control}}.lethe_now();
  SET p_amount = NULL;
  SET p_share = NULL;
  SELECT s.amount, s.share INTO p_amount, p_share FROM {{control}}.cap_settings s
    WHERE s.cap = p_cap AND s.effective_at <= v_now
      AND NOT EXISTS (SELECT 1 FROM {{control}}.cap_settings n WHERE n.cap = s.cap
        AND n.setting_number > s.setting_number AND n.recorded_at < s.effective_at)
    ORDER BY s.setting_number DESC LIMIT 1 LOCK IN SHARE MODE;
  IF p_amount IS NULL OR p_share IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: a cap has no setting in force';
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.set_cap(
  IN p_cap VARBINARY(32), IN p_amount BIGINT, IN p_share INT, IN p_by VARBINARY(64),
  IN p_reason LONGTEXT CHARACTER SET utf8mb4)
SQL SECURITY DEFINER
BEGIN
  -- Stricter takes effect at once. Anything else waits, so that a second pair of eyes can see it coming.
  DECLARE v_id TINYINT;
  DECLARE v_now DATETIME(6);
  DECLARE v_amount BIGINT UNSIGNED;
  DECLARE v_share INT UNSIGNED;
  DECLARE v_delay BIGINT UNSIGNED;
  DECLARE v_unused INT UNSIGNED;
  DECLARE v_number INT UNSIGNED DEFAULT NULL;
  DECLARE v_stricter TINYINT;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  SELECT id INTO v_id FROM {{control}}.cap_gate WHERE id = 1 FOR UPDATE;
  SET v_now = {{control}}.lethe_now();
  SELECT MAX(setting_number) INTO v_number FROM {{control}}.cap_settings WHERE cap = p_cap LOCK IN SHARE MODE;
  IF v_number IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: cap is not one of the caps';
  END IF;
  IF p_amount IS NULL OR p_amount NOT BETWEEN 1 AND 1000000000000 OR p_share IS NULL
     OR p_share NOT BETWEEN 0 AND 100000
     OR (p_cap IN ('store-share-per-day', 'tenants-per-30-days') AND p_share > 1000)
     OR (p_cap IN ('rows-per-batch', 'cohorts-per-hour', 'loosening-hours') AND p_share <> 0)
     OR (p_cap = 'loosening-hours' AND p_amount > 720) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: amount or share is out of the bounds of this cap';
  END IF;
  IF p_by IS NULL OR LENGTH(p_by) = 0 OR p_reason IS NULL
     OR CHAR_LENGTH(TRIM(p_reason)) NOT BETWEEN 10 AND 500 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: reason must have 10 to 500 characters';
  END IF;
  CALL {{control}}.read_cap('loosening-hours', v_delay, v_unused);
  CALL {{control}}.read_cap(p_cap, v_amount, v_share);
  SET v_stricter = IF(p_cap = 'loosening-hours', p_amount >= v_amount,
    p_amount <= v_amount AND p_share <= v_share);
  IF NOT EXISTS (SELECT 1 FROM {{control}}.cap_settings WHERE cap = p_cap AND setting_number = v_number
      AND amount = p_amount AND share = p_share AND set_by = p_by AND reason = p_reason) THEN
    INSERT INTO {{control}}.cap_settings
        (cap, setting_number, amount, share, recorded_at, effective_at, set_by, reason)
      VALUES (p_cap, v_number + 1, p_amount, p_share, v_now,
        IF(v_stricter, v_now, v_now + INTERVAL v_delay HOUR), p_by, p_reason);
  END IF;
  COMMIT;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.assert_breaker(IN p_location VARBINARY(160))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_scope VARBINARY(16) DEFAULT CASE
    WHEN p_location LIKE 'mysql:%' THEN 'mysql' WHEN p_location LIKE 'mongodb:%' THEN 'mongodb' ELSE 'keys' END;
  IF EXISTS (SELECT 1 FROM {{control}}.breaker_trips t
      LEFT JOIN {{control}}.breaker_resets r ON r.trip_id = t.trip_id
      WHERE r.trip_id IS NULL AND t.scope IN ('all', v_scope) LOCK IN SHARE MODE) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'BREAKER_OPEN: the circuit breaker of this store is open; a person must reset it';
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.assert_usual(
  IN p_tenant VARBINARY(64), IN p_run VARBINARY(64), IN p_due VARBINARY(10), IN p_records BIGINT UNSIGNED,
  IN p_now DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  -- Compared with the busiest day of the four weeks before; a reset accepts what comes for a day.
  DECLARE v_amount BIGINT UNSIGNED;
  DECLARE v_share INT UNSIGNED;
  DECLARE v_used BIGINT UNSIGNED;
  DECLARE v_busiest BIGINT UNSIGNED;
  IF NOT EXISTS (SELECT 1 FROM {{control}}.breaker_resets r
      JOIN {{control}}.breaker_trips t ON t.trip_id = r.trip_id
      WHERE t.cause = 'volume' AND r.reset_at > p_now - INTERVAL 24 HOUR LOCK IN SHARE MODE) THEN
    CALL {{control}}.read_cap('unusual-tenants-per-day', v_amount, v_share);
    SELECT COUNT(DISTINCT tenant_id) INTO v_used FROM {{control}}.cap_uses
      WHERE granted_at > p_now - INTERVAL 24 HOUR AND tenant_id <> p_tenant LOCK IN SHARE MODE;
    IF v_used + 1 > v_amount THEN
      SELECT COALESCE(MAX(d.n), 0) INTO v_busiest FROM (
        SELECT COUNT(DISTINCT tenant_id) AS n FROM {{control}}.cap_uses
          WHERE granted_at > p_now - INTERVAL 29 DAY AND granted_at <= p_now - INTERVAL 1 DAY
          GROUP BY TO_DAYS(granted_at)) d;
      IF (v_used + 1) * 1000 > v_busiest * v_share THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'BREAKER_VOLUME: unusually many tenants would lose data within a day';
      END IF;
    END IF;
    CALL {{control}}.read_cap('unusual-records-per-day', v_amount, v_share);
    SELECT COALESCE(SUM(d.n), 0) INTO v_used FROM (
      SELECT MAX(records) AS n FROM {{control}}.cap_uses
        WHERE granted_at > p_now - INTERVAL 24 HOUR AND NOT (run_id = p_run AND due_on = p_due)
        GROUP BY run_id, due_on LOCK IN SHARE MODE) d;
    IF v_used + p_records > v_amount THEN
      SELECT COALESCE(MAX(e.n), 0) INTO v_busiest FROM (
        SELECT SUM(d.n) AS n FROM (
          SELECT TO_DAYS(granted_at) AS day, MAX(records) AS n FROM {{control}}.cap_uses
            WHERE granted_at > p_now - INTERVAL 29 DAY AND granted_at <= p_now - INTERVAL 1 DAY
            GROUP BY TO_DAYS(granted_at), run_id, due_on) d GROUP BY d.day) e;
      IF (v_used + p_records) * 1000 > v_busiest * v_share THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'BREAKER_VOLUME: unusually many records would go within a day';
      END IF;
    END IF;
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.assert_caps(
  IN p_tenant VARBINARY(64), IN p_run VARBINARY(64), IN p_due VARBINARY(10),
  IN p_class VARBINARY(64), IN p_records BIGINT UNSIGNED, IN p_now DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  DECLARE v_amount BIGINT UNSIGNED;
  DECLARE v_share INT UNSIGNED;
  DECLARE v_used BIGINT UNSIGNED;
  DECLARE v_all BIGINT UNSIGNED;
  CALL {{control}}.read_cap('cohorts-per-hour', v_amount, v_share);
  SELECT COUNT(DISTINCT run_id, due_on) INTO v_used FROM {{control}}.cap_uses
    WHERE granted_at > p_now - INTERVAL 1 HOUR AND NOT (run_id = p_run AND due_on = p_due) LOCK IN SHARE MODE;
  IF v_used + 1 > v_amount THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CAP_COHORTS_PER_HOUR: as many cohorts as an hour may end have ended';
  END IF;
  CALL {{control}}.read_cap('store-share-per-day', v_amount, v_share);
  SELECT COALESCE(SUM(d.n), 0) INTO v_used FROM (
    SELECT MAX(records) AS n FROM {{control}}.cap_uses
      WHERE granted_at > p_now - INTERVAL 24 HOUR AND record_class = p_class
        AND NOT (run_id = p_run AND due_on = p_due)
      GROUP BY run_id, due_on LOCK IN SHARE MODE) d;
  IF v_used + p_records > v_amount THEN
    SELECT COALESCE(SUM(c.records), 0) INTO v_all FROM {{control}}.cohorts c
      JOIN {{control}}.runs r ON r.run_id = c.run_id AND r.record_class = p_class
      WHERE EXISTS (SELECT 1 FROM {{control}}.cap_uses u WHERE u.run_id = c.run_id AND u.due_on = c.due_on
          AND u.granted_at > p_now - INTERVAL 24 HOUR)
        OR NOT EXISTS (SELECT 1 FROM {{control}}.cohort_states s WHERE s.run_id = c.run_id
          AND s.due_on = c.due_on AND s.state IN ('destroyed', 'restored', 'superseded'));
    IF (v_used + p_records) * 1000 > v_all * v_share THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CAP_STORE_SHARE_PER_DAY: more of what is stored than a day may end';
    END IF;
  END IF;
  CALL {{control}}.read_cap('tenants-per-30-days', v_amount, v_share);
  SELECT COUNT(DISTINCT tenant_id) INTO v_used FROM {{control}}.cap_uses
    WHERE granted_at > p_now - INTERVAL 30 DAY AND tenant_id <> p_tenant LOCK IN SHARE MODE;
  IF v_used + 1 > v_amount THEN
    SELECT COUNT(*) INTO v_all FROM {{control}}.tenants t
      WHERE EXISTS (SELECT 1 FROM {{control}}.subscriptions s LEFT JOIN {{control}}.subscription_ends e
          ON e.tenant_id = s.tenant_id AND e.subscription_id = s.subscription_id
          WHERE s.tenant_id = t.tenant_id AND e.subscription_id IS NULL)
        OR EXISTS (SELECT 1 FROM {{control}}.cohorts c WHERE c.tenant_id = t.tenant_id
          AND NOT EXISTS (SELECT 1 FROM {{control}}.cohort_states s WHERE s.run_id = c.run_id
            AND s.due_on = c.due_on AND s.state IN ('destroyed', 'restored', 'superseded')))
        OR EXISTS (SELECT 1 FROM {{control}}.cap_uses u WHERE u.tenant_id = t.tenant_id
          AND u.granted_at > p_now - INTERVAL 30 DAY);
    IF (v_used + 1) * 1000 > v_all * v_share THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CAP_TENANTS_PER_30_DAYS: as many tenants as 30 days may end have lost data';
    END IF;
  END IF;
END
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.permits_within_limits BEFORE INSERT ON {{control}}.permits
FOR EACH ROW
BEGIN
  -- Whichever procedure issues a permit, and whenever one is written, it passes here first.
  DECLARE v_id TINYINT;
  DECLARE v_now DATETIME(6);
  DECLARE v_class VARBINARY(64) DEFAULT NULL;
  DECLARE v_records BIGINT UNSIGNED DEFAULT NULL;
  DECLARE v_rows BIGINT UNSIGNED DEFAULT 0;
  DECLARE v_amount BIGINT UNSIGNED;
  DECLARE v_share INT UNSIGNED;
  IF NEW.kind = 'destroy' THEN
    SELECT id INTO v_id FROM {{control}}.cap_gate WHERE id = 1 FOR UPDATE;
  ELSE
    -- Moves do not wait for each other, but for a trip that is being recorded.
    SELECT id INTO v_id FROM {{control}}.cap_gate WHERE id = 1 LOCK IN SHARE MODE;
  END IF;
  CALL {{control}}.assert_breaker(NEW.location);
  SELECT COALESCE(MAX(id_count), 0) INTO v_rows FROM {{control}}.manifest_batches
    WHERE run_id = NEW.run_id AND location = NEW.location AND batch_number = NEW.batch_number;
  CALL {{control}}.read_cap('rows-per-batch', v_amount, v_share);
  IF v_rows > v_amount THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CAP_ROWS_PER_BATCH: the sealed batch has more rows than one may have';
  END IF;
  -- A cohort whose key is gone only has its end finished; it was counted when that was permitted.
  IF NEW.kind = 'destroy' AND NOT EXISTS (SELECT 1 FROM {{control}}.tombstones
      WHERE run_id = NEW.run_id AND due_on = NEW.due_on LOCK IN SHARE MODE) THEN
    SET v_now = {{control}}.lethe_now();
    SELECT r.record_class, c.records INTO v_class, v_records FROM {{control}}.cohorts c
      JOIN {{control}}.runs r ON r.run_id = c.run_id WHERE c.run_id = NEW.run_id AND c.due_on = NEW.due_on;
    IF v_class IS NULL OR v_records IS NULL THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMIT_REFUSED: no cohort to count against the caps';
    END IF;
    CALL {{control}}.assert_usual(NEW.tenant_id, NEW.run_id, NEW.due_on, v_records, v_now);
    CALL {{control}}.assert_caps(NEW.tenant_id, NEW.run_id, NEW.due_on, v_class, v_records, v_now);
    INSERT INTO {{control}}.cap_uses (permit_id, tenant_id, run_id, due_on, record_class, records, granted_at)
      VALUES (NEW.permit_id, NEW.tenant_id, NEW.run_id, NEW.due_on, v_class, v_records, v_now);
  END IF;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.trip_breaker(
  IN p_trip VARBINARY(64), IN p_scope VARBINARY(16), IN p_cause VARBINARY(32), IN p_tenant VARBINARY(64),
  IN p_run VARBINARY(64), IN p_due VARBINARY(10))
SQL SECURITY DEFINER
BEGIN
  -- What is permitted and not used yet goes with it; a statement in flight is waited for by its row.
  DECLARE v_id TINYINT;
  DECLARE v_now DATETIME(6);
  DECLARE v_safe INT DEFAULT @@session.sql_safe_updates;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; SET SESSION sql_safe_updates = v_safe; RESIGNAL; END;
  SET SESSION sql_safe_updates = 0;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  SELECT id INTO v_id FROM {{control}}.cap_gate WHERE id = 1 FOR UPDATE;
  SET v_now = {{control}}.lethe_now();
  IF p_scope IS NULL OR p_scope NOT IN ('all', 'mysql', 'mongodb', 'keys')
     OR p_cause IS NULL OR p_cause NOT IN ('volume', 'count-mismatch', 'verification') THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: no such scope or cause of a trip';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM {{control}}.breaker_trips t
      LEFT JOIN {{control}}.breaker_resets r ON r.trip_id = t.trip_id
      WHERE r.trip_id IS NULL AND t.scope = p_scope AND t.cause = p_cause) THEN
    INSERT INTO {{control}}.breaker_trips (trip_id, scope, cause, tenant_id, run_id, due_on, tripped_at)
      VALUES (p_trip, p_scope, p_cause, p_tenant, p_run, p_due, v_now);
    UPDATE {{control}}.permits SET revoked_at = v_now
      WHERE used_at IS NULL AND revoked_at IS NULL AND (p_scope = 'all'
        OR (p_scope IN ('mysql', 'mongodb') AND location LIKE CONCAT(p_scope, ':%'))
        OR (p_scope = 'keys' AND batch_number = 0));
  END IF;
  COMMIT;
  SET SESSION sql_safe_updates = v_safe;
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.reset_breaker(
  IN p_trip VARBINARY(64), IN p_by VARBINARY(64), IN p_reason LONGTEXT CHARACTER SET utf8mb4)
SQL SECURITY DEFINER
BEGIN
  DECLARE v_id TINYINT;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  SELECT id INTO v_id FROM {{control}}.cap_gate WHERE id = 1 FOR UPDATE;
  IF NOT EXISTS (SELECT 1 FROM {{control}}.breaker_trips WHERE trip_id = p_trip) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'UNKNOWN_TRIP: tripId names no trip of the circuit breaker';
  END IF;
  IF p_by IS NULL OR LENGTH(p_by) = 0 OR p_reason IS NULL
     OR CHAR_LENGTH(TRIM(p_reason)) NOT BETWEEN 10 AND 500 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INPUT: reason must have 10 to 500 characters';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM {{control}}.breaker_resets WHERE trip_id = p_trip) THEN
    INSERT INTO {{control}}.breaker_resets (trip_id, reset_by, reason, reset_at)
      VALUES (p_trip, p_by, p_reason, {{control}}.lethe_now());
  END IF;
  COMMIT;
END
$$
