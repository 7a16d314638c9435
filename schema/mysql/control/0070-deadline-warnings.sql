-- Promises that the caps would break, seen a week before the window opens: enough time to loosen a cap.
CREATE TABLE {{control}}.deadline_warnings (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  cap VARBINARY(32) NOT NULL COMMENT 'the cap that stands in the way',
  tenant_id VARBINARY(64) NOT NULL,
  latest_at DATETIME(6) NOT NULL COMMENT 'the promise as it stood at the warning',
  warned_at DATETIME(6) NOT NULL,
  PRIMARY KEY (run_id, due_on, cap)
) ENGINE=InnoDB
$$
CREATE DEFINER={{definer}} TRIGGER {{control}}.notice_of_risk AFTER INSERT ON {{control}}.deadline_warnings
FOR EACH ROW
BEGIN
  CALL {{control}}.give_notice(
    'deadline.at-risk', NEW.tenant_id, CONCAT_WS('/', NEW.run_id, NEW.due_on, NEW.cap), NEW.warned_at,
    JSON_OBJECT('runId', CONVERT(NEW.run_id USING utf8mb4),
      'dueOn', CONVERT(NEW.due_on USING utf8mb4), 'cap', CONVERT(NEW.cap USING utf8mb4),
      'latestAt', DATE_FORMAT(NEW.latest_at, '%Y-%m-%dT%H:%i:%s.%fZ')));
END
