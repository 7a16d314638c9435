-- What a receiver refuses for good is set aside: an attempt of that outcome moves its line on. The index finds
-- these few rows, and the last delivery before them, among the many of a receiver.
ALTER TABLE {{control}}.notice_attempts
  MODIFY sequence BIGINT UNSIGNED NOT NULL
    COMMENT 'the last notice that the attempt was about; of one that failed, the first',
  MODIFY outcome VARBINARY(16) NOT NULL COMMENT 'delivered, passed, failed, set-aside',
  ADD KEY by_outcome (receiver, outcome, sequence)
